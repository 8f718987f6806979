// NumPy's .npy, versions 1.0 to 3.0: numpy/lib/format.py, NEP 1.

#include <bit>
#include <cmath>
#include <cstring>
#include <limits>
#include <string>
#include <type_traits>
#include <utility>
#include <vector>

#include "runtime/file_formats.h"
#include "runtime/npy_header.h"

namespace sedma::runtime {
namespace {

static_assert(std::endian::native == std::endian::little, "values are copied as they lie in memory");

template <class T>
double load(const char* bytes, bool big_endian) {
  char copy[sizeof(T)];
  for (std::size_t i = 0; i < sizeof(T); ++i) copy[i] = bytes[big_endian ? sizeof(T) - 1 - i : i];
  if constexpr (std::is_same_v<T, bool>) {
    return copy[0] != 0 ? 1 : 0;
  } else {
    T value;
    std::memcpy(&value, copy, sizeof value);
    return static_cast<double>(value);
  }
}

using Load = double (*)(const char*, bool);

/// Null for what cannot be read; parse_npy_header has refused that by name.
Load loader(char kind, std::size_t size) {
  if (kind == 'f') return size == 8 ? load<double> : load<float>;
  if (kind == 'b') return load<bool>;
  if (kind == 'i')
    return size == 1 ? load<std::int8_t> : size == 2 ? load<std::int16_t> : size == 4 ? load<std::int32_t> : load<std::int64_t>;
  return size == 1 ? load<std::uint8_t> : size == 2 ? load<std::uint16_t> : size == 4 ? load<std::uint32_t> : load<std::uint64_t>;
}

/// [rows, cols] of the array; a vector is one row.
Result<std::pair<std::uint64_t, std::uint64_t>> shape_of(const NpyHeader& header, bool vectors) {
  const auto& shape = header.shape;
  if (shape.size() == 2) return std::pair{shape[0], shape[1]};
  if (shape.size() == 1 && vectors) return std::pair{std::uint64_t{1}, shape[0]};
  return fail(Code::invalid_argument, "an array of {} dimensions ({}), expected {}", shape.size(), fmt::join(shape, ", "),
              vectors ? "1 or 2" : "2");
}

Status check_bytes(const NpyHeader& header, std::uint64_t values, std::uint64_t found) {
  const std::uint64_t expected = values * header.item_bytes;  // values are below max_entries < 2^60
  if (found == expected) return {};
  return fail(Code::data_corrupt, "expected {} bytes of values from byte {} on ({} x {} bytes), found {}{}", expected, header.data_offset,
              values, header.item_bytes, found, found < expected ? ": truncated" : "");
}

Status fill(std::string_view bytes, const NpyHeader& header, DenseBlock& block) {
  const Load load_value = loader(header.kind, header.item_bytes);
  const char* data = bytes.data() + header.data_offset;
  for (std::size_t row = 0; row < block.rows; ++row) {
    for (std::size_t col = 0; col < block.cols; ++col) {
      const std::size_t at = header.fortran_order ? col * block.rows + row : row * block.cols + col;
      const double value = load_value(data + at * header.item_bytes, header.big_endian);
      if (!std::isfinite(value)) {
        return fail(Code::data_corrupt, "byte {}: the value at ({}, {}), counted from 0, is {}, expected a finite value",
                    header.data_offset + at * header.item_bytes, row, col, value);
      }
      block.values[row * block.cols + col] = value;
    }
  }
  return {};
}

Result<DenseBlock> parse(std::string_view bytes, const ReadLimits& limits, bool vectors) {
  SEDMA_ASSIGN_OR_RETURN(const NpyHeader header, parse_npy_header(bytes));
  SEDMA_ASSIGN_OR_RETURN(const auto shape, shape_of(header, vectors));
  const auto [rows, cols] = shape;
  SEDMA_RETURN_IF_ERROR(check_shape(rows, cols, limits, bytes.size()));
  if (rows * cols > std::min(limits.max_entries, std::numeric_limits<std::uint64_t>::max() / 16)) {
    return fail(Code::out_of_range, "the header asks for {} x {} values; the limit is {}", rows, cols, limits.max_entries);
  }
  SEDMA_RETURN_IF_ERROR(check_bytes(header, rows * cols, bytes.size() - header.data_offset));
  DenseBlock block{rows, cols, std::vector<double>(rows * cols)};
  SEDMA_RETURN_IF_ERROR(fill(bytes, header, block));
  return block;
}

/// The header of a float64 array in C order, version 1.0, padded so that the values start at a multiple of 64 bytes.
std::string header_for(std::uint64_t rows, std::uint64_t cols) {
  std::string text = fmt::format("{{'descr': '<f8', 'fortran_order': False, 'shape': ({}, {}), }}", rows, cols);
  constexpr std::size_t fixed = 10;
  text.append(63 - (fixed + text.size()) % 64, ' ');
  text += '\n';
  std::string header(npy_magic);
  header += {'\x01', '\x00', static_cast<char>(text.size() & 0xff), static_cast<char>(text.size() >> 8)};
  return header + text;
}

std::string_view as_bytes(std::span<const double> values) { return {reinterpret_cast<const char*>(values.data()), values.size_bytes()}; }

}  // namespace

Result<DenseBlock> parse_npy_values(std::string_view bytes, const std::string& name, const ReadLimits& limits, bool vectors) {
  Result<DenseBlock> block = parse(bytes, limits, vectors);
  return block.ok() ? std::move(block) : block.status().with_context(name);
}

Result<DenseBlock> parse_npy(std::string_view bytes, const std::string& name, const ReadLimits& limits) {
  return parse_npy_values(bytes, name, limits, true);
}

Status format_npy(const DenseBlock& block, const Sink& sink) {
  SEDMA_RETURN_IF_ERROR(sink(header_for(block.rows, block.cols)));
  return sink(as_bytes(block.values));
}

Status format_npy(const Matrix& matrix, const Sink& sink) {
  SEDMA_RETURN_IF_ERROR(sink(header_for(matrix.rows(), matrix.cols())));
  std::vector<double> line(matrix.cols());
  for (std::uint32_t row = 0; row < matrix.rows(); ++row) {
    matrix.copy_window(row, 0, 1, matrix.cols(), line.data());
    SEDMA_RETURN_IF_ERROR(sink(as_bytes(line)));
  }
  return {};
}

}  // namespace sedma::runtime
