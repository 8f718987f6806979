#pragma once
// What a report measures.

#include <cstddef>
#include <functional>
#include <string>
#include <vector>

#include "bench/report.h"
#include "bench/timing.h"

namespace sedma::bench {

/// noisy_product, sgemv, sgemm, write_verify, effective_matrix, read_bandwidth, fma_loop.
const std::vector<std::string>& row_names();

enum class Extent : unsigned char {
  smoke,  ///< 128 x 128: that everything runs
  quick,  ///< 128, 512, 1024, 4096 at batch 1 and 64
  full,   ///< 256, 2048 and oblong shapes too, every combination of path, wires and noise, every material
};

struct Selection {
  Extent extent = Extent::full;
  Effort effort;
  std::vector<int> threads;        ///< ascending, each >= 1
  std::vector<std::string> names;  ///< of row_names(); empty: all
};

/// 1 and 2 threads, and all cores if there are more; 1 alone on one core.
std::vector<int> usual_threads(unsigned cores);

/// Measures the rows one after the other; `progress` is told each one.
Report measure(const Selection& selection, const std::function<void(const Row&)>& progress);

}  // namespace sedma::bench
