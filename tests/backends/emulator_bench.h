#pragma once
// What the tests of the emulator share: a window, and one call per command.

#include <gtest/gtest.h>

#include <cstdint>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "backends/emulator/emulator.h"

namespace sedma::backends::emulator_bench {

inline Result<std::unique_ptr<hal::Device>> try_open(const std::string& uri, const hal::Limits& limits = {}) {
  hal::Registry registry;
  SEDMA_RETURN_IF_ERROR(registry.add(emulator_driver()));
  return registry.open(uri, limits);
}

inline std::unique_ptr<hal::Device> open(const std::string& uri) {
  auto device = try_open(uri);
  SEDMA_CHECK(device.ok(), device.status().to_string());
  return std::move(device).value();
}

/// What rounding to the steps of Path::integer changes of a cell's conductance.
inline double entry_error(const std::string& uri) { return assumptions(*open(uri))->entry_step_siemens / 2; }

/// A window of one array.
struct At {
  std::uint32_t array = 0, row = 0, col = 0, rows = 1, cols = 1;
  std::size_t size() const { return std::size_t{rows} * cols; }
};

inline hal::Completion run(hal::Device& device, const hal::Command& command) {
  const auto completion = device.run(command);
  EXPECT_TRUE(completion.ok()) << completion.status().to_string();
  return completion.ok() ? *completion : hal::Completion{};
}

struct Effort {
  double tolerance = 0.01;  ///< of the range
  std::uint32_t passes = 100, most_pulses = 100000;
  bool erase = false;
  std::uint64_t stream = 5;
};

struct Written {
  hal::Completion completion;
  std::vector<float> siemens;
  std::vector<std::uint32_t> pulses;
  std::vector<hal::Outcome> outcome;
};

/// A Program of `target` into the buffers of `written`, which must outlive it.
inline hal::Program make_program(const hal::Device& device, const At& at, const std::vector<float>& target, const Effort& effort,
                                 Written& written) {
  written.siemens.assign(at.size(), -1.0f);
  written.pulses.assign(at.size(), 0);
  written.outcome.assign(at.size(), hal::Outcome::masked);
  hal::Program program;
  program.array = {at.array};
  program.row = at.row;
  program.col = at.col;
  program.siemens = {target.data(), at.rows, at.cols};
  program.tolerance_siemens = static_cast<float>(effort.tolerance * device.capabilities().g_range_siemens());
  program.passes = effort.passes;
  program.max_pulses_per_cell = effort.most_pulses;
  program.erase = effort.erase;
  program.stream = effort.stream;
  program.readback_siemens = {written.siemens.data(), at.rows, at.cols};
  program.pulses = {written.pulses.data(), at.rows, at.cols};
  program.outcome = {written.outcome.data(), at.rows, at.cols};
  return program;
}

inline Written program(hal::Device& device, const At& at, const std::vector<float>& target, const Effort& effort = {}) {
  Written written;
  written.completion = run(device, make_program(device, at, target, effort, written));
  return written;
}

/// Targets spread over the whole range, the same for every device of a material.
inline std::vector<float> pattern(const hal::Device& device, std::size_t count, std::uint32_t salt = 1) {
  std::vector<float> target(count);
  std::uint32_t state = salt * 2654435761u + 1;
  for (float& siemens : target) {
    state = state * 1664525u + 1013904223u;
    const double part = 0.02 + 0.96 * static_cast<double>(state >> 8) / 0x1p24;
    siemens = static_cast<float>(device.capabilities().g_min_siemens + part * device.capabilities().g_range_siemens());
  }
  return target;
}

inline hal::Read make_read(const At& at, std::vector<float>& siemens, std::uint32_t repeats = 1, std::uint64_t stream = 5) {
  siemens.assign(at.size() * repeats, -1.0f);
  hal::Read read;
  read.array = {at.array};
  read.row = at.row;
  read.col = at.col;
  read.rows = at.rows;
  read.cols = at.cols;
  read.volts = 0.5;
  read.repeats = repeats;
  read.stream = stream;
  read.siemens = {siemens.data(), std::size_t{repeats} * at.rows, at.cols};
  return read;
}

inline std::vector<float> read(hal::Device& device, const At& at, std::uint32_t repeats = 1, std::uint64_t stream = 5) {
  std::vector<float> siemens;
  run(device, make_read(at, siemens, repeats, stream));
  return siemens;
}

/// `count` pulses (negative: down) of the published shape to every cell of a window.
inline hal::Completion pulse(hal::Device& device, const At& at, std::int32_t count) {
  const hal::Capabilities& board = device.capabilities();
  const std::vector<std::int32_t> counts(at.size(), count);
  hal::Pulse command;
  command.array = {at.array};
  command.row = at.row;
  command.col = at.col;
  command.pulses = {counts.data(), at.rows, at.cols};
  command.up = {static_cast<float>(board.cell_volts.max), 0, static_cast<float>(board.width_seconds.max), 0};
  command.down = {static_cast<float>(board.cell_volts.min), 0, static_cast<float>(board.width_seconds.max), 0};
  return run(device, command);
}

/// A product and its buffers.
struct Product {
  std::size_t batch = 1;
  std::vector<float> volts, amps, full_scale;
  hal::Mvm command;
  hal::Completion completion;
};

/// Volts [batch, inputs] on codes of no converter in particular; full scale: every cell at the top and every line at V_read.
inline void prepare(const hal::Device& device, const At& at, std::size_t batch, Product& product, hal::Sense sense = hal::Sense::single,
                    bool transpose = false) {
  const std::size_t inputs = transpose ? at.cols : at.rows;
  std::size_t outputs = transpose ? at.rows : at.cols;
  if (sense == hal::Sense::pair) outputs /= 2;
  if (sense == hal::Sense::reference) outputs -= 1;
  product.batch = batch;
  product.volts.resize(batch * inputs);
  std::uint32_t state = 77;
  for (float& volt : product.volts) {
    state = state * 1664525u + 1013904223u;
    volt = static_cast<float>(static_cast<double>(state >> 8) / 0x1p24 - 0.5);
  }
  product.amps.assign(batch * outputs, -1.0f);
  product.full_scale = {static_cast<float>(0.5 * device.capabilities().g_max_siemens * static_cast<double>(inputs))};
  product.command = {};
  product.command.array = {at.array};
  product.command.row = at.row;
  product.command.col = at.col;
  product.command.rows = at.rows;
  product.command.cols = at.cols;
  product.command.volts = {product.volts.data(), batch, inputs};
  product.command.amps = {product.amps.data(), batch, outputs};
  product.command.full_scale_amps = product.full_scale;
  product.command.sense = sense;
  product.command.transpose = transpose;
  product.command.stream = 5;
}

inline double mean(const std::vector<double>& values) {
  double sum = 0;
  for (const double value : values) sum += value;
  return sum / static_cast<double>(values.size());
}

inline double variance(const std::vector<double>& values) {
  const double middle = mean(values);
  double sum = 0;
  for (const double value : values) sum += (value - middle) * (value - middle);
  return sum / static_cast<double>(values.size());
}

}  // namespace sedma::backends::emulator_bench
