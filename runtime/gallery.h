#pragma once
// Matrices made from a formula, row by row: test problems of any size that no file holds.

#include <memory>
#include <string>
#include <string_view>

#include "hal/status.h"
#include "runtime/matrix_source.h"

namespace sedma::runtime {

/// Whether `reference` names a gallery matrix: it begins with "gallery:".
bool is_gallery(std::string_view reference) noexcept;

/// `gallery:NAME?key=value&...`, options and defaults:
///   gallery:fem9?n=255             bilinear finite elements of the Laplacian on a grid of n x n inner nodes: 8/3 on the diagonal, -1/3 for
///                                  each of the eight neighbours; n^2 rows
///   gallery:laplace5?n=255         five-point Laplacian on the same grid: 4 and -1
///   gallery:random?rows=1000&cols=1000&density=0.01&seed=1
///                                  every entry is there with probability `density` (0 < density <= 1), standard normal
///   gallery:iperturb?n=66&scale=0.1&seed=1
///                                  identity plus scale / sqrt(n) times a standard normal matrix, dense: condition about
///                                  (1 + 2 scale) / (1 - 2 scale) at most; 0 <= scale < 0.5
/// Rows are made when they are asked for; nothing is held but 16 bytes a row. The same reference gives the same bits everywhere. n is at
/// most 46340 (laplace5, fem9) so that rows are numbered in 31 bits; rows, cols and iperturb's n at most 2^31 - 1.
/// `watch` counts rows of the one look at every row that opening takes.
/// Errors: invalid_argument (no such matrix or option: lists what exists; a value: what is accepted), aborted.
Result<std::unique_ptr<MatrixSource>> open_gallery(std::string_view reference, const Watch& watch = {});

}  // namespace sedma::runtime
