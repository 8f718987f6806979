#pragma once
// A small correct board for tests, and the ways in which it can be made wrong.

#include <algorithm>
#include <atomic>
#include <cmath>
#include <cstdint>
#include <memory>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "hal/device.h"
#include "hal/lanes.h"
#include "hal/registry.h"

namespace sedma::testing {

/// What is wrong with the board.
enum class Mutant : std::uint8_t {
  none,
  wrong_sign,
  transposed,
  squared_volts,
  ignores_full_scale,
  wraps_at_full_scale,
  one_full_scale_for_all,
  batch_reversed,
  drives_grounded_rows,
  pairs_reversed,
  reference_first,
  transpose_ignored,
  counts_twice,
  writes_outside,
  ignores_offset,
  mutates_on_refusal,
  ignores_mask,
  erases_nothing,
  readback_is_target,
  not_deterministic,
  writes_after_cancel,
  dead_after_cancel,
  one_memory,
  late_program,
  shared_scratch,
  clock_stands,
  energy_per_command,
  conversions_lost,
  pulses_reversed,
  invents_temperature,
  another_board_each_time,
  negative_seconds,
};

struct TinyOptions {
  std::uint32_t arrays = 3, rows = 24, cols = 20, levels = 64;
  std::uint8_t dac_bits = 8, adc_bits = 8;
  double read_noise = 0;
  unsigned threads = 0;
  std::uint32_t features =
      1 | 2 | 4 | 8 | 32 | 256;  ///< verify_on_board parallel_arrays transpose deterministic raw_pulses analog_subtract
  Mutant mutant = Mutant::none;
};

inline hal::Capabilities tiny_capabilities(const TinyOptions& options) {
  static std::atomic<int> opened{0};
  hal::Capabilities c;
  c.board_id = "tiny";
  if (options.mutant == Mutant::another_board_each_time) c.board_id += std::to_string(++opened);
  c.material = "ideal";
  c.arrays = options.arrays;
  c.rows = options.rows;
  c.cols = options.cols;
  c.levels = options.levels;
  c.g_min_siemens = 1e-6;
  c.g_max_siemens = 1e-5;
  c.cell_volts = {-1.5, 1.5, 0};
  c.width_seconds = {1e-7, 1e-7, 0};
  c.read_volts = {-0.3, 0.3, 0};
  c.dac_bits = options.dac_bits;
  c.adc_bits = options.adc_bits;
  c.features = options.features;
  return c;
}

/// Linear cells without write noise: a pulse is one level; read noise from a hash of (stream, event, place).
class TinyDevice final : public hal::Device {
 public:
  explicit TinyDevice(const TinyOptions& options, const hal::Limits& limits = {})
      : Device(tiny_capabilities(options), limits), options_(options), lanes_(options.threads) {
    const std::size_t cells = std::size_t{options.rows} * options.cols;
    arrays_.assign(options.arrays, std::vector<float>(cells, static_cast<float>(capabilities().g_min_siemens)));
    before_ = arrays_;
  }

  void cancel() override {
    lanes_.cancel();
    if (is(Mutant::dead_after_cancel)) dead_ = true;
    const std::lock_guard lock(mutex_);
    late_ = std::move(outputs_);
    outputs_.clear();
  }

 private:
  using Completion = hal::Completion;

  bool is(Mutant mutant) const noexcept { return options_.mutant == mutant; }
  double range() const { return capabilities().g_range_siemens(); }
  double pulse_siemens() const { return range() / (options_.levels != 0 ? options_.levels : 256); }
  std::vector<float>& cells(hal::ArrayId array) { return arrays_[is(Mutant::one_memory) ? 0 : array.value]; }
  std::size_t at(std::size_t r, std::size_t c) const { return r * options_.cols + c; }

  static double hash(std::uint64_t a, std::uint64_t b, std::uint64_t c) {  // uniform in (0, 1)
    std::uint64_t x = a * 0x9E3779B97F4A7C15u ^ (b + 0x7F4A7C15u) * 0xBF58476D1CE4E5B9u ^ (c + 1) * 0x94D049BB133111EBu;
    x = (x ^ (x >> 31)) * 0xD6E8FEB86659FD93u;
    x = (x ^ (x >> 32)) * 0xD6E8FEB86659FD93u;
    return (static_cast<double>((x ^ (x >> 32)) >> 11) + 0.5) * 0x1p-53;
  }
  double normal(std::uint64_t stream, std::uint64_t event, std::uint64_t place) const {
    if (is(Mutant::not_deterministic)) stream += ++draws();
    return std::sqrt(-2 * std::log(hash(stream, event, place))) * std::cos(6.283185307179586 * hash(stream, event + 777, place));
  }
  static std::atomic<std::uint64_t>& draws() {
    static std::atomic<std::uint64_t> count{0};
    return count;
  }
  double noisy(double siemens, std::uint64_t stream, std::uint64_t event, std::uint64_t place) const {
    return options_.read_noise == 0 ? siemens : siemens * (1 + options_.read_noise * normal(stream, event, place));
  }
  static double quantize(double value, double scale, unsigned bits) {
    if (bits == 0) return value;
    const double top = std::exp2(bits - 1) - 1;
    return std::clamp(std::nearbyint(value / scale * top), -top, top) * scale / top;
  }

  Result<std::unique_ptr<hal::Operation>> do_submit(const hal::Command& command, hal::Clock::time_point deadline) override {
    if (dead_) return Status(Code::unavailable, "dead");
    write_late();
    if (const auto* mvm = std::get_if<hal::Mvm>(&command); mvm != nullptr && is(Mutant::writes_after_cancel)) {
      const std::lock_guard lock(mutex_);
      outputs_.push_back(mvm->amps);
    }
    if (const auto* program = std::get_if<hal::Program>(&command); program != nullptr && program->schedule.step_fraction == 0.77f) {
      if (is(Mutant::mutates_on_refusal)) cells(program->array)[at(program->row, program->col)] += static_cast<float>(3 * pulse_siemens());
      return Status(Code::unsupported, "program: this board steps otherwise");
    }
    if (const auto* idle = std::get_if<hal::Idle>(&command)) return hal::finished(completion(idle->seconds, 0, 0, 0));
    if (const auto* test = std::get_if<hal::SelfTest>(&command)) {
      *test->readings = {{"temperature_kelvin", std::nan(""), "K"}};
      Completion done = completion(0, 0, 0, 0);
      if (is(Mutant::invents_temperature)) done.temperature_kelvin = 300;
      return hal::finished(done);
    }
    const hal::ArrayId array = std::visit([](const auto& each) { return array_of(each); }, command);
    return lanes_.submit(array, deadline, [this, command](const hal::StopToken& stop) -> Result<Completion> {
      if (const auto* program = std::get_if<hal::Program>(&command)) return execute(*program, stop);
      if (const auto* pulse = std::get_if<hal::Pulse>(&command)) return execute(*pulse, stop);
      if (const auto* read = std::get_if<hal::Read>(&command)) return execute(*read, stop);
      return execute(std::get<hal::Mvm>(command), stop);
    });
  }

  template <class Command>
  static hal::ArrayId array_of(const Command& command) {
    if constexpr (requires { command.array; }) return command.array;
    return {};
  }

  void write_late() {
    const std::lock_guard lock(mutex_);
    for (const auto& view : late_) view(0, 0) = 0;
    late_.clear();
  }

  Completion completion(double seconds, std::uint64_t pulses, std::uint64_t conversions, double joules) {
    const std::lock_guard lock(mutex_);
    if (!is(Mutant::clock_stands)) clock_ += seconds;
    Completion done;
    done.stats.seconds = is(Mutant::negative_seconds) ? -seconds : seconds;
    done.stats.pulses = is(Mutant::counts_twice) ? 2 * pulses : pulses;
    done.stats.conversions = is(Mutant::conversions_lost) ? conversions / 2 : conversions;
    done.stats.joules.cells = joules + (is(Mutant::energy_per_command) ? 1e-12 : 0);
    done.stats.device_time_seconds = clock_;
    return done;
  }

  /// Write-verify of one cell; its pulses.
  std::uint32_t write_cell(const hal::Program& p, float& cell, std::size_t r, std::size_t c, double& read, hal::Outcome& outcome) {
    std::uint32_t pulses = 0, erased = 0;
    if (p.erase && !is(Mutant::erases_nothing)) {
      erased = static_cast<std::uint32_t>(std::ceil((static_cast<double>(cell) - capabilities().g_min_siemens) / pulse_siemens() - 1e-3));
      cell = static_cast<float>(capabilities().g_min_siemens);
    }
    const double target = static_cast<double>(p.siemens(r, c)), tolerance = static_cast<double>(p.tolerance_siemens);
    for (std::uint32_t pass = 0;; ++pass) {
      read = noisy(static_cast<double>(cell), p.stream + 99, pass, at(r, c));
      const double error = target - read;
      const bool within = std::abs(static_cast<float>(read) - p.siemens(r, c)) <= p.tolerance_siemens && std::abs(error) <= tolerance;
      outcome = within                            ? hal::Outcome::converged
                : pulses == p.max_pulses_per_cell ? hal::Outcome::out_of_budget
                : error > 0                       ? hal::Outcome::too_low
                                                  : hal::Outcome::too_high;
      if (within || pass == p.passes || pulses == p.max_pulses_per_cell) return pulses + erased;
      const double asked = std::abs(error) / pulse_siemens() * static_cast<double>(p.schedule.step_fraction);
      const double n = std::clamp(std::nearbyint(asked), 1.0, static_cast<double>(p.max_pulses_per_cell - pulses));
      pulses += static_cast<std::uint32_t>(n);
      move(cell, error > 0 ? n : -n);
    }
  }

  void move(float& cell, double pulses) const {
    cell = static_cast<float>(
        std::clamp(static_cast<double>(cell) + pulses * pulse_siemens(), capabilities().g_min_siemens, capabilities().g_max_siemens));
  }

  Result<Completion> execute(const hal::Program& p, const hal::StopToken& stop) {
    std::vector<float>& state = cells(p.array);
    before_[p.array.value] = state;
    std::uint64_t total = 0, unconverged = 0;
    for (std::size_t r = 0; r < p.siemens.rows; ++r) {
      SEDMA_RETURN_IF_ERROR(stop.check());
      for (std::size_t c = 0; c < p.siemens.cols; ++c) {
        const bool masked = !p.mask.empty() && p.mask(r, c) != 0;
        const std::size_t row = is(Mutant::ignores_offset) ? r : p.row + r, col = is(Mutant::ignores_offset) ? c : p.col + c;
        double read = static_cast<double>(state[at(row, col)]);
        hal::Outcome outcome = hal::Outcome::masked;
        std::uint32_t pulses = 0;
        if (!masked || is(Mutant::ignores_mask)) pulses = write_cell(p, state[at(row, col)], r, c, read, outcome);
        if (masked) outcome = hal::Outcome::masked, pulses = 0;
        if (is(Mutant::readback_is_target)) read = static_cast<double>(p.siemens(r, c)), state[at(row, col)] *= 0.9f;
        unconverged += outcome != hal::Outcome::converged && !masked ? 1 : 0;
        total += pulses;
        if (!p.readback_siemens.empty()) p.readback_siemens(r, c) = static_cast<float>(read);
        if (!p.pulses.empty()) p.pulses(r, c) = pulses;
        if (!p.outcome.empty()) p.outcome(r, c) = outcome;
      }
    }
    const std::size_t beyond = p.col + p.siemens.cols;
    if (is(Mutant::writes_outside) && beyond < options_.cols) state[at(p.row, beyond)] = p.siemens(0, 0);
    Completion done = completion(1e-7 * static_cast<double>(total + 1), total, 0, 1e-12 * static_cast<double>(total));
    done.unconverged = unconverged;
    return done;
  }

  Result<Completion> execute(const hal::Pulse& p, const hal::StopToken& stop) {
    SEDMA_RETURN_IF_ERROR(stop.check());
    std::uint64_t total = 0;
    for (std::size_t r = 0; r < p.pulses.rows; ++r)
      for (std::size_t c = 0; c < p.pulses.cols; ++c) {
        const std::int32_t n = p.pulses(r, c);
        total += static_cast<std::uint64_t>(std::abs(static_cast<std::int64_t>(n)));
        move(cells(p.array)[at(p.row + r, p.col + c)], is(Mutant::pulses_reversed) ? -n : n);
      }
    return completion(1e-7 * static_cast<double>(total + 1), total, 0, 1e-12 * static_cast<double>(total));
  }

  Result<Completion> execute(const hal::Read& read, const hal::StopToken& stop) {
    for (std::uint32_t k = 0; k < read.repeats; ++k)
      for (std::uint32_t r = 0; r < read.rows; ++r) {
        SEDMA_RETURN_IF_ERROR(stop.check());
        for (std::uint32_t c = 0; c < read.cols; ++c)
          read.siemens(std::size_t{k} * read.rows + r, c) =
              static_cast<float>(noisy(static_cast<double>(cells(read.array)[at(read.row + r, read.col + c)]), read.stream, k, at(r, c)));
      }
    return completion(1e-8 * read.rows * read.repeats, 0, 0, 1e-15 * read.rows * read.cols * read.repeats);
  }

  /// The current of one line with its noise, before it is subtracted or converted.
  double line(const hal::Mvm& m, std::size_t v, std::size_t j, double& variance) {
    const std::vector<float>& state = is(Mutant::late_program) ? before_[m.array.value] : cells(m.array);
    const bool transpose = m.transpose && !is(Mutant::transpose_ignored);
    double amps = 0;
    for (std::size_t i = 0; i < m.volts.cols; ++i) {
      std::size_t r = transpose ? m.row + j : m.row + i, c = transpose ? m.col + i : m.col + j;
      if (is(Mutant::transposed)) std::swap(r, c);
      const double volts = quantize(static_cast<double>(m.volts(v, i)), capabilities().read_volts.max, options_.dac_bits);
      const double g = static_cast<double>(state[at(r % options_.rows, c % options_.cols)]);
      amps += g * volts * (is(Mutant::squared_volts) ? 1 + 2 * volts * volts : 1);
      variance += g * volts * g * volts * options_.read_noise * options_.read_noise;
    }
    if (is(Mutant::drives_grounded_rows) && m.row > 0)
      amps += static_cast<double>(state[at(m.row - 1, m.col + j % m.cols)]) * capabilities().read_volts.max;
    return is(Mutant::wrong_sign) ? -amps : amps;
  }

  double output(const hal::Mvm& m, std::size_t v, std::size_t j) {
    double variance = 0, amps = 0;
    if (m.sense == hal::Sense::single) {
      amps = line(m, v, j, variance);
    } else if (m.sense == hal::Sense::pair) {
      amps = line(m, v, 2 * j, variance) - line(m, v, 2 * j + 1, variance);
      if (is(Mutant::pairs_reversed)) amps = -amps;
    } else {
      const bool first = is(Mutant::reference_first);
      amps = line(m, v, first ? j + 1 : j, variance) - line(m, v, first ? 0 : m.cols - 1, variance);
    }
    if (options_.read_noise > 0) amps += std::sqrt(variance) * normal(m.stream + 5, m.vector + v, j);
    return amps;
  }

  double converted(const hal::Mvm& m, double amps, std::size_t j) const {
    if (options_.adc_bits == 0) return amps;
    const bool shared = m.full_scale_amps.size() == 1 || is(Mutant::one_full_scale_for_all);
    double scale = static_cast<double>(m.full_scale_amps[shared ? 0 : j]);
    if (is(Mutant::ignores_full_scale))
      scale = static_cast<double>(m.volts.cols) * capabilities().g_max_siemens * capabilities().read_volts.max;
    if (is(Mutant::wraps_at_full_scale)) amps = std::remainder(amps, 2 * scale);
    return quantize(amps, scale, options_.adc_bits);
  }

  Result<Completion> execute(const hal::Mvm& m, const hal::StopToken& stop) {
    double joules = 0;
    for (std::size_t v = 0; v < m.volts.rows; ++v) {
      SEDMA_RETURN_IF_ERROR(stop.check());
      const std::size_t row = is(Mutant::batch_reversed) ? m.volts.rows - 1 - v : v;
      for (std::size_t j = 0; j < m.amps.cols; ++j) m.amps(row, j) = static_cast<float>(converted(m, output(m, v, j), j));
      for (std::size_t i = 0; i < m.volts.cols; ++i) joules += static_cast<double>(m.volts(v, i) * m.volts(v, i)) * 1e-14;
    }
    if (is(Mutant::shared_scratch)) {  // callers share one place for their results
      const std::lock_guard lock(mutex_);
      if (last_caller_ != std::thread::id() && last_caller_ != std::this_thread::get_id()) m.amps(0, 0) = last_;
      last_ = m.amps(0, 0);
      last_caller_ = std::this_thread::get_id();
    }
    return completion(1e-8 * static_cast<double>(m.volts.rows), 0, m.amps.size(), joules);
  }

  const TinyOptions options_;
  std::vector<std::vector<float>> arrays_, before_;
  std::mutex mutex_;
  double clock_ = 0;
  std::vector<hal::View<float>> outputs_, late_;
  float last_ = 0;
  std::thread::id last_caller_;
  std::atomic<bool> dead_{false};
  hal::Lanes lanes_;  // last: its threads end before what they use
};

/// `tiny:` with the given options, for wrapping drivers.
inline hal::Registry::Driver tiny_driver(const TinyOptions& options = {}) {
  return {"tiny", "a small board for tests",
          "tiny:", [options](hal::Uri uri, const hal::Limits& limits, const hal::Registry&) -> Result<std::unique_ptr<hal::Device>> {
            SEDMA_RETURN_IF_ERROR(uri.expect_empty({}));
            return std::unique_ptr<hal::Device>(std::make_unique<TinyDevice>(options, limits));
          }};
}

}  // namespace sedma::testing
