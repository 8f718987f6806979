#pragma once
// Which device a rank of a job opens: from --device, or from a file that says which host has which boards. Pure, but for reading the file.

#include <map>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "hal/status.h"

namespace sedma::cli {

/// A rank of a job and where it runs.
struct RankPlace {
  int rank = 0, size = 1;  ///< 0 <= rank < size
  std::string host;
  int local_rank = 0;  ///< among the ranks of this host, from 0
};

/// A device URI in which %r is replaced by the rank, %h by the host's name (percent escapes where a URI needs them) and %% by %. Percent
/// escapes of the URI itself (% and two hexadecimal digits) stay. Errors: invalid_argument (any other %: says which and at which place).
Result<std::string> fill_in(std::string_view uri, const RankPlace& place);

/// The device of a rank, filled in: one for all ranks, or one for each in their order. Errors: invalid_argument (any other number of
/// devices: says both; of fill_in(), naming the device by its place in the list).
Result<std::string> device_of(std::span<const std::string> devices, const RankPlace& place);

/// The boards of every host.
struct HostBoards {
  std::string file;  ///< appears in messages
  std::map<std::string, std::vector<std::string>> boards;
};
/// Parses {"n0": "URI", "n1": ["URI", "URI"]}. `name` appears in messages. Errors: data_corrupt (not JSON: line and column; no object; a
/// host given twice), invalid_argument (no host at all; a host without a name or a board; what is no text: says where and what it is).
Result<HostBoards> parse_hosts(std::string_view text, const std::string& name);
/// Errors: unavailable, and those of parse_hosts.
Result<HostBoards> read_hosts(const std::string& path);
/// The device of a rank, filled in: rank i of a host takes its i-th board. Errors: invalid_argument (a host that the file does not name:
/// lists those it does; more ranks on a host than it has boards: says both; of fill_in(), naming the board by host and index).
Result<std::string> device_of(const HostBoards& hosts, const RankPlace& place);

}  // namespace sedma::cli
