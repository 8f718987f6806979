#pragma once
// Opening the device that a command line names.

#include <cstdint>
#include <memory>
#include <optional>
#include <string>

#include "backends/emulator/emulator.h"
#include "hal/registry.h"
#include "runtime/device_model.h"

namespace sedma::cli {

/// All drivers of this program.
hal::Registry make_registry();

/// An open device and what is known about it.
struct Board {
  std::string uri;  ///< as opened, defaults filled in
  std::unique_ptr<hal::Device> device;
  std::optional<backends::EmulatorAssumptions> assumptions;  ///< of an emulator, also inside a recorder or fault injector
};

/// The model that an emulator computes by; nothing: no emulator.
std::optional<runtime::DeviceModel> emulated_model(const Board& board);
/// The same, or runtime::published_model() of another device. Errors: of published_model().
Result<runtime::DeviceModel> device_model(const Board& board);

/// Which device to open.
struct BoardRequest {
  std::string uri;
  hal::Limits limits;
  std::optional<std::uint64_t> seed;  ///< of an emulator whose URI gives none
};

/// The URI that a request comes to. Errors: invalid_argument.
Result<hal::Uri> effective_uri(const hal::Registry& registry, const BoardRequest& request);
/// A second emulator with the options of the one that `uri` names, also inside a recorder or fault injector: nothing done to it reaches the
/// board. Errors: unsupported (no emulator), and those of its driver.
Result<std::unique_ptr<hal::Device>> open_twin(const hal::Registry& registry, const hal::Uri& uri);
/// Whether the innermost device of a URI `text` is an emulator: opening another one like it touches nothing.
bool is_emulated(const hal::Registry& registry, const std::string& text);
/// Errors: invalid_argument (the URI: no such driver, material, option or value: lists what exists), and what the driver reports.
Result<Board> open_board(const hal::Registry& registry, const BoardRequest& request);

}  // namespace sedma::cli
