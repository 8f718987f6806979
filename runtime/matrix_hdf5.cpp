// Matrices and blocks in HDF5 datasets.

#include <algorithm>
#include <cmath>
#include <functional>
#include <string>
#include <utility>
#include <vector>

#include "calibration/file_io.h"
#include "calibration/hdf5.h"
#include "runtime/file_formats.h"

namespace sedma::runtime {
namespace {

namespace hdf5 = calibration::hdf5;

constexpr std::uint64_t window_values = (16u << 20) / sizeof(double);
// What a file of any size may claim, and what each of its bytes adds. Deflate packs at most 1032 to 1, so more values than this, or
// more of them != 0, are a bomb; chunks never written cost some microseconds each, and those written take bytes.
constexpr std::uint64_t values_free = 1u << 26, values_per_byte = 2048;
constexpr std::uint64_t entries_free = 1u << 24;
constexpr std::uint64_t chunks_free = 1u << 18, bytes_per_chunk = 8;
// For the child that reads a foreign file first: generous for a slow disk, short enough to find a loop in a damaged file.
constexpr double child_seconds = 60;
constexpr double child_seconds_per_byte = 1.0 / 20e6;

struct Source {
  hdf5::Reader reader;
  hdf5::Shape shape;
  std::uint64_t rows = 0, cols = 0;  // a vector is one row
  std::uint64_t file_bytes = 0;
  std::string reference;  // file:/dataset
};

struct Window {
  std::uint64_t row = 0, col = 0, rows = 0, cols = 0;
};
using Take = std::function<Status(const Window&, std::span<const double>)>;

bool fits(const hdf5::Shape& shape, bool vectors) {
  return shape.numeric && (shape.dims.size() == 2 || (vectors && shape.dims.size() == 1));
}

std::string describe(const hdf5::Shape& shape) { return fmt::format("{} [{}] {}", shape.path, fmt::join(shape.dims, ", "), shape.type); }

Result<hdf5::Shape> only_dataset(const hdf5::Reader& reader, const std::string& path, bool vectors) {
  SEDMA_ASSIGN_OR_RETURN(const std::vector<hdf5::Shape> all, reader.datasets());
  std::vector<hdf5::Shape> fitting;
  std::copy_if(all.begin(), all.end(), std::back_inserter(fitting), [&](const hdf5::Shape& shape) { return fits(shape, vectors); });
  if (fitting.size() == 1) return fitting.front();
  std::string present = all.empty() ? "none" : "";
  for (std::size_t i = 0; i < all.size() && i < 20; ++i) present += (i == 0 ? "" : ", ") + describe(all[i]);
  if (all.size() > 20) present += fmt::format(" and {} more", all.size() - 20);
  return fail(Code::invalid_argument, "{} has {} numeric datasets of {} dimensions, expected one or its name as {}:/name; datasets: {}",
              path, fitting.size(), vectors ? "1 or 2" : "2", path, present);
}

Status check_dataset(const hdf5::Shape& shape, bool vectors) {
  if (!shape.numeric) {
    return fail(Code::invalid_argument, "the dataset holds {}, expected integers or floating-point numbers", shape.type);
  }
  if (!fits(shape, vectors)) {
    return fail(Code::invalid_argument, "the dataset has {} dimensions [{}], expected {}", shape.dims.size(), fmt::join(shape.dims, ", "),
                vectors ? "1 or 2" : "2");
  }
  return {};
}

/// Refuses what the limits exclude and what nobody would store in a file of this size.
Status check_claims(const Source& source, const ReadLimits& limits) {
  SEDMA_RETURN_IF_ERROR(check_shape(source.rows, source.cols, limits, source.file_bytes));
  const std::uint64_t values = source.rows * source.cols;
  if (values > limits.max_entries) {
    return fail(Code::out_of_range, "the dataset has {} x {} values; the limit is {}", source.rows, source.cols, limits.max_entries);
  }
  std::uint64_t chunk_values = 1;
  for (const std::uint64_t side : source.shape.chunk) chunk_values = std::max<std::uint64_t>(1, chunk_values * side);
  const std::uint64_t chunks = source.shape.chunk.empty() ? 1 : values / chunk_values;
  if (values > values_free + values_per_byte * source.file_bytes || chunks > chunks_free + source.file_bytes / bytes_per_chunk) {
    return fail(Code::out_of_range, "the dataset claims {} x {} values in {} chunks, which is not believed of a file of {} bytes",
                source.rows, source.cols, chunks, source.file_bytes);
  }
  return {};
}

Result<Source> open_source(const std::string& path, const std::string& dataset, const ReadLimits& limits, bool vectors) {
  SEDMA_ASSIGN_OR_RETURN(hdf5::Reader reader, hdf5::Reader::open(path));
  Result<hdf5::Shape> shape = dataset.empty() ? only_dataset(reader, path, vectors) : reader.shape(dataset);
  if (!shape.ok()) return shape.status();
  SEDMA_ASSIGN_OR_RETURN(const std::uint64_t file_bytes, calibration::file_size(path));
  Source source{std::move(reader), std::move(shape).value(), 1, 0, file_bytes, {}};
  source.reference = fmt::format("{}:{}", path, source.shape.path);
  SEDMA_RETURN_IF_ERROR(check_dataset(source.shape, vectors).with_context(source.reference));
  if (source.shape.dims.size() == 2) source.rows = source.shape.dims[0];
  source.cols = source.shape.dims.back();
  SEDMA_RETURN_IF_ERROR(check_claims(source, limits).with_context(source.reference));
  // Nothing is read yet: this refuses storage that cannot be read (foreign files, huge chunks) before a buffer is made for it.
  SEDMA_RETURN_IF_ERROR(source.reader.read_window(source.shape.path, 0, 0, 0, 0, std::span<double>()));
  return source;
}

/// The largest window of whole chunks within window_values, or one chunk where that is larger, so that no chunk is unpacked twice.
Window window_of(const Source& source) {
  const bool chunked = source.shape.chunk.size() == 2;
  const std::uint64_t chunk_rows = chunked ? source.shape.chunk[0] : 1;
  const std::uint64_t chunk_cols = !source.shape.chunk.empty() ? source.shape.chunk.back() : 1;
  const std::uint64_t across = std::max<std::uint64_t>(1, window_values / std::max<std::uint64_t>(1, chunk_rows * chunk_cols));
  const std::uint64_t cols = std::min(source.cols, chunk_cols * across);
  if (cols < source.cols) return {0, 0, chunk_rows, cols};
  return {0, 0, chunk_rows * std::max<std::uint64_t>(1, window_values / (chunk_rows * cols)), cols};
}

/// Reads the dataset window by window, checks that all values are finite, and hands each window on.
Status for_each_window(const Source& source, const Take& take) {
  const Window step = window_of(source);
  std::vector<double> values;
  for (std::uint64_t row = 0; row < source.rows; row += step.rows) {
    for (std::uint64_t col = 0; col < source.cols; col += step.cols) {
      const Window window{row, col, std::min(step.rows, source.rows - row), std::min(step.cols, source.cols - col)};
      values.resize(window.rows * window.cols);
      SEDMA_RETURN_IF_ERROR(
          source.reader.read_window(source.shape.path, window.row, window.col, window.rows, window.cols, std::span<double>(values)));
      const auto bad = std::find_if(values.begin(), values.end(), [](double value) { return !std::isfinite(value); });
      if (bad != values.end()) {
        const auto at = static_cast<std::uint64_t>(bad - values.begin());
        return fail(Code::data_corrupt, "{}: the value at ({}, {}), counted from 0, is {}, expected a finite value", source.reference,
                    row + at / window.cols, col + at % window.cols, *bad);
      }
      SEDMA_RETURN_IF_ERROR(take(window, values));
    }
  }
  return {};
}

/// Our own files prove by their seal that they are whole; any other is read once by a process that may crash.
Status survive(const std::string& path, const std::string& dataset, const ReadLimits& limits, bool vectors) {
  SEDMA_ASSIGN_OR_RETURN(const bool sealed, hdf5::has_seal(path));
  if (sealed) return hdf5::verify_seal(path);
  SEDMA_ASSIGN_OR_RETURN(const std::uint64_t file_bytes, calibration::file_size(path));
  const double seconds = child_seconds + child_seconds_per_byte * static_cast<double>(file_bytes);
  return hdf5::in_child_process(path, seconds, [&]() -> Status {
    SEDMA_ASSIGN_OR_RETURN(const Source source, open_source(path, dataset, limits, vectors));
    return for_each_window(source, [](const Window&, std::span<const double>) { return Status(); });
  });
}

Status append_nonzeros(const Window& window, std::span<const double> values, std::uint64_t most, std::vector<Matrix::Entry>& entries) {
  for (std::size_t i = 0; i < values.size(); ++i) {
    if (values[i] == 0) continue;
    if (entries.size() == most)
      return fail(Code::out_of_range, "more than {} entries != 0 are not believed from a file of this size", most);
    entries.push_back(
        {static_cast<std::uint32_t>(window.row + i / window.cols), static_cast<std::uint32_t>(window.col + i % window.cols), values[i]});
  }
  return {};
}

}  // namespace

Result<Matrix> read_hdf5_matrix(const std::string& path, const std::string& dataset, const ReadLimits& limits) {
  SEDMA_RETURN_IF_ERROR(survive(path, dataset, limits, false));
  SEDMA_ASSIGN_OR_RETURN(const Source source, open_source(path, dataset, limits, false));
  const std::uint64_t most = entries_free + values_per_byte * source.file_bytes;
  Coordinates found{static_cast<std::uint32_t>(source.rows), static_cast<std::uint32_t>(source.cols), {}};
  SEDMA_RETURN_IF_ERROR(for_each_window(source, [&](const Window& window, std::span<const double> values) {
    return append_nonzeros(window, values, most, found.entries).with_context(source.reference);
  }));
  return to_matrix(std::move(found), source.reference);
}

Result<DenseBlock> read_hdf5_block(const std::string& path, const std::string& dataset, const ReadLimits& limits) {
  SEDMA_RETURN_IF_ERROR(survive(path, dataset, limits, true));
  SEDMA_ASSIGN_OR_RETURN(const Source source, open_source(path, dataset, limits, true));
  const std::uint64_t most = entries_free + values_per_byte * source.file_bytes;
  if (source.rows * source.cols > most) {
    return fail(Code::out_of_range, "{} has {} x {} values; at most {} are believed from {} bytes", source.reference, source.rows,
                source.cols, most, source.file_bytes);
  }
  DenseBlock block{source.rows, source.cols, std::vector<double>(source.rows * source.cols)};
  SEDMA_RETURN_IF_ERROR(for_each_window(source, [&](const Window& window, std::span<const double> values) {
    for (std::uint64_t row = 0; row < window.rows; ++row) {
      std::copy_n(values.begin() + static_cast<std::ptrdiff_t>(row * window.cols), window.cols,
                  block.values.begin() + static_cast<std::ptrdiff_t>((window.row + row) * block.cols + window.col));
    }
    return Status();
  }));
  return block;
}

Status write_hdf5(const std::string& path, const std::string& dataset, const Matrix& matrix) {
  SEDMA_ASSIGN_OR_RETURN(hdf5::Writer writer, hdf5::Writer::create(path, true));
  SEDMA_RETURN_IF_ERROR(writer.create_rows(dataset, matrix.rows(), matrix.cols()));
  const auto step = static_cast<std::uint32_t>(std::max<std::uint64_t>(1, window_values / matrix.cols()));
  std::vector<double> values;
  for (std::uint64_t row = 0; row < matrix.rows(); row += step) {
    const auto count = static_cast<std::uint32_t>(std::min<std::uint64_t>(step, matrix.rows() - row));
    values.resize(std::size_t{count} * matrix.cols());
    matrix.copy_window(static_cast<std::uint32_t>(row), 0, count, matrix.cols(), values.data());
    SEDMA_RETURN_IF_ERROR(writer.write_rows(dataset, row, values));
  }
  return writer.commit();
}

Status write_hdf5(const std::string& path, const std::string& dataset, const DenseBlock& block) {
  SEDMA_ASSIGN_OR_RETURN(hdf5::Writer writer, hdf5::Writer::create(path, true));
  SEDMA_RETURN_IF_ERROR(writer.write(dataset, std::span<const double>(block.values), {block.rows, block.cols}));
  return writer.commit();
}

}  // namespace sedma::runtime
