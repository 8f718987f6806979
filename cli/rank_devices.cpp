#include "cli/rank_devices.h"

#include <utility>

#include "calibration/file_io.h"
#include "cli/json_object.h"
#include "cli/units.h"

namespace sedma::cli {
namespace {

using nlohmann::json;

bool is_hex(char c) noexcept { return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F'); }

bool is_plain(char c) noexcept {
  return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '-' || c == '.' || c == '_';
}

std::string escaped(std::string_view text) {
  std::string out;
  for (const char c : text) {
    if (is_plain(c)) {
      out += c;
    } else {
      out += fmt::format("%{:02X}", static_cast<unsigned>(static_cast<unsigned char>(c)));
    }
  }
  return out;
}

std::string place_of(const HostBoards& hosts, const std::string& host, std::size_t index) {
  return fmt::format("{}: {}[{}]", hosts.file, printable(host), index);
}

// Not dump() of anything: that recurses, and a hostile file may nest deeper than the stack.
Result<std::string> board_at(const json& found, const std::string& where) {
  if (!found.is_string()) return fail(Code::invalid_argument, "{}: expected the URI of a device, found {}", where, found.type_name());
  const auto& uri = found.get_ref<const std::string&>();
  if (uri.empty()) return fail(Code::invalid_argument, "{}: expected the URI of a device, found an empty text", where);
  return uri;
}

Status add_host(const std::string& host, const json& found, HostBoards& hosts) {
  if (host.empty()) return fail(Code::invalid_argument, "{}: a host without a name", hosts.file);
  std::vector<std::string>& boards = hosts.boards[host];
  if (!found.is_array()) {
    SEDMA_ASSIGN_OR_RETURN(std::string uri, board_at(found, fmt::format("{}: {}", hosts.file, printable(host))));
    boards.push_back(std::move(uri));
    return {};
  }
  if (found.empty()) return fail(Code::invalid_argument, "{}: {} has an empty list of boards", hosts.file, printable(host));
  for (std::size_t i = 0; i < found.size(); ++i) {
    SEDMA_ASSIGN_OR_RETURN(std::string uri, board_at(found[i], place_of(hosts, host, i)));
    boards.push_back(std::move(uri));
  }
  return {};
}

std::string names_of(const HostBoards& hosts) {
  constexpr std::size_t most = 20;
  std::string names;
  std::size_t listed = 0;
  for (const auto& [host, boards] : hosts.boards) {
    if (listed++ == most) return names + fmt::format(" and {} more", hosts.boards.size() - most);
    names += (names.empty() ? "" : ", ") + printable(host);
  }
  return names;
}

}  // namespace

Result<std::string> fill_in(std::string_view uri, const RankPlace& place) {
  std::string filled;
  for (std::size_t i = 0; i < uri.size(); ++i) {
    if (uri[i] != '%') {
      filled += uri[i];
      continue;
    }
    const char what = i + 1 < uri.size() ? uri[i + 1] : '\0';
    if (what == 'r') {
      filled += std::to_string(place.rank);
    } else if (what == 'h') {
      filled += escaped(place.host);
    } else if (what == '%') {
      filled += '%';
    } else if (i + 2 < uri.size() && is_hex(what) && is_hex(uri[i + 2])) {
      filled += '%';
      continue;  // the digits follow as they are
    } else {
      return fail(Code::invalid_argument,
                  "'{}': '{}' at character {} stands for nothing; %r is the rank, %h the host, %% a %, % and two hexadecimal digits a byte",
                  printable(uri), printable(uri.substr(i, 2)), i);
    }
    ++i;
  }
  return filled;
}

Result<std::string> device_of(std::span<const std::string> devices, const RankPlace& place) {
  SEDMA_CHECK(place.rank >= 0 && place.rank < place.size, place.rank, place.size);
  const auto rank = static_cast<std::size_t>(place.rank), size = static_cast<std::size_t>(place.size);
  if (devices.size() != 1 && devices.size() != size) {
    return fail(Code::invalid_argument, "{} for {}: give one for all (%r stands for the rank) or one for each",
                count(devices.size(), "device"), count(size, "rank"));
  }
  const std::size_t index = devices.size() == 1 ? 0 : rank;
  auto filled = fill_in(devices[index], place);
  if (!filled.ok()) return filled.status().with_context(fmt::format("device {}", index));
  return filled;
}

Result<HostBoards> parse_hosts(std::string_view text, const std::string& name) {
  SEDMA_ASSIGN_OR_RETURN(const json object, parse_json_object(text, name));
  HostBoards hosts;
  hosts.file = name;
  for (const auto& item : object.items()) SEDMA_RETURN_IF_ERROR(add_host(item.key(), item.value(), hosts));
  if (hosts.boards.empty()) return fail(Code::invalid_argument, "{}: names no host", name);
  return hosts;
}

Result<HostBoards> read_hosts(const std::string& path) {
  SEDMA_ASSIGN_OR_RETURN(const std::string text, calibration::read_file(path));
  return parse_hosts(text, path);
}

Result<std::string> device_of(const HostBoards& hosts, const RankPlace& place) {
  SEDMA_CHECK(place.local_rank >= 0, place.local_rank);
  const auto found = hosts.boards.find(place.host);
  if (found == hosts.boards.end()) {
    return fail(Code::invalid_argument, "{}: rank {} runs on host {}, which it does not name; it names {}", hosts.file, place.rank,
                printable(place.host), names_of(hosts));
  }
  const auto index = static_cast<std::size_t>(place.local_rank);
  const std::vector<std::string>& boards = found->second;
  if (index >= boards.size()) {
    return fail(Code::invalid_argument, "{}: rank {} is number {} on host {}, which has {}", hosts.file, place.rank, index + 1,
                printable(place.host), count(boards.size(), "board"));
  }
  auto filled = fill_in(boards[index], place);
  if (!filled.ok()) return filled.status().with_context(place_of(hosts, place.host, index));
  return filled;
}

}  // namespace sedma::cli
