#include "bench/ablation_cache.h"

#include <fmt/format.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <fstream>
#include <nlohmann/json.hpp>

#include "runtime/digest.h"

namespace sedma::bench {
namespace {

using nlohmann::json;
using runtime::Candidates;
using runtime::Outcome;

std::size_t writing_index(const Candidates& candidates, const runtime::TunedChoice& choice) {
  runtime::TunedChoice bare = choice;
  const auto found = std::find_if(candidates.writings.begin(), candidates.writings.end(), [&](const runtime::TunedChoice& writing) {
    bare.choice.conversion = writing.choice.conversion;
    bare.adaptive_lambda = writing.adaptive_lambda;
    return bare == writing;
  });
  SEDMA_CHECK(found != candidates.writings.end());
  return static_cast<std::size_t>(found - candidates.writings.begin());
}

std::size_t conversion_index(const Candidates& candidates, const runtime::Conversion& conversion) {
  const auto found = std::find_if(candidates.conversions.begin(), candidates.conversions.end(), [&](const runtime::Conversion& c) {
    return c.headroom == conversion.headroom && c.repeats == conversion.repeats;
  });
  SEDMA_CHECK(found != candidates.conversions.end());
  return static_cast<std::size_t>(found - candidates.conversions.begin());
}

// The figures of an outcome in the order of a line of the file.
template <class Each>
void each_figure(Outcome& o, const Each& each) {
  for (double* figure : {&o.error_p95, &o.error_median, &o.programming_joules, &o.programming_seconds, &o.pulses, &o.vector_joules,
                         &o.vector_seconds, &o.unconverged, &o.arrays, &o.memory_efficiency, &o.lambda})
    each(*figure);
}

json to_line(const Trial& trial, const Candidates& candidates) {
  json line = {writing_index(candidates, trial.choice), conversion_index(candidates, trial.choice.choice.conversion),
               trial.choice.adaptive_lambda, trial.found.vectors};
  Outcome found = trial.found;
  each_figure(found, [&line](double figure) { line.push_back(figure); });
  return line;
}

Trial from_line(const json& line, const Candidates& candidates) {
  Trial trial;
  trial.choice = candidates.writings.at(line.at(0).get<std::size_t>());
  trial.choice.choice.conversion = candidates.conversions.at(line.at(1).get<std::size_t>());
  trial.choice.adaptive_lambda = line.at(2).get<bool>();
  trial.found.vectors = trial.found.checked = line.at(3).get<std::uint64_t>();
  std::size_t k = 4;
  each_figure(trial.found, [&](double& figure) { figure = line.at(k++).get<double>(); });
  return trial;
}

OracleTable table_of(const json& entry, const Candidates& candidates) {
  OracleTable table;
  for (const json& line : entry.at("trials")) table.trials.push_back(from_line(line, candidates));
  table.writings = entry.at("writings").get<std::size_t>();
  table.impossible = entry.at("impossible").get<std::size_t>();
  table.choices = entry.at("choices").get<std::size_t>();
  if (entry.at("least_error").is_number()) table.least_error = entry.at("least_error").get<double>();
  table.host_seconds = entry.at("host_seconds").get<double>();
  return table;
}

bool same(double a, double b) { return std::abs(a - b) <= 1e-6 * std::max(std::abs(a), std::abs(b)); }

bool same_trial(const Trial& a, const Trial& b) {
  bool equal = a.choice == b.choice;
  Outcome one = a.found, other = b.found;
  std::vector<double> figures;
  each_figure(other, [&](double figure) { figures.push_back(figure); });
  std::size_t k = 0;
  each_figure(one, [&](double figure) { equal = same(figure, figures[k++]) && equal; });
  return equal;
}

}  // namespace

std::string oracle_key(const OracleCase& work, const std::string& board_uri, const Candidates& candidates) {
  std::vector<double> numbers = {static_cast<double>(oracle_version), static_cast<double>(work.batch),
                                 static_cast<double>(work.programmings), work.loosest_error};
  for (const runtime::TunedChoice& writing : candidates.writings) {
    const runtime::Choice& c = writing.choice;
    for (const double number :
         {static_cast<double>(c.partition), static_cast<double>(c.sharing), static_cast<double>(c.tile_rows),
          static_cast<double>(c.tile_cols), static_cast<double>(c.encoding), static_cast<double>(c.scale), static_cast<double>(c.slices),
          static_cast<double>(c.passes), c.tolerance_levels, static_cast<double>(c.step_fraction),
          static_cast<double>(c.max_pulses_per_cell), static_cast<double>(c.read_repeats)})
      numbers.push_back(number);
  }
  for (const runtime::Conversion& c : candidates.conversions) numbers.insert(numbers.end(), {c.headroom, static_cast<double>(c.repeats)});
  for (const bool lambda : candidates.lambdas) numbers.push_back(lambda ? 1 : 0);
  return fmt::format("{:016x}-{}x{} {} x={} {}", work.matrix.content(), work.matrix.rows(), work.matrix.cols(), board_uri,
                     runtime::digest(work.x), runtime::digest(numbers));
}

Result<std::optional<OracleTable>> OracleCache::find(const std::string& key, const Candidates& candidates) const {
  std::optional<OracleTable> table;
  if (path_.empty()) return table;
  errno = 0;
  std::ifstream file(path_);
  if (!file) {
    if (errno == ENOENT) return table;
    return fail(Code::unavailable, "{}: {}", path_, std::strerror(errno));
  }
  const std::string quoted = json(key).dump();
  for (std::string line; std::getline(file, line);) {
    if (line.find(quoted) == std::string::npos) continue;
    const json entry = json::parse(line, nullptr, false);
    if (!entry.is_discarded() && entry.at("key") == key) table = table_of(entry, candidates);
  }
  return table;
}

Status OracleCache::add(const std::string& key, const OracleTable& table, const Candidates& candidates) const {
  if (path_.empty()) return {};
  json entry = {{"key", key},
                {"writings", table.writings},
                {"impossible", table.impossible},
                {"choices", table.choices},
                {"least_error", table.least_error},
                {"host_seconds", table.host_seconds},
                {"trials", json::array()}};
  for (const Trial& trial : table.trials) entry["trials"].push_back(to_line(trial, candidates));
  std::ofstream file(path_, std::ios::app);
  file << entry.dump() << '\n' << std::flush;
  if (file) return {};
  return fail(Code::unavailable, "{}: {}", path_, std::strerror(errno));
}

Result<bool> still_true(const OracleTable& table, const OracleCase& work, const Candidates& candidates) {
  if (table.trials.empty()) return true;
  const std::size_t pick = work.matrix.content() % table.trials.size();
  Candidates one = candidates;
  one.writings = {candidates.writings[writing_index(candidates, table.trials[pick].choice)]};
  SEDMA_ASSIGN_OR_RETURN(const OracleTable again, try_all(work, one, [](std::size_t, std::size_t) { return true; }));
  return std::any_of(again.trials.begin(), again.trials.end(), [&](const Trial& trial) { return same_trial(trial, table.trials[pick]); });
}

}  // namespace sedma::bench
