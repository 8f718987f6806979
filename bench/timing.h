#pragma once
// Times of calls that are measured side by side, so that what disturbs one disturbs all.

#include <cstddef>
#include <functional>
#include <vector>

namespace sedma::bench {

struct Task {
  std::function<void()> call;
  std::function<void()> prepare{};  ///< optional, not timed: before every call
  double rest_seconds = 0;          ///< pause before every sample, so that threads which spin after somebody else's parallel region sleep
};

/// Seconds of one call. A sample is the mean of as many calls as take 50 us together; the figure is the fastest sample.
struct Timing {
  double seconds = 0;
  double median_seconds = 0;
  std::size_t samples = 0;
  /// Median / fastest: 1 on a quiet machine.
  double spread() const noexcept { return seconds > 0 ? median_seconds / seconds : 1; }
};

struct Effort {
  double seconds = 0.3;          ///< for all tasks of one interleaving together, warm-up and rests included
  std::size_t least_rounds = 5;  ///< also where that takes longer, until ten times `seconds`; never below 2
};

/// Longer than the threads of a parallel region stay awake after it (libgomp: some milliseconds).
inline constexpr double spin_seconds = 5e-3;

/// Samples the tasks in turns, round after round. Every sample of a call below 5 ms follows one call that is not timed: its data are where
/// a caller that does nothing else would have them. @pre at least one task
std::vector<Timing> interleave(const std::vector<Task>& tasks, const Effort& effort);

}  // namespace sedma::bench
