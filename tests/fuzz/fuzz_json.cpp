// The JSON that a user writes by hand: limits, masks and hosts. Whatever the bytes are, parsing ends with a value that is valid or a
// refusal that names the file.
#include <cstddef>
#include <cstdint>
#include <string_view>

#include "cli/limits_file.h"
#include "cli/rank_devices.h"
#include "runtime/mask.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using sedma::Code;
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  const auto check_refusal = [](const sedma::Status& status) {
    SEDMA_CHECK(status.code() == Code::data_corrupt || status.code() == Code::invalid_argument, status.to_string());
    SEDMA_CHECK(status.message().starts_with("fuzz"), status.to_string());
  };
  const auto limits = sedma::cli::parse_limits(text, "fuzz");
  if (limits.ok())
    SEDMA_CHECK(limits->validate().ok());
  else
    check_refusal(limits.status());
  const auto mask = sedma::runtime::parse_mask(text, "fuzz");
  if (!mask.ok()) check_refusal(mask.status());
  const auto hosts = sedma::cli::parse_hosts(text, "fuzz");
  if (!hosts.ok()) {
    check_refusal(hosts.status());
    return 0;
  }
  for (const auto& [host, boards] : hosts->boards) {
    for (int rank = 0; rank <= static_cast<int>(boards.size()); ++rank) {
      const auto device = sedma::cli::device_of(*hosts, {rank, rank + 1, host, rank});
      SEDMA_CHECK(!device.ok() || rank < static_cast<int>(boards.size()), rank);
      if (!device.ok()) check_refusal(device.status());
    }
  }
  return 0;
}
