#pragma once
// What the prior says of every candidate, asked for once.

#include <optional>
#include <vector>

#include "runtime/memory/tuner.h"

namespace sedma::runtime {

/// Candidates that the board can hold, without those whose tiles are larger than the matrix needs. The prior outlives it.
class PriorTable {
 public:
  PriorTable(Prior& prior, Candidates candidates);
  /// Asks for all costs; once. Errors: out_of_range (the board holds none of the candidates: why of the last), and of the prior.
  Status load();

  std::size_t writings() const noexcept { return candidates_.writings.size(); }
  std::size_t variants() const noexcept { return candidates_.conversions.size() * candidates_.lambdas.size(); }
  TunedChoice choice(std::size_t writing, std::size_t variant) const;
  const std::vector<std::uint32_t>& repeats() const noexcept { return repeats_; }
  /// nullptr: the board cannot hold it.
  const Outcome* cost(std::size_t writing, std::size_t repeats) const;
  /// Errors: of the prior.
  Result<Outcome> predict(std::size_t writing, std::size_t variant);

 private:
  void drop_needless();
  Prior& prior_;
  Candidates candidates_;
  std::vector<std::uint32_t> repeats_;             // that conversions have, ascending
  std::vector<std::optional<Outcome>> costs_;      // [writings, repeats_]; empty until load()
  std::vector<std::optional<Outcome>> predicted_;  // [writings, variants]
};

}  // namespace sedma::runtime
