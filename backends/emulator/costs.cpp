#include "backends/emulator/costs.h"

#include <algorithm>
#include <cmath>

namespace sedma::backends::emulator {
namespace {

double number(std::uint64_t count) noexcept { return static_cast<double>(count); }

double squared(double value) noexcept { return value * value; }

}  // namespace

Costs::Costs(const Options& options)
    : a_(options.assumptions), word_farads_(a_.wire_farads * options.cols), bit_farads_(a_.wire_farads * options.rows) {}

double Costs::line_joules(const kernels::WriteTotals& totals) const noexcept {
  const double gate_volts = std::max(std::abs(a_.write_up_volts), std::abs(a_.write_down_volts));
  return bit_farads_ *
             (totals.bit_line_pulses_up * squared(a_.write_up_volts) + totals.bit_line_pulses_down * squared(a_.write_down_volts)) +
         word_farads_ * squared(gate_volts) * number(totals.word_line_selects);
}

hal::Stats Costs::program(const kernels::WriteTotals& totals) const {
  hal::Stats stats = pulse(totals);
  stats.conversions = totals.verify_reads;
  stats.joules.verify = totals.read_joules + number(totals.verify_reads) * a_.adc_joules +
                        number(totals.row_reads) * (a_.dac_joules + word_farads_ * squared(a_.read_volts));
  stats.seconds += number(totals.row_reads) * a_.read_seconds + number(totals.conversion_slots) * a_.adc_seconds;
  return stats;
}

hal::Stats Costs::pulse(const kernels::WriteTotals& totals) const {
  hal::Stats stats;
  stats.pulses = totals.pulses;
  stats.joules.cells = totals.pulse_joules;
  stats.joules.lines = line_joules(totals);
  stats.seconds = totals.pulse_seconds;
  return stats;
}

double Costs::repeat_seconds(std::uint32_t rows, std::uint32_t cols) const noexcept {
  return rows * (a_.read_seconds + std::min(cols, a_.columns_per_adc) * a_.adc_seconds);
}

hal::Stats Costs::read(const Reads& reads) const {
  hal::Stats stats;
  const double repeats = number(reads.repeats), one = repeat_seconds(reads.rows, reads.cols);
  stats.conversions = reads.repeats * reads.rows * reads.cols;
  stats.joules.cells = repeats * squared(reads.volts) * reads.siemens * a_.read_seconds;
  stats.joules.lines = repeats * reads.rows * word_farads_ * squared(reads.volts);
  stats.joules.dac = repeats * reads.rows * a_.dac_joules;
  stats.joules.adc = number(stats.conversions) * a_.adc_joules;
  stats.seconds = (repeats - 1) * std::max(reads.interval_seconds, one) + one;
  return stats;
}

double Costs::vector_seconds(const hal::Mvm& mvm) const noexcept {
  std::uint32_t lines = mvm.transpose ? mvm.rows : mvm.cols;
  if (mvm.sense == hal::Sense::reference) --lines;
  std::uint32_t share = std::min(lines, a_.columns_per_adc);
  if (mvm.sense == hal::Sense::pair) share = (share + 1) / 2;
  return a_.read_seconds + share * a_.adc_seconds;
}

hal::Stats Costs::product(const hal::Mvm& mvm, const kernels::ProductTotals& totals) const {
  hal::Stats stats;
  stats.conversions = totals.conversions;
  stats.joules.cells = totals.volts_squared_conductance * a_.read_seconds;
  stats.joules.lines = totals.volts_squared * (mvm.transpose ? bit_farads_ : word_farads_);
  stats.joules.dac = number(totals.driven_rows) * a_.dac_joules;
  stats.joules.adc = number(totals.conversions) * a_.adc_joules;
  stats.seconds = number(mvm.volts.rows) * vector_seconds(mvm);
  return stats;
}

}  // namespace sedma::backends::emulator
