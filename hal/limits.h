#pragma once
// What may reach a chip: limits beneath every command, charged with the worst case before the device is touched.

#include <cstdint>
#include <mutex>
#include <optional>
#include <vector>

#include "hal/commands.h"
#include "hal/status.h"

namespace sedma::hal {

/// Limits of one board. Empty: not limited. The keys of a --limits JSON file are these names.
struct Limits {
  std::optional<double> max_cell_volts;       ///< |volts| across a cell in Program and Pulse
  std::optional<double> max_gate_volts;       ///< |volts| of the access transistor's gate in Program and Pulse
  std::optional<double> max_read_volts;       ///< |volts| of Read and Mvm
  std::optional<double> max_width_seconds;    ///< width of one pulse in Program and Pulse
  std::optional<double> max_compliance_amps;  ///< compliance of one pulse in Program and Pulse
  std::optional<double> max_line_amps;        ///< worst case of one bit line (one word line when transposed) in Mvm: sum |volts| * g_max
  std::optional<std::uint64_t> max_pulses_per_cell;  ///< over the life of the open device
  std::optional<std::uint64_t> max_total_pulses;     ///< over the life of the open device

  /// True if Program and Pulse on a physical board are covered: cell volts and both pulse counts are limited.
  bool cover_writing() const noexcept { return max_cell_volts && max_pulses_per_cell && max_total_pulses; }
  /// The tighter of the two in every field.
  static Limits tighter(const Limits& a, const Limits& b);
  /// ok, or invalid_argument naming the field that is negative or not finite.
  Status validate() const;
};

/// Holds every command against Limits and counts its pulses. Thread-safe. A charge is the worst case of a command; settle() gives back
/// what was not used. Cells are counted only where max_pulses_per_cell is set.
class Ledger {
 public:
  Ledger(const Limits& limits, const Capabilities& capabilities);
  const Limits& limits() const noexcept { return limits_; }

  struct Charge {
    std::uint64_t total = 0;  ///< pulses charged in all
    ArrayId array;
    std::uint32_t row = 0, col = 0, rows = 0, cols = 0;
    std::vector<std::uint32_t> per_cell;  ///< worst case per cell, row-major [rows, cols]; empty if cells are not counted
  };
  /// Checks a command that is valid for the capabilities and charges the worst case of Program or Pulse: all or nothing. A Program may use
  /// any setting of the board's knobs, so it is held against the extremes of their ranges. Other commands are checked and charged nothing.
  /// Errors: out_of_range (volts, width, compliance, amps, pulses: says asked, left, limit), unsupported (Program or Pulse on a physical
  /// board whose limits do not cover_writing(); a limit on a knob that the board does not have).
  Result<Charge> charge(const Command& command);
  /// Gives back the difference to what was really spent. `spent_per_cell` (row-major, as the charge) may be empty: then cells keep the
  /// worst case. Cells that were charged nothing (masked) are left alone.
  void settle(const Charge& charge, std::uint64_t spent_total, const std::vector<std::uint32_t>& spent_per_cell);
  std::uint64_t total_pulses() const;

 private:
  Status check_limits(const Command& command) const;
  Status commit(const Command& command, const Charge& charge);
  Status commit_cells(const Command& command, const Charge& charge);

  Limits limits_;
  Capabilities capabilities_;
  mutable std::mutex mutex_;
  std::uint64_t total_ = 0;
  std::vector<std::vector<std::uint32_t>> cells_;  // per array, made at its first charge and only where cells are limited
};

}  // namespace sedma::hal
