#pragma once
// Short-term memory: the last 100 outcomes, and whether they change.

#include <array>
#include <cstddef>
#include <cstdint>
#include <vector>

namespace sedma::runtime {

/// What one product (a batch of vectors) showed.
struct Moment {
  double seconds = 0;  ///< since programming, on the device's clock
  std::uint64_t vectors = 0, checked = 0;
  std::uint64_t off_target = 0;  ///< of those checked, vectors with an error above the target
  double error = 0;              ///< median relative l2 error of the checked vectors; only where checked > 0
  double noise = 0;              ///< what is known of the sd of the outputs / their rms (products repeated or expected)
  double unconverged = 0;        ///< share of cells, of the last programming
  double load = 0;               ///< device seconds / wall seconds
};

struct Trend {
  double level = 0;              ///< now: exponentially weighted mean, half of it from the last 10 products
  double slope_per_product = 0;  ///< robust (Theil-Sen: the median over pairs) over what is remembered
  double change = 1;             ///< mean of the last quarter, 10 products at most / mean before; 1: none
  double z = 0;                  ///< of that change, in standard errors
};

/// A change of the error is looked for by Page's cumulative sum, both ways, of log(error) in units of its own scatter, which is learnt as
/// products come (self-starting, Hawkins 1987: Student's t of each product against all before it, as a normal number), so that no number of
/// products is set aside for learning. Not thread-safe. Cost of remember(): below 1 us; of a trend below 100 us.
class WorkingMemory {
 public:
  static constexpr std::size_t capacity = 100;
  void remember(const Moment& moment);
  void clear() noexcept;  ///< the cells were written anew
  /// Whether the newest product alone is far off the level before it. If so it is taken for a step from now on: for a caller to whom other
  /// evidence, such as vectors off target, says so too.
  bool confirm_leap() noexcept;
  void settle() noexcept;  ///< the level since the change is the one to compare with from now on
  std::size_t size() const noexcept { return size_; }
  const Moment& newest(std::size_t back = 0) const;  ///< 0: the last. @pre back < size()
  Trend error() const;                               ///< of the products with checked vectors; nothing where there are none
  Trend noise() const;
  Trend load() const;
  /// Share of the vectors checked in the last `products` products that were off target; 0 where none was checked.
  double off_target(std::size_t products) const;
  /// The error has changed: it is away from its level before by more than the products' own scatter, at a false alarm in at most 1 of 1,000
  /// products. What is compared is a cumulative sum, so that small steps are found too.
  bool stepped() const noexcept;
  /// The newest products that are all of one level: since the change where stepped(), else since settle() or clear(); at most size().
  std::size_t steady() const noexcept;

 private:
  struct Sum {
    double value = 0;
    std::size_t since = 0;  ///< products since it was 0
  };
  void watch(const Moment& moment) noexcept;
  template <class Value, class Used>
  Trend trend(const Value& value, const Used& used) const;

  std::array<Moment, capacity> moments_;
  std::size_t next_ = 0, size_ = 0, settled_ = 0;
  std::size_t compared_ = 0;                     // products behind the level
  double weight_ = 0, level_ = 0, scatter_ = 0;  // vectors behind it, mean of log(error), sum of squares
  Sum up_, down_;
  double newest_z_ = 0;
};

}  // namespace sedma::runtime
