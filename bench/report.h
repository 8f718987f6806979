#pragma once
// The rows of a report, and how they are written: JSON for programs, Markdown for people.

#include <cstddef>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <vector>

#include "bench/machine.h"

namespace sedma::bench {

/// How much faster n threads are than one (1: not at all), each from the same rounds: the row's call, the register-only FMA loop, reading
/// as many bytes as the row's call does.
struct Scaling {
  double own = 1, fma = 1, read = 1;
};

struct Row {
  std::string name;  ///< noisy_product, write_verify, effective_matrix, sgemv, sgemm, read_bandwidth or fma_loop
  std::size_t rows = 0, cols = 0, batch = 1;
  int threads = 1;
  std::string wires, noise, path;   ///< empty: does not apply
  std::string isa;                  ///< of SEDMA's kernels; sgemv and sgemm: the core that OpenBLAS chose
  double seconds = 0;               ///< of one call
  std::optional<double> reference;  ///< seconds of sgemv or sgemm of the same shape and thread count
  double spread = 1;                ///< median / fastest sample
  std::optional<double> reference_spread;
  std::size_t samples = 0;
  std::size_t bytes = 0;           ///< that a call streams; 0: does not apply
  std::string level;               ///< where they lie: L1, L2, L3 or memory
  std::optional<Scaling> scaling;  ///< against one thread
  std::string note;

  std::optional<double> ratio() const { return reference ? std::optional<double>(seconds / *reference) : std::nullopt; }
};

struct Report {
  Machine machine;
  std::string effort;  ///< quick, full or smoke
  double seconds_per_row = 0;
  std::vector<Row> rows;
};

/// {"format", "version", "commit", "date", "effort", ..., "machine": {...}, "rows": [{name, rows, cols, batch, threads,
/// wires, noise, path, isa, seconds, reference, ratio, ...}]}; what does not apply is null.
nlohmann::ordered_json to_json(const Report& report);
/// Machine, method, one table for each name, the scalings.
std::string to_markdown(const Report& report);

}  // namespace sedma::bench
