// A device URI comes from a command line or a configuration file: whatever it holds, parsing ends, and what is printed parses to the same.
#include <cstddef>
#include <cstdint>
#include <string_view>

#include "hal/uri.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using sedma::hal::Uri;
  auto uri = Uri::parse(std::string_view(reinterpret_cast<const char*>(data), size));
  if (!uri.ok()) return 0;
  const std::string printed = uri->to_string();
  const auto again = Uri::parse(printed);
  SEDMA_CHECK(again.ok(), printed, again.status().to_string());
  SEDMA_CHECK(again->scheme() == uri->scheme() && again->target() == uri->target() && again->options() == uri->options(), printed);
  SEDMA_CHECK(again->to_string() == printed, printed);

  const std::size_t count = uri->options().size();
  static_cast<void>(uri->take_unsigned("arrays", 1, 1, 64).ok());
  if (const auto number = uri->take_number("sigma", 0, -1, 1); number.ok()) SEDMA_CHECK(*number >= -1 && *number <= 1, printed);
  static_cast<void>(uri->take_switch("wires", false).ok());
  const std::size_t prefixed = uri->take_prefixed("fault.").size();
  SEDMA_CHECK(uri->options().size() + prefixed <= count, printed);
  SEDMA_CHECK(uri->expect_empty({"arrays"}).ok() == uri->options().empty(), printed);
  return 0;
}
