#include "runtime/run_records.h"

#include <fmt/format.h>
#include <xxhash.h>

#include <array>
#include <filesystem>
#include <nlohmann/json.hpp>
#include <string_view>
#include <tuple>

#include "calibration/file_io.h"

namespace sedma::runtime {
namespace {

using nlohmann::json;

constexpr std::string_view magic = "SEDMA run log, xxh3-128 ";
constexpr std::uint64_t version = 1;
constexpr std::uint64_t most_bytes = 64u << 20;
constexpr std::array<const char*, 4> state_names = {"running", "done", "stopped", "failed"};

std::string seal(std::string_view body) {
  const XXH128_hash_t hash = XXH3_128bits(body.data(), body.size());
  return fmt::format("{}{:016x}{:016x}\n", magic, hash.high64, hash.low64);
}

Status write_record(const std::string& path, json record) {
  record["version"] = version;
  const std::string body = record.dump(2) + "\n";
  SEDMA_ASSIGN_OR_RETURN(calibration::AtomicFile file, calibration::AtomicFile::create(path));
  SEDMA_RETURN_IF_ERROR(file.write(seal(body) + body));
  return file.commit();
}

Result<json> read_record(const std::string& path) {
  SEDMA_ASSIGN_OR_RETURN(const std::string bytes, calibration::read_file(path, 0, most_bytes));
  const std::size_t line = bytes.find('\n');
  if (!std::string_view(bytes).starts_with(magic) || line == std::string::npos)
    return fail(Code::data_corrupt, "{} is torn, or no record of a run log", path);
  const std::string_view body = std::string_view(bytes).substr(line + 1);
  if (bytes.substr(0, line + 1) != seal(body)) return fail(Code::data_corrupt, "{} is damaged: it does not match its checksum", path);
  json record = json::parse(body, nullptr, false);
  if (!record.is_object() || !record.contains("version") || !record["version"].is_number_unsigned())
    return fail(Code::data_corrupt, "{} is no record of a run log", path);
  if (const auto found = record["version"].get<std::uint64_t>(); found > version)
    return fail(Code::unsupported, "{} has version {}, this SEDMA reads up to {}: use a newer one", path, found, version);
  return record;
}

/// Host names and messages may hold any bytes, JSON's texts only UTF-8: others are kept as numbers.
json from_text(const std::string& text) {
  try {
    json value = text;
    static_cast<void>(value.dump());
    return value;
  } catch (const json::exception&) {
    return std::vector<std::uint8_t>(text.begin(), text.end());
  }
}

std::string to_text(const json& value) {
  if (value.is_string()) return value.get<std::string>();
  const auto bytes = value.get<std::vector<std::uint8_t>>();
  return {bytes.begin(), bytes.end()};
}

std::string identity_path(const std::string& directory) { return directory + "/identity"; }

std::string standing_path(const std::string& directory, std::uint64_t sequence) {
  return fmt::format("{}/standing.{}", directory, sequence % 2);
}

Result<NumberedStanding> read_generation(const std::string& path) {
  SEDMA_ASSIGN_OR_RETURN(const json record, read_record(path));
  NumberedStanding found;
  try {
    RunStanding& s = found.standing;
    record.at("sequence").get_to(found.sequence);
    record.at("starts").get_to(s.starts);
    record.at("vectors_done").get_to(s.vectors_done);
    record.at("programmings").get_to(s.programmings);
    const auto state = std::find(state_names.begin(), state_names.end(), record.at("state").get<std::string>());
    if (state == state_names.end()) return fail(Code::data_corrupt, "{}: no such state: {}", path, record.at("state").dump());
    s.state = static_cast<RunStanding::State>(state - state_names.begin());
    s.message = to_text(record.at("message"));
    s.coordinator_host = to_text(record.at("coordinator_host"));
    for (const json& host : record.at("lost_hosts")) s.lost_hosts.push_back(to_text(host));
  } catch (const json::exception& error) {
    return fail(Code::data_corrupt, "{}: {}", path, error.what());
  }
  return found;
}

template <class T>
void compare(std::string& differences, const char* field, const T& there, const T& asked) {
  if (there != asked) differences += fmt::format("{}{} is '{}' there, '{}' asked", differences.empty() ? "" : "; ", field, there, asked);
}

}  // namespace

const char* name(RunStanding::State state) noexcept { return state_names[static_cast<std::size_t>(state)]; }

Status write_identity(const std::string& directory, const RunIdentity& identity) {
  return write_record(identity_path(directory), {{"matrix", from_text(identity.matrix)},
                                                 {"content", identity.content},
                                                 {"inputs", identity.inputs},
                                                 {"vectors", identity.vectors},
                                                 {"rows", identity.rows},
                                                 {"each", identity.each},
                                                 {"options", from_text(identity.options)}});
}

Result<RunIdentity> read_identity(const std::string& directory) {
  const std::string path = identity_path(directory);
  SEDMA_ASSIGN_OR_RETURN(const json record, read_record(path));
  RunIdentity identity;
  try {
    identity.matrix = to_text(record.at("matrix"));
    record.at("content").get_to(identity.content);
    record.at("inputs").get_to(identity.inputs);
    record.at("vectors").get_to(identity.vectors);
    record.at("rows").get_to(identity.rows);
    record.at("each").get_to(identity.each);
    identity.options = to_text(record.at("options"));
  } catch (const json::exception& error) {
    return fail(Code::data_corrupt, "{}: {}", path, error.what());
  }
  return identity;
}

Status same_run(const RunIdentity& there, const RunIdentity& asked) {
  std::string differences;
  compare(differences, "matrix", there.matrix, asked.matrix);
  compare(differences, "content", fmt::format("{:016x}", there.content), fmt::format("{:016x}", asked.content));
  compare(differences, "inputs", fmt::format("{:016x}", there.inputs), fmt::format("{:016x}", asked.inputs));
  compare(differences, "vectors", there.vectors, asked.vectors);
  compare(differences, "rows", there.rows, asked.rows);
  compare(differences, "each", there.each, asked.each);
  compare(differences, "options", there.options, asked.options);
  return differences.empty() ? Status() : Status(Code::invalid_argument, differences);
}

Status write_standing(const std::string& directory, const NumberedStanding& numbered) {
  const RunStanding& s = numbered.standing;
  json hosts = json::array();
  for (const std::string& host : s.lost_hosts) hosts.push_back(from_text(host));
  return write_record(standing_path(directory, numbered.sequence), {{"sequence", numbered.sequence},
                                                                    {"starts", s.starts},
                                                                    {"vectors_done", s.vectors_done},
                                                                    {"programmings", s.programmings},
                                                                    {"state", name(s.state)},
                                                                    {"message", from_text(s.message)},
                                                                    {"coordinator_host", from_text(s.coordinator_host)},
                                                                    {"lost_hosts", hosts}});
}

Result<std::optional<NumberedStanding>> read_standing(const std::string& directory) {
  std::optional<NumberedStanding> newest;
  Status damage;
  const auto order = [](const NumberedStanding& s) { return std::tuple(s.standing.starts, s.sequence); };
  for (const std::uint64_t generation : {0u, 1u}) {
    const std::string path = standing_path(directory, generation);
    std::error_code unknown;
    if (!std::filesystem::exists(path, unknown) && !unknown) continue;
    auto found = read_generation(path);
    if (!found.ok() && found.status().code() != Code::data_corrupt) return found.status();
    if (!found.ok()) {
      damage = damage.ok() ? found.status() : Status(Code::data_corrupt, damage.message() + "; " + found.status().message());
    } else if (!newest || order(*newest) < order(*found)) {
      newest = std::move(found).value();
    }
  }
  if (!newest && !damage.ok()) return damage;
  return newest;
}

}  // namespace sedma::runtime
