// The nested dissection of an array with line resistance. Internal to kernels.
#pragma once

#include <cstddef>

#include "hal/view.h"
#include "kernels/wires.h"
#include "kernels/wires_blocks.h"

namespace sedma::kernels::dissection {

/// An array of this many cells and, beyond the open ends, above the first row and right of the last column, cells of no conductance up to
/// whole leaves: they carry no current and change nothing.
Block whole_array(std::size_t rows, std::size_t cols) noexcept;

/// Doubles that dissect() wants at `work`, which should start at a multiple of 64 bytes.
std::size_t dissection_work(const Block& array) noexcept;

/// The conductance matrix between the ports of the array: its left ends from top to bottom, those of the added rows first, then its bottom
/// ends from left to right, those of the added columns last. Column-major lower triangle, inside `work`.
double* dissect(hal::View<const float> siemens, const Wires& wires, const Block& array, double* work) noexcept;

}  // namespace sedma::kernels::dissection
