#include "runtime/comm/hello.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <cstdint>
#include <nlohmann/json.hpp>

namespace sedma::hal {

using nlohmann::json;

// Found by nlohmann_json where the type lives.
static void to_json(json& j, const Range& r) { j = {r.min, r.max, r.step}; }
static void from_json(const json& j, Range& r) { r = {j.at(0).get<double>(), j.at(1).get<double>(), j.at(2).get<double>()}; }

static void to_json(json& j, const Capabilities& c) {
  j = {c.board_id,
       c.material,
       static_cast<int>(c.cell),
       static_cast<int>(c.unselected),
       c.arrays,
       c.rows,
       c.cols,
       c.levels,
       c.erase_pulses,
       c.g_min_siemens,
       c.g_max_siemens,
       c.cell_volts,
       c.gate_volts,
       c.read_volts,
       c.width_seconds,
       c.compliance_amps,
       c.dac_bits,
       c.adc_bits,
       c.features};
}

static void from_json(const json& j, Capabilities& c) {
  std::size_t k = 0;
  const auto next = [&](auto& value) { j.at(k++).get_to(value); };
  next(c.board_id);
  next(c.material);
  c.cell = static_cast<Cell>(j.at(k++).get<std::uint8_t>());
  c.unselected = static_cast<Unselected>(j.at(k++).get<std::uint8_t>());
  next(c.arrays);
  next(c.rows);
  next(c.cols);
  next(c.levels);
  next(c.erase_pulses);
  next(c.g_min_siemens);
  next(c.g_max_siemens);
  next(c.cell_volts);
  next(c.gate_volts);
  next(c.read_volts);
  next(c.width_seconds);
  next(c.compliance_amps);
  next(c.dac_bits);
  next(c.adc_bits);
  next(c.features);
}

}  // namespace sedma::hal

namespace sedma::runtime {

using nlohmann::json;

namespace {

std::string named(const std::vector<Hello>& ranks, std::size_t rank) {
  return fmt::format("rank {} on host {}", rank, ranks[rank].facts.host);
}

}  // namespace

std::string write_hello(const Hello& hello) {
  const RankFacts& facts = hello.facts;
  const Mask& mask = facts.mask;
  const json j = {{"code", static_cast<int>(hello.status.code())},
                  {"message", hello.status.message()},
                  {"version", hello.version},
                  {"isas", hello.isas},
                  {"dead_after", hello.dead_after_seconds},
                  {"host", facts.host},
                  {"uri", facts.uri},
                  {"capabilities", facts.capabilities},
                  {"mask", {mask.board_id, mask.word_lines, mask.bit_lines, mask.cells}},
                  {"content", facts.content},
                  {"isa", facts.isa}};
  std::string bytes;
  json::to_cbor(j, bytes);
  return bytes;
}

Result<Hello> read_hello(const std::string& bytes) {
  try {
    const json j = json::from_cbor(bytes);
    Hello hello;
    const auto code = j.at("code").get<std::uint8_t>();
    if (code > static_cast<std::uint8_t>(Code::internal)) return fail(Code::data_corrupt, "a rank sent status {}", code);
    hello.status = Status(static_cast<Code>(code), j.at("message"));
    j.at("version").get_to(hello.version);
    j.at("isas").get_to(hello.isas);
    j.at("dead_after").get_to(hello.dead_after_seconds);
    RankFacts& facts = hello.facts;
    j.at("host").get_to(facts.host);
    j.at("uri").get_to(facts.uri);
    j.at("capabilities").get_to(facts.capabilities);
    const json& mask = j.at("mask");
    mask.at(0).get_to(facts.mask.board_id);
    mask.at(1).get_to(facts.mask.word_lines);
    mask.at(2).get_to(facts.mask.bit_lines);
    mask.at(3).get_to(facts.mask.cells);
    j.at("content").get_to(facts.content);
    j.at("isa").get_to(facts.isa);
    return hello;
  } catch (const json::exception& error) {
    return fail(Code::data_corrupt, "a rank sent facts that cannot be read: {}", error.what());
  }
}

Status check_hellos(const std::vector<Hello>& ranks) {
  for (std::size_t k = 0; k < ranks.size(); ++k)
    if (!ranks[k].status.ok()) return ranks[k].status.with_context(named(ranks, k));
  for (std::size_t k = 1; k < ranks.size(); ++k)
    if (ranks[k].version != ranks[0].version)
      return fail(Code::unsupported, "{} runs SEDMA {}, {} runs {}: all ranks need the same", named(ranks, k), ranks[k].version,
                  named(ranks, 0), ranks[0].version);
  for (std::size_t k = 1; k < ranks.size(); ++k)
    if (ranks[k].dead_after_seconds != ranks[0].dead_after_seconds)
      return fail(Code::invalid_argument, "{} holds a rank for lost after {} s, {} after {} s: all ranks need the same", named(ranks, k),
                  ranks[k].dead_after_seconds, named(ranks, 0), ranks[0].dead_after_seconds);
  return {};
}

Result<std::string> common_isa(const std::vector<Hello>& ranks) {
  for (const std::string& isa : ranks[0].isas) {
    const auto has = [&](const Hello& hello) { return std::find(hello.isas.begin(), hello.isas.end(), isa) != hello.isas.end(); };
    if (std::all_of(ranks.begin(), ranks.end(), has)) return isa;
  }
  std::string list;
  for (std::size_t k = 0; k < ranks.size(); ++k)
    list += fmt::format("{}{}: {}", k == 0 ? "" : "; ", named(ranks, k), fmt::join(ranks[k].isas, ", "));
  return fail(Code::unsupported, "the ranks have no instruction set in common ({})", list);
}

}  // namespace sedma::runtime
