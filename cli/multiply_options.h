#pragma once
// What `sedma multiply` is asked.

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "cli/rank_devices.h"
#include "cli/tuning_options.h"
#include "runtime/session.h"

namespace sedma::cli {

/// ROWSxCOLS on the command line, in matrix rows x columns. 0: not given.
struct TileSize {
  std::uint32_t rows = 0, cols = 0;
};
/// For CLI11: "64x32" and nothing else.
bool lexical_cast(const std::string& text, TileSize& tile);

/// --lambda: a number, or "adaptive".
struct LambdaOption {
  bool adaptive = false;
  double value = 0;
};
/// For CLI11: "adaptive", or a number >= 0 and nothing else.
bool lexical_cast(const std::string& text, LambdaOption& lambda);

struct MultiplyOptions {
  std::string matrix, device, input, mask, limits, record, output, json, hosts, log;
  std::vector<std::string> devices;       ///< of `multiply`, as given; `device` is then that of this rank
  std::optional<std::string> correction;  ///< none, products, residual
  std::optional<std::uint32_t> slices, batch, streams, each;
  std::optional<std::uint64_t> input_seed;
  double wait = 0, dead_after = 5, tolerance = runtime::Choice{}.tolerance_levels;
  std::uint32_t passes = runtime::Choice{}.passes;
  runtime::Conversion conversion;
  TileSize tile;
  LambdaOption lambda;
  std::string encoding = "pair", scale = "output", partition = "grid";
  std::uint32_t sharing = runtime::Choice{}.sharing;
  TuningOptions tuning;
  std::uint64_t seed = 1;
  bool dry_run = false, no_reference = false, budget = false, resume = false;

  std::uint64_t effective_input_seed() const noexcept { return input_seed.value_or(seed); }
};

/// "static", "grid", "clustered". @pre one of them
runtime::Partition partition_of(const std::string& name);
/// Fills in what follows from other options. Errors: invalid_argument where options contradict each other.
Result<runtime::SessionOptions> session_options(const MultiplyOptions& options);
/// The device that a rank opens. Errors: invalid_argument (neither --device nor --hosts, or both), and those of the file and the list.
Result<std::string> device_of_rank(const MultiplyOptions& options, const RankPlace& place);
runtime::Correction correction_of(const runtime::SessionOptions& options) noexcept;
const char* name(runtime::Correction correction) noexcept;

}  // namespace sedma::cli
