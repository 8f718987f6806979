#include "cli/matrix_facts.h"

#include <algorithm>
#include <bit>
#include <cmath>
#include <vector>

namespace sedma::cli {
namespace {

using runtime::RowEntries;

/// The mixing of splitmix64, a bijection (Steele, Lea and Flood 2014).
std::uint64_t mix(std::uint64_t x) {
  x = (x ^ (x >> 30)) * 0xbf58476d1ce4e5b9u;
  x = (x ^ (x >> 27)) * 0x94d049bb133111ebu;
  return x ^ (x >> 31);
}

/// Sums of hashes of all entries: equal for equal sets of entries, in any order.
struct Fingerprints {
  std::uint64_t places = 0, mirrored_places = 0;
  std::uint64_t values = 0, mirrored = 0, negated = 0;  // (row, col, v), (col, row, v), (col, row, -v)
  void add(std::uint32_t row, const RowEntries& entries) {
    for (std::size_t k = 0; k < entries.values.size(); ++k) {
      const std::uint64_t place = mix((std::uint64_t{row} << 32) + entries.columns[k] + 1);
      const std::uint64_t mirror = mix((std::uint64_t{entries.columns[k]} << 32) + row + 1);
      places += mix(place);
      mirrored_places += mix(mirror);
      values += mix(place ^ std::bit_cast<std::uint64_t>(entries.values[k]));
      mirrored += mix(mirror ^ std::bit_cast<std::uint64_t>(entries.values[k]));
      negated += mix(mirror ^ std::bit_cast<std::uint64_t>(-entries.values[k]));
    }
  }
};

void add_positions(std::uint32_t row, std::span<const std::uint32_t> columns, std::vector<bool>& seen, MatrixFacts& facts) {
  if (columns.empty()) {
    ++facts.empty_rows;
    return;
  }
  if (columns.front() < row) facts.lower_bandwidth = std::max(facts.lower_bandwidth, row - columns.front());
  if (columns.back() > row) facts.upper_bandwidth = std::max(facts.upper_bandwidth, columns.back() - row);
  for (const std::uint32_t col : columns) seen[col] = true;
}

void add_values(std::span<const double> values, MatrixFacts& facts) {
  for (const double value : values) {
    facts.integer = facts.integer && value == std::trunc(value);
    facts.ones = facts.ones && value == 1;
    facts.min_magnitude = std::min(facts.min_magnitude, std::abs(value));
    facts.max_magnitude = std::max(facts.max_magnitude, std::abs(value));
  }
}

void tell_symmetry(const runtime::MatrixSource& matrix, const Fingerprints& found, MatrixFacts& facts) {
  if (matrix.rows() != matrix.cols()) {
    facts.symmetry = Symmetry::not_square;
    return;
  }
  facts.symmetric_pattern = found.places == found.mirrored_places;
  if (found.values == found.mirrored) {
    facts.symmetry = Symmetry::symmetric;
  } else if (found.values == found.negated) {
    facts.symmetry = Symmetry::skew;
  }
}

}  // namespace

Result<MatrixFacts> examine(const runtime::MatrixSource& matrix, Progress& progress) {
  MatrixFacts facts;
  facts.density = static_cast<double>(matrix.nonzeros()) / (static_cast<double>(matrix.rows()) * static_cast<double>(matrix.cols()));
  facts.bytes = matrix.bytes();
  facts.integer = facts.ones = matrix.nonzeros() != 0;
  facts.min_magnitude = matrix.nonzeros() != 0 ? INFINITY : 0;
  Fingerprints fingerprints;
  std::vector<bool> seen(matrix.cols(), false);
  SEDMA_RETURN_IF_ERROR(matrix.for_each_row([&](std::uint32_t row, const RowEntries& entries) {
    add_values(entries.values, facts);
    add_positions(row, entries.columns, seen, facts);
    if (matrix.rows() == matrix.cols()) fingerprints.add(row, entries);
    progress.update("examine", row + 1, matrix.rows());
    return Status();
  }));
  progress.clear();
  facts.empty_cols = static_cast<std::uint32_t>(std::count(seen.begin(), seen.end(), false));
  tell_symmetry(matrix, fingerprints, facts);
  return facts;
}

const char* name(Symmetry symmetry) noexcept {
  switch (symmetry) {
    case Symmetry::general: return "general";
    case Symmetry::symmetric: return "symmetric";
    case Symmetry::skew: return "skew-symmetric";
    case Symmetry::not_square: return "not square";
  }
  return "unknown";
}

}  // namespace sedma::cli
