// The smallest blocks of the nested dissection, several side by side. Internal to kernels.
#pragma once

#include <cstddef>

namespace sedma::kernels::dissection {

inline constexpr std::size_t leaf_side = 8;    ///< a leaf is 8 x 8 cells
inline constexpr std::size_t leaf_lanes = 8;   ///< leaves that are computed at once: number l of every group of 8 doubles is of leaf l
inline constexpr std::size_t leaf_ports = 32;  ///< left, bottom, right, top; from top to bottom and from left to right

/// The cells of eight leaves. Where a line ends at a leaf's edge, the conductance of the half segment beyond its last cell is 0.
struct LeafBatch {
  double half_word = 0, half_bit = 0;     ///< conductance of half a wire segment
  const double* siemens = nullptr;        ///< [row, column, leaf]
  const double* right_siemens = nullptr;  ///< [leaf]: of the half segments beyond the last column
  const double* top_siemens = nullptr;    ///< [leaf]: of the half segments beyond the first row
};

/// Doubles that compute_leaves() wants at `work`.
std::size_t leaf_work() noexcept;

/// The conductance matrices between the ports of the eight leaves: column-major lower triangles [32, 32, leaf]. `batch` and `work` should
/// start at multiples of 64 bytes.
void compute_leaves(const LeafBatch& batch, double* work) noexcept;

/// Which of a leaf's 32 port numbers are the ports of `side`: eight from here on.
inline constexpr std::size_t leaf_first_port(std::size_t side) noexcept {
  constexpr std::size_t first[] = {0, 16, 24, 8};
  return first[side];
}

}  // namespace sedma::kernels::dissection
