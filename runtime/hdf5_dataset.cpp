// A dataset of a foreign or own HDF5 file that is to be read as a matrix: found, checked, and believed.

#include "runtime/hdf5_dataset.h"

#include <algorithm>
#include <cmath>
#include <iterator>
#include <span>
#include <utility>
#include <vector>

#include "calibration/file_io.h"
#include "runtime/coordinates.h"

namespace sedma::runtime {

namespace hdf5 = calibration::hdf5;

namespace {

// What a file of any size may claim, and what each of its bytes adds. Deflate packs at most 1032 to 1, so more values than this, or
// more of them != 0, are a bomb; chunks never written cost some microseconds each, and those written take bytes.
constexpr std::uint64_t values_free = 1u << 26, values_per_byte = 2048;
constexpr std::uint64_t entries_free = 1u << 24;
constexpr std::uint64_t chunks_free = 1u << 18, bytes_per_chunk = 8;

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
Status check_claims(const Hdf5Dataset& source, const ReadLimits& limits) {
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

}  // namespace

Result<Hdf5Dataset> open_hdf5_dataset(const std::string& path, const std::string& dataset, const ReadLimits& limits, bool vectors) {
  SEDMA_ASSIGN_OR_RETURN(hdf5::Reader reader, hdf5::Reader::open(path));
  Result<hdf5::Shape> shape = dataset.empty() ? only_dataset(reader, path, vectors) : reader.shape(dataset);
  if (!shape.ok()) return shape.status();
  SEDMA_ASSIGN_OR_RETURN(const std::uint64_t file_bytes, calibration::file_size(path));
  Hdf5Dataset source{std::move(reader), std::move(shape).value(), 1, 0, file_bytes, {}};
  source.reference = fmt::format("{}:{}", path, source.shape.path);
  SEDMA_RETURN_IF_ERROR(check_dataset(source.shape, vectors).with_context(source.reference));
  if (source.shape.dims.size() == 2) source.rows = source.shape.dims[0];
  source.cols = source.shape.dims.back();
  SEDMA_RETURN_IF_ERROR(check_claims(source, limits).with_context(source.reference));
  // Nothing is read yet: this refuses storage that cannot be read (foreign files, huge chunks) before a buffer is made for it.
  SEDMA_RETURN_IF_ERROR(source.reader.read_window(source.shape.path, 0, 0, 0, 0, std::span<double>()));
  return source;
}

std::uint64_t Hdf5Dataset::most_entries() const noexcept { return entries_free + values_per_byte * file_bytes; }

Status Hdf5Dataset::read_finite(std::uint64_t first_row, std::uint64_t first_col, std::uint64_t row_count, std::uint64_t col_count,
                                std::vector<double>& values) const {
  values.resize(row_count * col_count);
  SEDMA_RETURN_IF_ERROR(reader.read_window(shape.path, first_row, first_col, row_count, col_count, std::span<double>(values)));
  const auto bad = std::find_if(values.begin(), values.end(), [](double value) { return !std::isfinite(value); });
  if (bad == values.end()) return {};
  const auto at = static_cast<std::uint64_t>(bad - values.begin());
  return fail(Code::data_corrupt, "{}: the value at ({}, {}), counted from 0, is {}, expected a finite value", reference,
              first_row + at / col_count, first_col + at % col_count, *bad);
}

}  // namespace sedma::runtime
