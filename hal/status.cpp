#include "hal/status.h"

#include <atomic>
#include <cstdio>
#include <cstdlib>

namespace sedma {
namespace {

void print_and_abort(const char* text) {
  std::fputs(text, stderr);
  std::abort();
}

std::atomic<AbortHandler> abort_handler{print_and_abort};

}  // namespace

std::string_view name(Code code) noexcept {
  switch (code) {
    case Code::ok: return "ok";
    case Code::invalid_argument: return "invalid_argument";
    case Code::out_of_range: return "out_of_range";
    case Code::unsupported: return "unsupported";
    case Code::unavailable: return "unavailable";
    case Code::deadline_exceeded: return "deadline_exceeded";
    case Code::device_fault: return "device_fault";
    case Code::data_corrupt: return "data_corrupt";
    case Code::aborted: return "aborted";
    case Code::internal: return "internal";
  }
  return "unknown";
}

std::string Status::to_string() const { return ok() ? "ok" : fmt::format("{}: {}", name(code_), message_); }

Status Status::with_context(std::string_view prefix) const { return ok() ? *this : Status(code_, fmt::format("{}: {}", prefix, message_)); }

AbortHandler set_abort_handler(AbortHandler handler) noexcept {
  return abort_handler.exchange(handler != nullptr ? handler : print_and_abort);
}

void check_failed(const char* file, int line, const char* expression, const std::string& values) {
  const std::string text = fmt::format("{}:{}: check failed: {}{}{}\n", file, line, expression, values.empty() ? "" : "; ", values);
  abort_handler.load()(text.c_str());
  std::abort();
}

}  // namespace sedma
