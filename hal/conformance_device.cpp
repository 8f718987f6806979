// Conformance of the device itself: capabilities, accounts, clock, sensors, reopening, determinism.

#include <algorithm>
#include <cmath>
#include <cstring>
#include <numeric>
#include <set>

#include "hal/conformance_internal.h"

namespace sedma::hal::conformance {
namespace {

Status check_range(const char* name, const Range& range, bool needed) {
  if (range.empty()) return needed ? found("the board has no {}", name) : Status();
  if (!std::isfinite(range.min) || !std::isfinite(range.max) || !(range.step >= 0) || range.step > range.max - range.min)
    return found("{} is [{}, {}] in steps of {}", name, range.min, range.max, range.step);
  return {};
}

Status check_stats(const Completion& done, std::string_view verb) {
  const Joules& j = done.stats.joules;
  for (const double part : {j.cells, j.lines, j.dac, j.adc, j.verify})
    if (!(part >= 0 && std::isfinite(part))) return found("{}: joules {} {} {} {} {}", verb, j.cells, j.lines, j.dac, j.adc, j.verify);
  if (!(done.stats.seconds > 0 && std::isfinite(done.stats.seconds))) return found("{} took {} s", verb, done.stats.seconds);
  if (done.stats.end_utc_ns < done.stats.begin_utc_ns)
    return found("{} ended at {} ns, before it began at {} ns", verb, done.stats.end_utc_ns, done.stats.begin_utc_ns);
  if (!std::isfinite(done.stats.device_time_seconds))
    return found("{}: the device's clock shows {} s", verb, done.stats.device_time_seconds);
  return {};
}

bool same(const Range& a, const Range& b) { return a.min == b.min && a.max == b.max && a.step == b.step; }

bool same(const Capabilities& a, const Capabilities& b) {
  return a.board_id == b.board_id && a.material == b.material && a.cell == b.cell && a.unselected == b.unselected && a.arrays == b.arrays &&
         a.rows == b.rows && a.cols == b.cols && a.levels == b.levels && a.erase_pulses == b.erase_pulses &&
         a.g_min_siemens == b.g_min_siemens && a.g_max_siemens == b.g_max_siemens && same(a.cell_volts, b.cell_volts) &&
         same(a.gate_volts, b.gate_volts) && same(a.read_volts, b.read_volts) && same(a.width_seconds, b.width_seconds) &&
         same(a.compliance_amps, b.compliance_amps) && a.dac_bits == b.dac_bits && a.adc_bits == b.adc_bits && a.features == b.features;
}

void append(std::vector<std::byte>& log, std::span<const float> values) {
  const auto bytes = std::as_bytes(values);
  log.insert(log.end(), bytes.begin(), bytes.end());
}

/// One fixed life of a fresh device, as bytes.
Result<std::vector<std::byte>> one_life(Bench& bench) {
  SEDMA_RETURN_IF_ERROR(bench.open());
  const Window at = product_window(bench.board);
  std::vector<std::byte> log;
  SEDMA_ASSIGN_OR_RETURN(const Written written, write(bench, at, pattern(bench.board, at, 40)));
  append(log, written.readback);
  std::vector<float> siemens;
  SEDMA_RETURN_IF_ERROR(bench.device().run(make_read(bench, at, siemens, 2), patience).status());
  append(log, siemens);
  const Drives drives = random_drives(bench, at, 5, 41);
  const std::vector<float> scale = fitted(bench, expect(bench, average(at, siemens), drives));
  SEDMA_ASSIGN_OR_RETURN(const std::vector<float> amps, multiply(bench, drives, scale));
  append(log, amps);
  const auto counts = std::as_bytes(std::span(written.pulses));
  log.insert(log.end(), counts.begin(), counts.end());
  return log;
}

}  // namespace

Status capabilities_are_sane(Bench& bench) {
  SEDMA_RETURN_IF_ERROR(bench.open());
  const Capabilities& board = bench.board;
  if (board.board_id.empty() || board.material.empty())
    return found("board_id '{}' and material '{}' must say something", board.board_id, board.material);
  if (board.arrays == 0 || board.rows == 0 || board.cols == 0)
    return found("{} arrays of {} x {} cells", board.arrays, board.rows, board.cols);
  if (!(board.g_min_siemens >= 0 && board.g_max_siemens > board.g_min_siemens && std::isfinite(board.g_max_siemens)))
    return found("the conductance window is [{}, {}] S", board.g_min_siemens, board.g_max_siemens);
  if (board.levels == 1) return found("1 level holds nothing; 0 stands for analog");
  if (board.dac_bits > 24 || board.adc_bits > 24)
    return found("{} DAC bits, {} ADC bits; a float carries 24", board.dac_bits, board.adc_bits);
  const bool writes = can_write(board);
  SEDMA_RETURN_IF_ERROR(check_range("cell_volts", board.cell_volts, writes));
  SEDMA_RETURN_IF_ERROR(check_range("gate_volts", board.gate_volts, false));
  SEDMA_RETURN_IF_ERROR(check_range("read_volts", board.read_volts, true));
  SEDMA_RETURN_IF_ERROR(check_range("width_seconds", board.width_seconds, writes));
  SEDMA_RETURN_IF_ERROR(check_range("compliance_amps", board.compliance_amps, false));
  if (!(board.read_volts.max > 0)) return found("read_volts reach only {} V", board.read_volts.max);
  if (writes && !(board.width_seconds.min >= 0 && board.width_seconds.max > 0))
    return found("a pulse can be [{}, {}] s wide", board.width_seconds.min, board.width_seconds.max);
  return {};
}

Status self_test(Bench& bench) {
  SEDMA_RETURN_IF_ERROR(bench.open());
  std::vector<Reading> readings;
  SEDMA_ASSIGN_OR_RETURN(const Completion done, bench.device().run(SelfTest{&readings}, patience));
  std::set<std::string> names;
  for (const Reading& reading : readings)
    if (reading.name.empty() || !names.insert(reading.name).second)
      return found("a reading is called '{}', twice or without a name", reading.name);
  if (done.stats.pulses != 0) return found("the self test gave {} pulses", done.stats.pulses);
  const bool senses = bench.board.has(Feature::senses_temperature);
  if (senses && !(done.temperature_kelvin > 0 && done.temperature_kelvin < 2000))
    return found("the board senses temperature but reports {} K", done.temperature_kelvin);
  if (!senses && !std::isnan(done.temperature_kelvin))
    return found("the board senses no temperature but reports {} K; unknown is NaN", done.temperature_kelvin);
  return {};
}

Status idle_advances_the_clock(Bench& bench) {
  SEDMA_RETURN_IF_ERROR(bench.open());
  constexpr double seconds = 0.01;
  double clock = 0;
  for (int turn = 0; turn < 3; ++turn) {
    SEDMA_ASSIGN_OR_RETURN(const Completion done, bench.device().run(Idle{seconds}, patience));
    const double now = done.stats.device_time_seconds;
    if (turn > 0 && !(now - clock >= seconds * (1 - 1e-6)))
      return found("{} s of idling took the device's clock from {} to {} s", seconds, clock, now);
    if (done.stats.pulses != 0) return found("idling gave {} pulses", done.stats.pulses);
    clock = now;
  }
  std::vector<float> siemens;
  const Window at = product_window(bench.board);
  SEDMA_ASSIGN_OR_RETURN(const Completion read, bench.device().run(make_read(bench, at, siemens, 1), patience));
  if (read.stats.device_time_seconds < clock)
    return found("the device's clock went back from {} to {} s", clock, read.stats.device_time_seconds);
  return {};
}

Status stats_of_products(Bench& bench) {
  SEDMA_RETURN_IF_ERROR(bench.open());
  const Window at = product_window(bench.board);
  const Drives once = random_drives(bench, at, 8, 42);
  Drives twice = once;
  twice.batch *= 2;
  twice.volts.insert(twice.volts.end(), once.volts.begin(), once.volts.end());
  const std::vector<float> scale{static_cast<float>(bench.board.g_max_siemens * bench.board.read_volts.max)};
  std::vector<float> amps;
  const std::uint64_t charged = bench.device().charged_pulses();
  double joules[2];
  std::size_t turn = 0;
  for (const Drives& drives : {once, twice}) {
    SEDMA_ASSIGN_OR_RETURN(const Completion done, bench.device().run(make_mvm(drives, scale, amps), patience));
    SEDMA_RETURN_IF_ERROR(check_stats(done, "mvm"));
    const std::uint64_t outputs = drives.batch * drives.outputs();
    if (bench.board.adc_bits > 0 && done.stats.conversions != outputs)
      return found("{} vectors of {} outputs took {} conversions", drives.batch, drives.outputs(), done.stats.conversions);
    if (done.stats.pulses != 0 || bench.device().charged_pulses() != charged) return found("a product gave {} pulses", done.stats.pulses);
    joules[turn++] = done.stats.joules.total();
  }
  // Measured joules carry the meter's noise; modelled ones add up.
  if (!bench.board.has(Feature::measures_energy) && !(std::abs(joules[1] - 2 * joules[0]) <= 1e-6 * joules[1]))
    return found("8 vectors cost {} J, the same twice {} J", joules[0], joules[1]);
  std::vector<float> siemens;
  SEDMA_ASSIGN_OR_RETURN(const Completion read, bench.device().run(make_read(bench, at, siemens, 1), patience));
  if (read.stats.pulses != 0) return found("a read gave {} pulses", read.stats.pulses);
  return check_stats(read, "read");
}

std::uint64_t stats_of_pulses_cost(const Capabilities& board) {
  const std::uint64_t cells = product_window(board).size();
  return write_cost(board, cells) + (board.has(Feature::raw_pulses) ? 3 * cells : 0);
}

Status stats_of_pulses(Bench& bench) {
  SEDMA_RETURN_IF_ERROR(bench.open());
  const Window at = product_window(bench.board);
  SEDMA_ASSIGN_OR_RETURN(const Written written, write(bench, at, pattern(bench.board, at, 43)));
  SEDMA_RETURN_IF_ERROR(check_stats(written.completion, "program"));
  const std::uint64_t counted = std::accumulate(written.pulses.begin(), written.pulses.end(), std::uint64_t{0});
  if (written.completion.stats.pulses != counted)
    return found("stats count {} pulses, the cells {}", written.completion.stats.pulses, counted);
  if (bench.device().charged_pulses() != counted)
    return found("{} pulses were charged, {} given", bench.device().charged_pulses(), counted);
  if (!bench.board.has(Feature::raw_pulses)) return {};
  std::vector<std::int32_t> counts(at.size());
  std::uint64_t asked = 0;
  for (std::size_t i = 0; i < counts.size(); ++i) {
    counts[i] = static_cast<std::int32_t>(mix(i) % 7) - 3;
    asked += static_cast<std::uint64_t>(std::abs(counts[i]));
  }
  const Pulse pulse{at.array, {counts.data(), at.rows, at.cols}, at.row, at.col, bench.up(), bench.down()};
  SEDMA_ASSIGN_OR_RETURN(const Completion done, bench.device().run(pulse, patience));
  if (done.stats.pulses != asked) return found("{} raw pulses were asked for, stats count {}", asked, done.stats.pulses);
  if (bench.device().charged_pulses() != counted + asked)
    return found("{} pulses were charged, {} given", bench.device().charged_pulses(), counted + asked);
  return check_stats(done, "pulse");
}

Status reopen_many_times(Bench& bench) {
  const Window at = window(bench.board, 1, 1, 0, bench.board.rows - 1, bench.board.cols - 1);
  for (int turn = 0; turn < 100; ++turn) {
    SEDMA_RETURN_IF_ERROR(bench.open().with_context(fmt::format("opening {} of 100", turn + 1)));
    if (!same(bench.device().capabilities(), bench.board)) return found("the capabilities differ after opening {} of 100", turn + 1);
    SEDMA_RETURN_IF_ERROR(measure(bench, at).status());
  }
  return {};
}

Status deterministic_by_seed(Bench& bench) {
  SEDMA_ASSIGN_OR_RETURN(const std::vector<std::byte> first, one_life(bench));
  SEDMA_ASSIGN_OR_RETURN(const std::vector<std::byte> second, one_life(bench));
  const auto [a, b] = std::mismatch(first.begin(), first.end(), second.begin(), second.end());
  if (a != first.end() || b != second.end())
    return found("two fresh devices given the same commands differ from byte {} of {} on", a - first.begin(), first.size());
  return {};
}

}  // namespace sedma::hal::conformance
