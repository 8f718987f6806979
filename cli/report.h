#pragma once
// What is known about matrices, boards, plans and costs, as JSON (plain SI numbers, units in the names) and as short sentences.

#include <nlohmann/json.hpp>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "backends/emulator/emulator.h"
#include "cli/forecast.h"
#include "cli/job.h"
#include "cli/output_file.h"

namespace sedma::cli {

Json matrix_json(const runtime::MatrixSource& matrix);
/// All capabilities.
Json device_json(const hal::Capabilities& board);
/// `layouts`: of every rank.
Json plan_json(const runtime::Plan& plan, std::span<const runtime::Layout> layouts);
Json joules_json(const hal::Joules& joules);
Json programming_json(const runtime::StageCost& cost, const runtime::Choice& choice);
Json multiplying_json(const runtime::StageCost& cost);
/// null where the device says nothing of what it takes for granted.
Json assumptions_json(const std::optional<backends::EmulatorAssumptions>& assumptions, const hal::Capabilities& board);
Json error_json(const JobReport& report);
Json wall_json(const WallSeconds& wall);
Json forecast_json(const Forecast& forecast);
/// version, commit, uri, argv, host, isa, utc.
Json provenance_json(const std::string& uri, const std::vector<std::string>& argv);

/// Names as in the JSON.
std::vector<std::string> feature_names(const hal::Capabilities& board);
const char* name(hal::Cell cell) noexcept;
const char* name(kernels::Encoding encoding) noexcept;
const char* name(runtime::Partition partition) noexcept;
const char* name(kernels::Scale scale) noexcept;

/// "8-bit ADC, ideal DAC": what every error figure is quoted with.
std::string converters_text(const hal::Capabilities& board);
/// "C2C on", "C2C off", "ideal writing", or "C2C as on the board".
/// ", wires exact, relaxation techC": what distorts an emulated board's products beside noise and converters; empty if nothing does.
std::string physics_text(const std::optional<backends::EmulatorAssumptions>& assumptions);
std::string c2c_text(const std::optional<backends::EmulatorAssumptions>& assumptions);
/// "2 tiles of 128 x 256 on 3 of 256 arrays, 1 turn". `arrays`: of all boards.
std::string plan_text(const runtime::Plan& plan, std::span<const runtime::Layout> layouts, std::uint64_t arrays);

/// Arrays in use on all boards, and the most loads that one of them takes.
struct ArraysInUse {
  std::uint64_t arrays = 0;
  std::uint32_t turns = 0;
};
ArraysInUse arrays_in_use(std::span<const runtime::Layout> layouts) noexcept;

}  // namespace sedma::cli
