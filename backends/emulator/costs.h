#pragma once
// What each command costs on the emulated board, from what it did. Every joule and second is counted once.

#include <cstdint>

#include "backends/emulator/options.h"
#include "hal/commands.h"
#include "kernels/crossbar.h"
#include "kernels/pulses.h"

namespace sedma::backends::emulator {

/// Lines are charged over their whole length, array edge to array edge, whatever the window; there are no half-selected cells in a 1T1R
/// array. C_word = wire_farads * cols and C_bit = wire_farads * rows are the capacitances of one line; E_adc, t_adc and E_dac are those of
/// EmulatorAssumptions (0 for an ideal converter); t_read and V_read the material's. Only costs are filled in: no clock, no dates.
class Costs {
 public:
  explicit Costs(const Options& options);

  /// Program. cells: pulse_joules. lines: C_bit V_up^2 per pulse up + C_bit V_down^2 per pulse down + C_word V_gate^2 per row selected,
  /// V_gate the larger write voltage (the published set has no gate voltage; it cannot be less). verify: what its reads took, as in read()
  /// but all in this one number. seconds: pulses + row_reads t_read + conversion_slots t_adc.
  hal::Stats program(const kernels::WriteTotals& totals) const;
  /// Pulse: the same without reads.
  hal::Stats pulse(const kernels::WriteTotals& totals) const;

  /// What `repeats` reads of a window did. `siemens`: the sum of the window's terminal conductances.
  struct Reads {
    std::uint64_t repeats = 0;
    std::uint32_t rows = 0, cols = 0;
    double volts = 0, siemens = 0, interval_seconds = 0;
  };
  /// One repeat: row by row, t_read and then as many conversions one after the other as columns share an ADC.
  double repeat_seconds(std::uint32_t rows, std::uint32_t cols) const noexcept;
  /// Read. cells: V^2 G t_read of every cell read (discarded repeats too). lines: C_word V^2 per row. dac: E_dac per row. adc: E_adc per
  /// cell. seconds: (repeats - 1) * max(interval, repeat_seconds) + repeat_seconds.
  hal::Stats read(const Reads& reads) const;

  /// Mvm. cells: sum v^2 G t_read. lines: sum v^2 C of the driven lines (C_word; transposed C_bit). dac: E_dac per driven line. adc: E_adc
  /// per conversion. seconds: batch * (t_read + t_adc * conversions that share an ADC): columns_per_adc physical lines do, a pair's two
  /// lines make one conversion, the reference line makes none.
  double vector_seconds(const hal::Mvm& mvm) const noexcept;  ///< of one vector of the batch
  hal::Stats product(const hal::Mvm& mvm, const kernels::ProductTotals& totals) const;

 private:
  double line_joules(const kernels::WriteTotals& totals) const noexcept;

  EmulatorAssumptions a_;
  double word_farads_, bit_farads_;
};

}  // namespace sedma::backends::emulator
