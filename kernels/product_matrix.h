#pragma once
// The matrix that an array multiplies by, in the layout of a product path.

#include <cstddef>
#include <cstdint>

#include "hal/view.h"
#include "kernels/aligned.h"

namespace sedma::kernels {

/// How products are computed. integer: entries of 15 bits and DAC codes, exact and order-free, for converters of 2 to 8 bits; floating:
/// entries and volts are floats, for everything else.
enum class Path : std::uint8_t { floating, integer };

/// Entries >= 0 [rows, cols] in siemens: the terminal conductances, or with line resistance the transfer matrix. Optionally the standard
/// deviation of every entry by read noise (with line resistance it is not a function of the entry alone).
/// Path::integer stores an entry as round(siemens / full_siemens * 32767), clipped, in 2 bytes; Path::floating as a float. A standard
/// deviation takes 1 byte: round(sqrt(sd / full_sd) * 255), clipped: within 0.4 % at the top and 4 % at a hundredth of full_sd. NaN is
/// stored as 0 by both. Windows must lie inside the matrix. Concurrent reading is safe, writing is not.
class ProductMatrix {
 public:
  ProductMatrix() = default;
  /// All entries 0. `full_siemens`: the largest entry that can be stored (integer; > 0). `full_sd`: 0: no standard deviations.
  ProductMatrix(Path path, std::uint32_t rows, std::uint32_t cols, double full_siemens, double full_sd = 0);

  Path path() const noexcept { return path_; }
  std::uint32_t rows() const noexcept { return rows_; }
  std::uint32_t cols() const noexcept { return cols_; }
  bool has_sd() const noexcept { return full_sd_ > 0; }
  double full_siemens() const noexcept { return full_siemens_; }
  double full_sd() const noexcept { return full_sd_; }
  std::size_t bytes() const noexcept;  ///< of the entries and standard deviations

  /// Sets the window whose first cell is (row, col).
  void set(std::uint32_t row, std::uint32_t col, hal::View<const float> siemens);
  void set_sd(std::uint32_t row, std::uint32_t col, hal::View<const float> sd);
  /// The window's entries as they are stored.
  void get(std::uint32_t row, std::uint32_t col, hal::View<float> siemens) const;
  void get_sd(std::uint32_t row, std::uint32_t col, hal::View<float> sd) const;

  // For the product kernels.
  const float* floats() const noexcept { return floats_.data(); }        ///< [rows, cols] row-major; Path::floating
  const std::int16_t* codes() const noexcept { return codes_.data(); }   ///< packed; see product_layout.h; Path::integer
  const std::uint8_t* sd_codes() const noexcept { return sds_.data(); }  ///< packed alike

 private:
  Path path_ = Path::floating;
  std::uint32_t rows_ = 0, cols_ = 0;
  double full_siemens_ = 0, full_sd_ = 0;
  AlignedVector<float> floats_;
  AlignedVector<std::int16_t> codes_;
  AlignedVector<std::uint8_t> sds_;
};

/// Steps from 0 to full_siemens on the grid of Path::integer.
inline constexpr double grid_codes = 32767;
/// The value that Path::integer stores for `siemens`: what a product sees is what a read tells.
float on_grid(float siemens, double full_siemens) noexcept;

}  // namespace sedma::kernels
