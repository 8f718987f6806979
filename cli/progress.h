#pragma once
// A bar on a terminal's stderr for work that takes longer than a second; silent everywhere else. And what cannot wait for its end.

#include <chrono>
#include <cstdint>
#include <mutex>
#include <string>
#include <string_view>

namespace sedma::cli {

class Progress {
 public:
  Progress();
  Progress(const Progress&) = delete;
  Progress& operator=(const Progress&) = delete;
  /// Wipes the bar.
  ~Progress() { clear(); }

  /// Stands before the stage, e.g. "TaOx-HfOx, 1 slice".
  void set_label(std::string label) { label_ = std::move(label); }
  /// Draws "label stage [####----] 12/400", at most ten times a second.
  void update(std::string_view stage, std::uint64_t done, std::uint64_t total);
  /// Says at once what is about to take long and cannot be measured, e.g. "reading big.mtx (1.2 GiB)".
  void announce(const std::string& what);
  void clear();
  /// A line of its own on stderr, "sedma: ...", terminal or not; the bar comes back with the next update. From any thread.
  void interject(const std::string& sentence);

 private:
  using Clock = std::chrono::steady_clock;
  void draw(const std::string& text);
  void wipe();
  std::mutex mutex_;
  bool terminal_;
  bool shown_ = false;
  std::string label_;
  Clock::time_point begin_, last_;
};

}  // namespace sedma::cli
