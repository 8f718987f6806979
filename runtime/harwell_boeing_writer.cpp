// Writes Harwell-Boeing: real, assembled, unsymmetric (RUA) or rectangular (RRA).

#include <algorithm>
#include <string>
#include <utility>
#include <vector>

#include "runtime/file_formats.h"

namespace sedma::runtime {
namespace {

constexpr std::size_t line_width = 80;
constexpr std::size_t value_width = 26;  // the longest double, -2.2250738585072014e-308, and a blank to read it by
constexpr std::size_t values_a_line = line_width / value_width;

struct Columns {
  std::vector<std::size_t> offsets;
  std::vector<std::uint32_t> rows;
  std::vector<double> values;
};

Columns transpose(const Matrix& matrix) {
  Columns columns;
  columns.offsets.assign(std::size_t{matrix.cols()} + 1, 0);
  columns.rows.resize(matrix.nonzeros());
  columns.values.resize(matrix.nonzeros());
  for (const std::uint32_t col : matrix.columns()) ++columns.offsets[std::size_t{col} + 1];
  for (std::size_t col = 0; col < matrix.cols(); ++col) columns.offsets[col + 1] += columns.offsets[col];
  std::vector<std::size_t> next(columns.offsets.begin(), columns.offsets.end() - 1);
  for (std::uint32_t row = 0; row < matrix.rows(); ++row) {
    for (std::size_t k = matrix.row_offsets()[row]; k < matrix.row_offsets()[std::size_t{row} + 1]; ++k) {
      const std::size_t at = next[matrix.columns()[k]]++;
      columns.rows[at] = row;
      columns.values[at] = matrix.values()[k];
    }
  }
  return columns;
}

/// The shortest digits that read back to the same bits, with the decimal point that Fortran wants.
std::string with_point(double value) {
  const std::string digits = fmt::format("{}", value);
  if (digits.find('.') != std::string::npos) return digits;
  const std::size_t mantissa = std::min(digits.find('e'), digits.size());
  return fmt::format("{}.{}", digits.substr(0, mantissa), digits.substr(mantissa));
}

std::size_t lines_for(std::size_t fields, std::size_t a_line) { return (fields + a_line - 1) / a_line; }

/// `count` fields of get(i), right-aligned, `a_line` on each line.
template <class Get>
Status add_fields(BufferedText& text, std::size_t count, std::size_t width, std::size_t a_line, const Get& get) {
  for (std::size_t i = 0; i < count; ++i) {
    const bool last = i + 1 == count || (i + 1) % a_line == 0;
    SEDMA_RETURN_IF_ERROR(text.add("{:>{}}{}", get(i), width, last ? "\n" : ""));
  }
  return {};
}

std::string printable(std::string text) {
  std::replace_if(
      text.begin(), text.end(), [](char c) { return c < ' ' || c > '~'; }, '?');
  return text;
}

}  // namespace

Status format_harwell_boeing(const Matrix& matrix, const Sink& sink) {
  const Columns columns = transpose(matrix);
  const std::size_t pointer_width = fmt::formatted_size("{}", matrix.nonzeros() + 1) + 1;
  const std::size_t index_width = fmt::formatted_size("{}", matrix.rows()) + 1;
  const std::size_t pointers_a_line = line_width / pointer_width;
  const std::size_t indices_a_line = line_width / index_width;
  const std::size_t pointer_lines = lines_for(columns.offsets.size(), pointers_a_line);
  const std::size_t index_lines = lines_for(columns.rows.size(), indices_a_line);
  const std::size_t value_lines = lines_for(columns.values.size(), values_a_line);
  const std::string title = printable(matrix.name());

  BufferedText text(sink);
  SEDMA_RETURN_IF_ERROR(text.add("{:<72.72}{:<8.8}\n", title, title));
  SEDMA_RETURN_IF_ERROR(
      text.add("{:>14}{:>14}{:>14}{:>14}{:>14}\n", pointer_lines + index_lines + value_lines, pointer_lines, index_lines, value_lines, 0));
  SEDMA_RETURN_IF_ERROR(text.add("{:<14}{:>14}{:>14}{:>14}{:>14}\n", matrix.rows() == matrix.cols() ? "RUA" : "RRA", matrix.rows(),
                                 matrix.cols(), matrix.nonzeros(), 0));
  SEDMA_RETURN_IF_ERROR(text.add("{:<16}{:<16}{:<20}\n", fmt::format("({}I{})", pointers_a_line, pointer_width),
                                 fmt::format("({}I{})", indices_a_line, index_width),
                                 fmt::format("({}E{}.16)", values_a_line, value_width)));
  SEDMA_RETURN_IF_ERROR(
      add_fields(text, columns.offsets.size(), pointer_width, pointers_a_line, [&](std::size_t i) { return columns.offsets[i] + 1; }));
  SEDMA_RETURN_IF_ERROR(add_fields(text, columns.rows.size(), index_width, indices_a_line,
                                   [&](std::size_t i) { return std::uint64_t{columns.rows[i]} + 1; }));
  SEDMA_RETURN_IF_ERROR(
      add_fields(text, columns.values.size(), value_width, values_a_line, [&](std::size_t i) { return with_point(columns.values[i]); }));
  return text.flush();
}

}  // namespace sedma::runtime
