#pragma once
// How a command ends: the exit code and, if it did not go well, the sentence for stderr.

#include <string>
#include <utility>

#include "hal/status.h"

namespace sedma::cli {

inline constexpr int exit_ok = 0;      ///< done
inline constexpr int exit_failed = 1;  ///< a file, a board or the work itself failed
inline constexpr int exit_usage = 2;   ///< the command line asks for something that does not exist or contradicts itself
                                       ///< (stopped by a signal: 128 + its number, 130 for SIGINT and 143 for SIGTERM)

class [[nodiscard]] Ending {
 public:
  Ending() = default;
  /// ok, or a failure with exit_failed.
  Ending(const Status& status) : Ending(status.ok() ? exit_ok : exit_failed, status.message()) {}  // NOLINT(google-explicit-constructor)
  Ending(int exit_code, std::string message) : exit_code_(exit_code), message_(std::move(message)) {}

  /// A failure of what the command line says.
  static Ending usage(std::string message) { return {exit_usage, std::move(message)}; }
  /// A failure whose code tells whose it is: invalid_argument is the command line's, anything else exit_failed.
  static Ending of_request(const Status& status) {
    return status.code() == Code::invalid_argument ? usage(status.message()) : Ending(status);
  }

  /// Everything is said already, also of signals.
  static Ending said(int exit_code) {
    Ending ending(exit_code, "");
    ending.said_ = true;
    return ending;
  }

  bool is_said() const noexcept { return said_; }
  int exit_code() const noexcept { return exit_code_; }
  /// For the other ranks of a job.
  Status verdict() const {
    if (exit_code_ == exit_ok) return {};
    return {exit_code_ == exit_usage ? Code::invalid_argument : Code::aborted, message_};
  }
  const std::string& message() const noexcept { return message_; }  ///< empty: nothing to say

 private:
  int exit_code_ = exit_ok;
  bool said_ = false;
  std::string message_;
};

/// The sentence of a failure on stderr.
void say(const Ending& ending);

}  // namespace sedma::cli
