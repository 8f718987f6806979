// Matrices and blocks in HDF5 datasets.

#include <algorithm>
#include <functional>
#include <span>
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
// For the child that reads a foreign file first: generous for a slow disk, short enough to find a loop in a damaged file.
constexpr double child_base_seconds = 60;
constexpr double child_seconds_per_byte = 1.0 / 20e6;

struct Window {
  std::uint64_t row = 0, col = 0, rows = 0, cols = 0;
};
using Take = std::function<Status(const Window&, std::span<const double>)>;

/// The largest window of whole chunks within window_values, or one chunk where that is larger, so that no chunk is unpacked twice.
Window window_of(const Hdf5Dataset& source) {
  const bool chunked = source.shape.chunk.size() == 2;
  const std::uint64_t chunk_rows = chunked ? source.shape.chunk[0] : 1;
  const std::uint64_t chunk_cols = !source.shape.chunk.empty() ? source.shape.chunk.back() : 1;
  const std::uint64_t across = std::max<std::uint64_t>(1, window_values / std::max<std::uint64_t>(1, chunk_rows * chunk_cols));
  const std::uint64_t cols = std::min(source.cols, chunk_cols * across);
  if (cols < source.cols) return {0, 0, chunk_rows, cols};
  return {0, 0, chunk_rows * std::max<std::uint64_t>(1, window_values / (chunk_rows * cols)), cols};
}

/// Reads the dataset window by window, checks that all values are finite, and hands each window on.
Status for_each_window(const Hdf5Dataset& source, const Take& take) {
  const Window step = window_of(source);
  std::vector<double> values;
  for (std::uint64_t row = 0; row < source.rows; row += step.rows) {
    for (std::uint64_t col = 0; col < source.cols; col += step.cols) {
      const Window window{row, col, std::min(step.rows, source.rows - row), std::min(step.cols, source.cols - col)};
      SEDMA_RETURN_IF_ERROR(source.read_finite(window.row, window.col, window.rows, window.cols, values));
      SEDMA_RETURN_IF_ERROR(take(window, values));
    }
  }
  return {};
}

/// Whether all of it can be read.
Status read_all(const Hdf5Dataset& source) {
  return for_each_window(source, [](const Window&, std::span<const double>) { return Status(); });
}

Result<double> child_seconds(const std::string& path) {
  SEDMA_ASSIGN_OR_RETURN(const std::uint64_t file_bytes, calibration::file_size(path));
  return child_base_seconds + child_seconds_per_byte * static_cast<double>(file_bytes);
}

/// The first reading of a part of a foreign file, in a process that may crash: leaves the packed scan of a dataset that is_streamed(), and
/// nothing of any other, which part 0 reads.
Result<std::string> scan_in_child(const FileName& name, RowPart part, const ReadLimits& limits, const Watch& watch) {
  SEDMA_ASSIGN_OR_RETURN(const double seconds, child_seconds(name.path));
  std::uint64_t total = 0;  // told before the first row
  const auto body = [&](const hdf5::Tell& tell) -> Result<std::string> {
    SEDMA_ASSIGN_OR_RETURN(const Hdf5Dataset source, open_hdf5_dataset(name.path, name.dataset, limits, false));
    if (!is_streamed(source, limits)) {
      if (part.part == 0) SEDMA_RETURN_IF_ERROR(read_all(source));
      return std::string();
    }
    const RowRange rows = rows_of(part, source.rows);
    tell(rows.count());
    SEDMA_ASSIGN_OR_RETURN(const DenseScan scan,
                           scan_dense(source, rows, [&](std::uint64_t done, std::uint64_t) { return tell(done), true; }));
    return scan.pack();
  };
  return hdf5::ask_child_process(name.path, seconds, body, [&](std::uint64_t done) {
    if (total == 0) return total = done, true;
    return !watch || watch(done, total);
  });
}

/// Our own files prove by their seal that they are whole; any other is read once by a process that may crash.
Status survive(const std::string& path, const std::string& dataset, const ReadLimits& limits, bool vectors) {
  SEDMA_ASSIGN_OR_RETURN(const bool sealed, hdf5::has_seal(path));
  if (sealed) return hdf5::verify_seal(path);
  SEDMA_ASSIGN_OR_RETURN(const double seconds, child_seconds(path));
  return hdf5::in_child_process(path, seconds, [&]() -> Status {
    SEDMA_ASSIGN_OR_RETURN(const Hdf5Dataset source, open_hdf5_dataset(path, dataset, limits, vectors));
    return read_all(source);
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

Result<Matrix> hold(const Hdf5Dataset& source) {
  Coordinates found{static_cast<std::uint32_t>(source.rows), static_cast<std::uint32_t>(source.cols), {}};
  SEDMA_RETURN_IF_ERROR(for_each_window(source, [&](const Window& window, std::span<const double> values) {
    return append_nonzeros(window, values, source.most_entries(), found.entries).with_context(source.reference);
  }));
  return to_matrix(std::move(found), source.reference);
}

}  // namespace

Result<Matrix> read_hdf5_matrix(const std::string& path, const std::string& dataset, const ReadLimits& limits) {
  SEDMA_RETURN_IF_ERROR(survive(path, dataset, limits, false));
  SEDMA_ASSIGN_OR_RETURN(const Hdf5Dataset source, open_hdf5_dataset(path, dataset, limits, false));
  return hold(source);
}

Result<Hdf5Part> open_hdf5_part(const FileName& name, RowPart part, const ReadLimits& limits, const Watch& watch) {
  SEDMA_ASSIGN_OR_RETURN(const bool sealed, hdf5::has_seal(name.path));
  std::string packed;
  if (sealed) {
    SEDMA_RETURN_IF_ERROR(hdf5::verify_seal(name.path));
  } else {
    SEDMA_ASSIGN_OR_RETURN(packed, scan_in_child(name, part, limits, watch));
  }
  SEDMA_ASSIGN_OR_RETURN(Hdf5Dataset source, open_hdf5_dataset(name.path, name.dataset, limits, false));
  Hdf5Part found;
  if (is_streamed(source, limits)) {
    const RowRange rows = rows_of(part, source.rows);
    Result<DenseScan> scan = sealed ? scan_dense(source, rows, watch) : DenseScan::unpack(packed, rows.count(), source.cols);
    if (!scan.ok()) return scan.status().with_context(source.reference);
    found.streamed.emplace(Hdf5Part::Streamed{std::move(source), std::move(scan).value()});
  } else if (part.part == 0) {
    SEDMA_ASSIGN_OR_RETURN(found.held, hold(source));
  }
  return found;
}

Result<DenseBlock> read_hdf5_block(const std::string& path, const std::string& dataset, const ReadLimits& limits) {
  SEDMA_RETURN_IF_ERROR(survive(path, dataset, limits, true));
  SEDMA_ASSIGN_OR_RETURN(const Hdf5Dataset source, open_hdf5_dataset(path, dataset, limits, true));
  const std::uint64_t most = source.most_entries();
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
