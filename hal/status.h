#pragma once
// Status, Result<T> and SEDMA_CHECK: the three ways in which SEDMA reports.

#include <fmt/format.h>

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

namespace sedma {

/// What the caller should do next.
enum class Code : std::uint8_t {
  ok,
  invalid_argument,   ///< the request itself is wrong: correct it, a retry cannot help
  out_of_range,       ///< the request lies outside a capability or a limit: shrink it
  unsupported,        ///< this backend or build cannot do it: choose another way
  unavailable,        ///< no board, link down, file absent: try again later or elsewhere
  deadline_exceeded,  ///< ran out of time: the device is in its safe state, retry with more time
  device_fault,       ///< the array or board reported a fault: do not trust it, move the work
  data_corrupt,       ///< a file or message is damaged: use another copy
  aborted,            ///< cancelled by the caller or by a shutdown: nothing to do
  internal,           ///< a defect in SEDMA: report it
};

/// The name of a code as printed in messages and JSON, e.g. "out_of_range".
std::string_view name(Code code) noexcept;

/// Success, or a code with a message that says what was asked and what there is, with units.
class [[nodiscard]] Status {
 public:
  Status() noexcept = default;
  Status(Code code, std::string message) : code_(code), message_(std::move(message)) {}

  bool ok() const noexcept { return code_ == Code::ok; }
  explicit operator bool() const noexcept { return ok(); }
  Code code() const noexcept { return code_; }
  const std::string& message() const noexcept { return message_; }
  /// "out_of_range: cell (0, 5) asks for ...", or "ok".
  std::string to_string() const;
  /// The same code with "prefix: " before the message; ok stays ok.
  Status with_context(std::string_view prefix) const;

 private:
  Code code_ = Code::ok;
  std::string message_;
};

/// A failed Status with a formatted message: fail(Code::out_of_range, "{} V exceed {} V", a, b).
template <class... Args>
Status fail(Code code, fmt::format_string<Args...> format, Args&&... args) {
  return Status(code, fmt::format(format, std::forward<Args>(args)...));
}

[[noreturn]] void check_failed(const char* file, int line, const char* expression, const std::string& values);

/// A value or the Status that says why there is none. value() on a failure is a defect and ends the process.
template <class T>
class [[nodiscard]] Result {
 public:
  Result(T value) : value_(std::move(value)) {}         // NOLINT(google-explicit-constructor)
  Result(Status status) : status_(std::move(status)) {  // NOLINT(google-explicit-constructor)
    if (status_.ok()) check_failed(__FILE__, __LINE__, "Result from an ok Status", "");
  }

  bool ok() const noexcept { return value_.has_value(); }
  explicit operator bool() const noexcept { return ok(); }
  const Status& status() const noexcept { return status_; }
  T& value() & { return require(), *value_; }
  const T& value() const& { return require(), *value_; }
  T&& value() && { return require(), std::move(*value_); }
  T& operator*() & { return value(); }
  const T& operator*() const& { return value(); }
  T&& operator*() && { return std::move(*this).value(); }
  T* operator->() { return &value(); }
  const T* operator->() const { return &value(); }

 private:
  void require() const {
    if (!value_) check_failed(__FILE__, __LINE__, "Result::value()", status_.to_string());
  }
  std::optional<T> value_;
  Status status_;
};

/// Called with the text of a broken invariant before the process ends; the program may install MPI_Abort. Must not return.
using AbortHandler = void (*)(const char* text);
/// Replaces the handler (default: print to stderr and std::abort) and returns the previous one. Thread-safe.
AbortHandler set_abort_handler(AbortHandler handler) noexcept;

}  // namespace sedma

/// Ends the process with the expression, where it stands and the values given, if `expression` is false. For defects only.
#define SEDMA_CHECK(expression, ...)                                                              \
  do {                                                                                            \
    if (!(expression)) [[unlikely]]                                                               \
      ::sedma::check_failed(__FILE__, __LINE__, #expression, ::sedma::detail::join(__VA_ARGS__)); \
  } while (false)

/// Returns the Status of `expression` from the enclosing function if it failed.
#define SEDMA_RETURN_IF_ERROR(expression)                                             \
  do {                                                                                \
    if (auto sedma_status_ = (expression); !sedma_status_.ok()) return sedma_status_; \
  } while (false)

#define SEDMA_CONCAT_INNER(a, b) a##b
#define SEDMA_CONCAT(a, b) SEDMA_CONCAT_INNER(a, b)
/// Declares `declaration` from a Result, or returns its Status from the enclosing function.
#define SEDMA_ASSIGN_OR_RETURN(declaration, expression)                                                   \
  auto SEDMA_CONCAT(sedma_result_, __LINE__) = (expression);                                              \
  if (!SEDMA_CONCAT(sedma_result_, __LINE__).ok()) return SEDMA_CONCAT(sedma_result_, __LINE__).status(); \
  declaration = std::move(SEDMA_CONCAT(sedma_result_, __LINE__)).value()

namespace sedma::detail {
inline std::string join() { return {}; }
template <class First, class... Rest>
std::string join(const First& first, const Rest&... rest) {
  std::string text = fmt::format("{}", first);
  ((text += fmt::format(", {}", rest)), ...);
  return text;
}
}  // namespace sedma::detail
