#include "cli/multiply_options.h"

#include <charconv>
#include <cmath>

namespace sedma::cli {
namespace {

// "--correction none --slices 2" and its like.
Result<std::uint32_t> slices_of(const MultiplyOptions& options) {
  const std::uint32_t slices = options.slices.value_or(0);
  if (!options.correction) return slices;
  if (*options.correction == "residual") {
    if (options.slices == 0u) return Status(Code::invalid_argument, "--correction residual takes at least one slice; --slices is 0");
    return options.slices.value_or(1);
  }
  if (slices > 0)
    return fail(Code::invalid_argument, "--slices {} belongs to --correction residual; --correction is {}", slices, *options.correction);
  return 0u;
}

Status check_budget_options(const MultiplyOptions& options) {
  if (!options.budget && options.streams) return Status(Code::invalid_argument, "--streams belongs to --budget");
  if (options.budget && options.dry_run)
    return Status(Code::invalid_argument, "--budget multiplies many times and --dry-run never; use one");
  if (options.budget && options.no_reference)
    return Status(Code::invalid_argument, "--budget takes the error apart, which --no-reference leaves out; use one of them");
  return {};
}

// What works on one choice that is known beforehand.
Status check_goal(const MultiplyOptions& options) {
  SEDMA_RETURN_IF_ERROR(check_tuning(options.tuning));
  if (!options.tuning.wanted()) return {};
  if (options.budget)
    return Status(Code::invalid_argument,
                  "--budget takes the error of one choice apart; --explain prints the options that give the choice "
                  "made for a goal: use those with it");
  if (!options.log.empty())
    return Status(Code::invalid_argument,
                  "--log keeps a run that can be resumed with the same bits, and a goal may change its mind; "
                  "--dry-run --explain prints the options that give the choice: use those with it");
  return {};
}

}  // namespace

bool lexical_cast(const std::string& text, TileSize& tile) {
  const char* const end = text.data() + text.size();
  const auto rows = std::from_chars(text.data(), end, tile.rows);
  if (rows.ec != std::errc{} || rows.ptr == end || *rows.ptr != 'x') return false;
  const auto cols = std::from_chars(rows.ptr + 1, end, tile.cols);
  return cols.ec == std::errc{} && cols.ptr == end && tile.rows > 0 && tile.cols > 0;
}

bool lexical_cast(const std::string& text, LambdaOption& lambda) {
  lambda.adaptive = text == "adaptive";
  if (lambda.adaptive) return true;
  const char* const end = text.data() + text.size();
  const auto value = std::from_chars(text.data(), end, lambda.value);
  return value.ec == std::errc{} && value.ptr == end && std::isfinite(lambda.value) && lambda.value >= 0;
}

runtime::Partition partition_of(const std::string& name) {
  if (name == "static") return runtime::Partition::fixed;
  return name == "grid" ? runtime::Partition::grid : runtime::Partition::clustered;
}

Result<runtime::SessionOptions> session_options(const MultiplyOptions& options) {
  runtime::SessionOptions session;
  SEDMA_ASSIGN_OR_RETURN(session.choice.slices, slices_of(options));
  SEDMA_RETURN_IF_ERROR(check_budget_options(options));
  SEDMA_RETURN_IF_ERROR(check_goal(options));
  if (!options.input.empty() && options.input_seed)
    return Status(Code::invalid_argument, "--input gives the vectors and --input-seed draws them; use one of them");
  if (!options.output.empty() && options.output == options.json)
    return fail(Code::invalid_argument, "--output and --json are the same file {}", options.output);
  if (options.resume && options.log.empty())
    return Status(Code::invalid_argument, "--resume goes on with the run that --log DIRECTORY holds; give that too");
  if (!options.log.empty() && (options.dry_run || options.budget))
    return Status(Code::invalid_argument, "--log keeps the products of a run; --dry-run and --budget are none");
  session.products = options.correction == "products";
  session.lambda.adaptive = options.lambda.adaptive;
  session.lambda.value = options.lambda.value;
  session.wait_seconds = options.wait;
  session.choice.partition = partition_of(options.partition);
  session.choice.sharing = options.sharing;
  session.choice.tile_rows = options.tile.rows;
  session.choice.tile_cols = options.tile.cols;
  session.choice.conversion = options.conversion;
  session.choice.encoding = options.encoding == "pair" ? kernels::Encoding::pair : kernels::Encoding::offset;
  session.choice.scale = options.scale == "output" ? kernels::Scale::output : kernels::Scale::tile;
  session.choice.passes = options.passes;
  session.choice.tolerance_levels = options.tolerance;
  return session;
}

Result<std::string> device_of_rank(const MultiplyOptions& options, const RankPlace& place) {
  if (options.devices.empty() == options.hosts.empty())
    return Status(Code::invalid_argument, options.hosts.empty()
                                              ? "--device URI is required (or --hosts FILE); sedma devices lists what there is"
                                              : "--device and --hosts both name boards; use one of them");
  if (options.hosts.empty()) return device_of(options.devices, place);
  SEDMA_ASSIGN_OR_RETURN(const HostBoards boards, read_hosts(options.hosts));
  return device_of(boards, place);
}

runtime::Correction correction_of(const runtime::SessionOptions& options) noexcept {
  if (options.products) return runtime::Correction::products;
  return options.choice.slices > 0 ? runtime::Correction::residual : runtime::Correction::none;
}

const char* name(runtime::Correction correction) noexcept {
  switch (correction) {
    case runtime::Correction::none: return "none";
    case runtime::Correction::products: return "products";
    case runtime::Correction::residual: return "residual";
  }
  return "unknown";
}

}  // namespace sedma::cli
