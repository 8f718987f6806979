#include "runtime/memory/prior_table.h"

#include <algorithm>
#include <utility>

namespace sedma::runtime {
namespace {

/// Whether a smaller tile holds as much of the matrix in this direction.
bool needless(std::uint32_t size, double wanted, const std::vector<std::uint32_t>& sizes) {
  return std::any_of(sizes.begin(), sizes.end(), [&](std::uint32_t other) { return other < size && other >= wanted; });
}

}  // namespace

PriorTable::PriorTable(Prior& prior, Candidates candidates) : prior_(prior), candidates_(std::move(candidates)) {
  drop_needless();
  for (const Conversion& conversion : candidates_.conversions) repeats_.push_back(conversion.repeats);
  std::sort(repeats_.begin(), repeats_.end());
  repeats_.erase(std::unique(repeats_.begin(), repeats_.end()), repeats_.end());
  predicted_.resize(writings() * variants());
}

void PriorTable::drop_needless() {
  const MatrixFeatures& matrix = prior_.features();
  std::vector<std::uint32_t> rows, cols;
  for (const TunedChoice& writing : candidates_.writings) {
    rows.push_back(writing.choice.tile_rows);
    cols.push_back(writing.choice.tile_cols);
  }
  // The static baseline pads every tile to the whole array: there nothing is needless.
  const auto dropped = [&](const TunedChoice& writing) {
    return writing.choice.partition != Partition::fixed &&
           (needless(writing.choice.tile_rows, matrix.rows, rows) || needless(writing.choice.tile_cols, matrix.cols, cols));
  };
  candidates_.writings.erase(std::remove_if(candidates_.writings.begin(), candidates_.writings.end(), dropped), candidates_.writings.end());
}

Status PriorTable::load() {
  if (!costs_.empty()) return {};
  std::vector<std::optional<Outcome>> costs(writings() * repeats_.size());
  Status last = fail(Code::out_of_range, "no array of the board has room for a tile");
  bool any = false;
  for (std::size_t i = 0; i < costs.size(); ++i) {
    TunedChoice choice = candidates_.writings[i / repeats_.size()];
    choice.choice.conversion.repeats = repeats_[i % repeats_.size()];
    Result<Outcome> cost = prior_.cost(choice);
    if (cost.ok()) {
      costs[i] = std::move(cost).value();
      any = true;
    } else if (cost.status().code() == Code::out_of_range || cost.status().code() == Code::invalid_argument) {
      last = cost.status();
    } else {
      return cost.status();
    }
  }
  if (!any)
    return Status(Code::out_of_range, "none of " + std::to_string(writings()) + " ways to write the matrix fits: " + last.message());
  costs_ = std::move(costs);
  return {};
}

TunedChoice PriorTable::choice(std::size_t writing, std::size_t variant) const {
  TunedChoice choice = candidates_.writings[writing];
  choice.choice.conversion = candidates_.conversions[variant / candidates_.lambdas.size()];
  choice.adaptive_lambda = candidates_.lambdas[variant % candidates_.lambdas.size()];
  return choice;
}

const Outcome* PriorTable::cost(std::size_t writing, std::size_t repeats) const {
  const std::optional<Outcome>& cost = costs_[writing * repeats_.size() + repeats];
  return cost ? &*cost : nullptr;
}

Result<Outcome> PriorTable::predict(std::size_t writing, std::size_t variant) {
  std::optional<Outcome>& known = predicted_[writing * variants() + variant];
  if (!known) {
    Result<Outcome> predicted = prior_.predict(choice(writing, variant));
    if (!predicted.ok()) return predicted;
    known = std::move(predicted).value();
  }
  return *known;
}

}  // namespace sedma::runtime
