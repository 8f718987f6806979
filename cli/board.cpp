#include "cli/board.h"

#include <algorithm>

#include "backends/backends.h"
#include "kernels/materials.h"
#include "kernels/relaxation.h"

namespace sedma::cli {
namespace {

bool has_driver(const hal::Registry& registry, const std::string& scheme) {
  const auto drivers = registry.drivers();
  return std::any_of(drivers.begin(), drivers.end(), [&](const auto* driver) { return driver->scheme == scheme; });
}

// The device inside a wrapper such as record:emulator:X?a=b&record.file=f, or nothing. Options with a dot are the wrapper's own.
std::optional<hal::Uri> inner_uri(const hal::Registry& registry, const hal::Uri& uri) {
  auto inner = hal::Uri::parse(uri.target());
  if (!inner.ok() || !has_driver(registry, inner->scheme())) return std::nullopt;
  for (const auto& [key, value] : uri.options())
    if (key.find('.') == std::string::npos) inner->set_default(key, value);
  return *inner;
}

hal::Uri innermost_uri(const hal::Registry& registry, hal::Uri uri) {
  while (auto inner = inner_uri(registry, uri)) uri = *inner;
  return uri;
}

// What a wrapper hides is not worth a failure.
std::optional<backends::EmulatorAssumptions> assumptions_of(const hal::Registry& registry, const hal::Uri& uri, const hal::Device& device) {
  if (auto known = backends::assumptions(device)) return known;
  const auto twin = open_twin(registry, uri);
  return twin.ok() ? backends::assumptions(**twin) : std::nullopt;
}

}  // namespace

hal::Registry make_registry() {
  hal::Registry registry;
  backends::register_all(registry);
  return registry;
}

Result<hal::Uri> effective_uri(const hal::Registry& registry, const BoardRequest& request) {
  SEDMA_ASSIGN_OR_RETURN(hal::Uri uri, hal::Uri::parse(request.uri));
  if (request.seed && innermost_uri(registry, uri).scheme() == "emulator") uri.set_default("seed", fmt::format("{}", *request.seed));
  return uri;
}

// An emulator takes no memory before it is written, so a second one costs nothing to ask.
Result<std::unique_ptr<hal::Device>> open_twin(const hal::Registry& registry, const hal::Uri& uri) {
  const hal::Uri innermost = innermost_uri(registry, uri);
  if (innermost.scheme() != "emulator") return fail(Code::unsupported, "{} is no emulator: it has no twin", uri.to_string());
  return registry.open(innermost);
}

bool is_emulated(const hal::Registry& registry, const std::string& text) {
  const auto uri = hal::Uri::parse(text);
  return uri.ok() && innermost_uri(registry, *uri).scheme() == "emulator";
}

Result<Board> open_board(const hal::Registry& registry, const BoardRequest& request) {
  SEDMA_ASSIGN_OR_RETURN(const hal::Uri uri, effective_uri(registry, request));
  Board board;
  board.uri = uri.to_string();
  auto device = registry.open(uri, request.limits);
  if (!device.ok()) return device.status().with_context(board.uri);
  board.device = std::move(device).value();
  board.assumptions = assumptions_of(registry, uri, *board.device);
  return board;
}

std::optional<runtime::DeviceModel> emulated_model(const Board& board) {
  if (!board.assumptions) return std::nullopt;
  const auto material = kernels::find_material(board.device->capabilities().material);
  if (!material.ok()) return std::nullopt;
  const backends::EmulatorAssumptions& a = *board.assumptions;
  runtime::DeviceModel model;
  model.name = "published";
  model.cell = {*material, a.transistor_ohms, a.cycle_to_cycle, a.read_noise, a.read_floor_siemens, a.device_to_device, a.stuck_fraction};
  model.adc_joules = a.adc_joules;
  model.adc_seconds = a.adc_seconds;
  model.dac_joules = a.dac_joules;
  model.columns_per_adc = a.columns_per_adc;
  model.wire_farads = a.wire_farads;
  model.most_siemens = a.most_siemens;
  model.cubic_per_square_volt = a.cubic_per_square_volt;
  model.ideal_writing = a.ideal_writing;
  model.wire_ohms_per_cell = a.wires == "none" ? 0 : a.wire_ohms_per_cell;
  const auto relaxation = kernels::find_relaxation(a.relaxation);
  if (relaxation.ok()) runtime::set_relaxation(*relaxation, a.kelvin, model);
  return model;
}

Result<runtime::DeviceModel> device_model(const Board& board) {
  if (auto model = emulated_model(board)) return *std::move(model);
  return runtime::published_model(board.device->capabilities());
}

}  // namespace sedma::cli
