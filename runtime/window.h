#pragma once
// One window of an array: written, read back and multiplied, with holes where bad lines are gone around.

#include <chrono>
#include <cstdint>
#include <functional>
#include <span>
#include <vector>

#include "hal/device.h"
#include "kernels/encode.h"
#include "runtime/layout.h"
#include "runtime/mask.h"
#include "runtime/stage_cost.h"

namespace sedma::runtime {

/// Asked at least every 50 ms while a command is waited for; a failure ends the waiting.
using Poll = std::function<Status()>;
/// Waits until the command's deadline. Errors: of the device, of `poll` (the command is then still under way).
Result<hal::Completion> wait_polled(hal::Pending& pending, const Poll& poll);
/// Adds what one command cost.
void add_stats(const hal::Stats& stats, StageCost& cost, double& seconds);

/// The smallest contiguous window that holds the lines of a placement.
struct WindowMap {
  WindowMap() = default;
  explicit WindowMap(const Placement& placement);
  std::uint32_t array = 0, row = 0, col = 0, rows = 0, cols = 0;
  std::vector<std::uint32_t> word_offsets, bit_offsets;  ///< of every used line inside the window
  bool has_holes() const noexcept { return word_offsets.size() != rows || bit_offsets.size() != cols; }
};

struct WritePolicy {
  float tolerance_siemens = 0, step_fraction = 0.3f;
  std::uint32_t passes = 1, max_pulses_per_cell = 1;
  double read_volts = 0;
  std::chrono::nanoseconds deadline{};
  bool read_cells = true;  ///< after writing; windows with bad cells are read in any case
};
/// What a choice asks of a board.
WritePolicy write_policy(const Choice& choice, const hal::Capabilities& capabilities, std::chrono::nanoseconds deadline);

/// The cells of a window being read. Several may be under way.
class WindowRead {
 public:
  WindowRead() = default;
  WindowRead(hal::Device& device, const Placement& placement, std::uint32_t repeats);
  /// Starts it. Errors: of Device::submit.
  Status submit(double volts, std::uint64_t stream, std::chrono::nanoseconds deadline);
  /// Waits; adds what it cost. Errors: of the device, of `poll`.
  Status finish(StageCost& cost, double& seconds, const Poll& poll);
  /// Conductances, [word lines, bit lines], the mean of the repeats.
  std::vector<float> mean() const;

 private:
  hal::Device* device_ = nullptr;
  WindowMap map_;
  std::uint32_t repeats_ = 1;
  std::vector<float> siemens_;  // windows, as the device sees them
  hal::Pending pending_;
};

/// A window being written to target conductances and read back. submit() starts it, finish() ends it; several may be under way.
class WindowWrite {
 public:
  WindowWrite(hal::Device& device, const Placement& placement, const Mask& mask, std::uint32_t read_repeats);
  WindowWrite(WindowWrite&&) = default;

  /// Writes all good cells (erasing first) and reads the window. `siemens`: targets of the used lines, [word lines, bit lines].
  /// Errors: of Device::submit.
  Status submit(std::span<const float> siemens, const WritePolicy& policy, std::uint64_t stream);
  /// Waits; adds what it cost to `cost` and to `seconds`. Then, where bad cells have left an error, moves their partners (pairs only) to
  /// make up for it and reads again. Errors: of the device, of `poll`.
  Status finish(kernels::Encoding encoding, StageCost& cost, double& seconds, const Poll& poll);

  /// Conductances read back, [word lines, bit lines], the mean of the repeats. @pre cells were read
  std::vector<float> read_back() const { return reading_.mean(); }

 private:
  Status finish_program(StageCost& cost, double& seconds, const Poll& poll);
  Status submit_program();
  Status submit_read();
  /// Sets the targets of the partners of bad cells; true if any has to move.
  bool aim_partners(const std::vector<float>& read, StageCost& cost);

  hal::Device* device_;
  WindowMap map_;
  std::vector<float> siemens_;      // [word lines, bit lines]; kept only where bad cells need them
  std::vector<std::uint8_t> bad_;   // [word lines, bit lines]; empty without bad cells
  std::vector<float> target_;       // window, as the device sees it
  std::vector<std::uint8_t> mask_;  // window; empty if nothing is masked
  WritePolicy policy_;
  std::uint64_t stream_ = 0;
  bool erase_ = true;
  hal::Pending program_;
  WindowRead reading_;
};

/// A batch of vectors through one window, each as often as the conversion says: holes are not driven, and their outputs ignored. Several
/// may be under way.
class WindowProduct {
 public:
  WindowProduct(hal::Device& device, const Placement& placement, kernels::Encoding encoding, std::size_t batch,
                const Conversion& conversion = {});
  WindowProduct(WindowProduct&&) = default;

  /// Sets the volts of vector `b`, one for each used word line.
  void set_volts(std::size_t b, std::span<const float> volts);
  /// Starts it. `full_scale_amps`: of each output, or of each bit line where the board cannot subtract (see full_scales()), at headroom 1.
  /// `vector`: ordinal of the first; repeat k of vector b has the ordinal vector + b * repeats + k. Errors: of Device::submit.
  Status submit(std::span<const float> full_scale_amps, std::uint64_t stream, std::uint64_t vector, std::chrono::nanoseconds deadline);
  /// Waits; adds what it cost. Errors: of the device, of `poll`.
  Status finish(StageCost& cost, double& seconds, const Poll& poll);
  /// Current of output `i` of vector `b`, with its pair or reference line subtracted, by the board or here: the mean of the repeats.
  double amps(std::size_t b, std::size_t i) const;
  /// The same of all outputs, [outputs].
  void amps(std::size_t b, std::span<double> out) const;

 private:
  std::size_t converted(std::size_t line) const;  // which converted output bit line `line` of the placement goes to
  double amps_of(std::size_t row, std::size_t i) const;

  hal::Device* device_;
  WindowMap map_;
  kernels::Encoding encoding_;
  bool analog_subtract_;
  double headroom_, least_full_scale_;
  std::vector<double> scales_;      // [repeats]: of x
  std::size_t products_, outputs_;  // products: vectors times repeats
  std::vector<float> volts_, amps_, full_scale_;
  hal::Pending pending_;
};

/// Full scales of a window's converters at headroom 1, for WindowProduct::submit: nothing is larger.
std::vector<float> full_scales(const kernels::EncodedTile& tile, kernels::Encoding encoding, const hal::Capabilities& capabilities);

}  // namespace sedma::runtime
