#include "kernels/product_matrix.h"

#include <cmath>

#include "hal/status.h"
#include "kernels/product_layout.h"

namespace sedma::kernels {
namespace {

constexpr double top_code = 32767, top_sd_code = 255;

// To the nearest whole number, ties to even, clipped to [0, top]; NaN: 0.
double code_of(double code, double top) noexcept {
  if (!(code > 0)) return 0;
  constexpr double rounder = 6755399441055744.0;  // 1.5 * 2^52: adding and subtracting it rounds to a whole number
  return code < top ? (code + rounder) - rounder : top;
}

// An entry and its code; `step`: siemens a code.
double step_of(double full_siemens) noexcept { return full_siemens / top_code; }
double entry_code(float siemens, double per_step) noexcept { return code_of(static_cast<double>(siemens) * per_step, top_code); }
float entry_of(double code, double step) noexcept { return static_cast<float>(code * step); }

// A standard deviation and its code; `root_step`: square root of a standard deviation a code.
double root_step_of(double full_sd) noexcept { return std::sqrt(full_sd) / top_sd_code; }
double sd_code(float sd, double root_step) noexcept { return code_of(std::sqrt(static_cast<double>(sd)) / root_step, top_sd_code); }
float sd_of(double code, double root_step) noexcept { return static_cast<float>(code * root_step * (code * root_step)); }

template <class T>
void check_window(const ProductMatrix& matrix, std::uint32_t row, std::uint32_t col, const hal::View<T>& window) {
  SEDMA_CHECK(row + window.rows <= matrix.rows() && col + window.cols <= matrix.cols(), row, col, window.rows, window.cols, matrix.rows(),
              matrix.cols());
}

}  // namespace

ProductMatrix::ProductMatrix(Path path, std::uint32_t rows, std::uint32_t cols, double full_siemens, double full_sd)
    : path_(path), rows_(rows), cols_(cols), full_siemens_(full_siemens), full_sd_(full_sd) {
  SEDMA_CHECK(path == Path::floating || full_siemens > 0, full_siemens);
  if (path == Path::integer) {
    codes_.resize(layout::cells(rows, cols));
  } else {
    floats_.resize(std::size_t{rows} * cols);
  }
  if (has_sd()) sds_.resize(layout::cells(rows, cols));
}

std::size_t ProductMatrix::bytes() const noexcept {
  return floats_.size() * sizeof(float) + codes_.size() * sizeof(std::int16_t) + sds_.size();
}

void ProductMatrix::set(std::uint32_t row, std::uint32_t col, hal::View<const float> siemens) {
  check_window(*this, row, col, siemens);
  const double per_step = 1 / step_of(full_siemens_);
  for (std::size_t r = 0; r < siemens.rows; ++r) {
    for (std::size_t c = 0; c < siemens.cols; ++c) {
      const float value = siemens(r, c);
      if (path_ == Path::integer) {
        codes_[layout::index(rows_, row + r, col + c)] = static_cast<std::int16_t>(entry_code(value, per_step));
      } else {
        floats_[(row + r) * cols_ + col + c] = value > 0 ? value : 0.0f;
      }
    }
  }
}

void ProductMatrix::set_sd(std::uint32_t row, std::uint32_t col, hal::View<const float> sd) {
  SEDMA_CHECK(has_sd());
  check_window(*this, row, col, sd);
  const double root_step = root_step_of(full_sd_);
  for (std::size_t r = 0; r < sd.rows; ++r) {
    for (std::size_t c = 0; c < sd.cols; ++c)
      sds_[layout::index(rows_, row + r, col + c)] = static_cast<std::uint8_t>(sd_code(sd(r, c), root_step));
  }
}

void ProductMatrix::get(std::uint32_t row, std::uint32_t col, hal::View<float> siemens) const {
  check_window(*this, row, col, siemens);
  const double step = step_of(full_siemens_);
  for (std::size_t r = 0; r < siemens.rows; ++r) {
    for (std::size_t c = 0; c < siemens.cols; ++c) {
      siemens(r, c) =
          path_ == Path::integer ? entry_of(codes_[layout::index(rows_, row + r, col + c)], step) : floats_[(row + r) * cols_ + col + c];
    }
  }
}

void ProductMatrix::get_sd(std::uint32_t row, std::uint32_t col, hal::View<float> sd) const {
  SEDMA_CHECK(has_sd());
  check_window(*this, row, col, sd);
  const double root_step = root_step_of(full_sd_);
  for (std::size_t r = 0; r < sd.rows; ++r) {
    for (std::size_t c = 0; c < sd.cols; ++c) sd(r, c) = sd_of(sds_[layout::index(rows_, row + r, col + c)], root_step);
  }
}

float on_grid(float siemens, double full_siemens) noexcept {
  const double step = step_of(full_siemens);
  return entry_of(entry_code(siemens, 1 / step), step);
}

}  // namespace sedma::kernels
