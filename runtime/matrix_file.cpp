#include "runtime/matrix_file.h"

#include <algorithm>
#include <cmath>
#include <span>
#include <string>
#include <utility>

#include "calibration/file_io.h"
#include "runtime/file_formats.h"
#include "runtime/opened_file.h"

namespace sedma::runtime {
namespace {

Result<DenseBlock> read_any_block(const std::string& reference, std::size_t cols, const ReadLimits& limits) {
  SEDMA_ASSIGN_OR_RETURN(const OpenedFile file, open_file(reference));
  const std::string& path = file.name.path;
  switch (file.format) {
    case Format::hdf5: return read_hdf5_block(path, file.name.dataset, limits);
    case Format::npy: return parse_npy(file.bytes, path, limits);
    case Format::harwell_boeing: {
      SEDMA_ASSIGN_OR_RETURN(const Coordinates found, parse_harwell_boeing_entries(file.bytes, path, limits));
      return to_block(found, path, limits, file.bytes.size());
    }
    case Format::matrix_market: break;
  }
  SEDMA_ASSIGN_OR_RETURN(const Coordinates found, parse_matrix_market_entries(file.bytes, path, limits));
  SEDMA_ASSIGN_OR_RETURN(DenseBlock block, to_block(found, path, limits, file.bytes.size()));
  if (block.cols == 1 && block.rows == cols) std::swap(block.rows, block.cols);  // a column vector, as other programs write them
  return block;
}

Status check_block(const std::string& reference, const DenseBlock& block) {
  if (block.rows == 0 || block.cols == 0 || block.values.size() / block.cols != block.rows || block.values.size() % block.cols != 0) {
    return fail(Code::invalid_argument, "{}: a block of {} x {} given {} values", reference, block.rows, block.cols, block.values.size());
  }
  const auto bad = std::find_if(block.values.begin(), block.values.end(), [](double value) { return !std::isfinite(value); });
  if (bad == block.values.end()) return {};
  const auto at = static_cast<std::size_t>(bad - block.values.begin());
  return fail(Code::invalid_argument, "{}: value ({}, {}), counted from 0, is {}, expected a finite value", reference, at / block.cols,
              at % block.cols, *bad);
}

Status write_atomically(const std::string& path, const std::function<Status(const Sink&)>& format) {
  SEDMA_ASSIGN_OR_RETURN(calibration::AtomicFile file, calibration::AtomicFile::create(path));
  SEDMA_RETURN_IF_ERROR(format([&](std::string_view bytes) { return file.write(bytes); }));
  return file.commit();
}

/// A dense file of a sparse matrix must stay one that ReadLimits let back in.
Status check_dense_size(const std::string& path, const Matrix& matrix) {
  const std::uint64_t values = std::uint64_t{matrix.rows()} * matrix.cols();
  if (values <= ReadLimits{}.max_entries) return {};
  return fail(Code::out_of_range, "{}: {} x {} is {} dense values, the limit is {}; write .mtx or .rua instead", path, matrix.rows(),
              matrix.cols(), values, ReadLimits{}.max_entries);
}

Status no_such_ending(const std::string& reference, const char* endings) {
  return fail(Code::unsupported, "{}: expected a name that ends in {}", reference, endings);
}

}  // namespace

Result<Matrix> read_matrix(const std::string& reference, const ReadLimits& limits) {
  SEDMA_ASSIGN_OR_RETURN(OpenedFile file, open_file(reference));
  return read_opened_matrix(std::move(file), limits);
}

Result<DenseBlock> read_block(const std::string& reference, std::size_t cols, const ReadLimits& limits) {
  SEDMA_ASSIGN_OR_RETURN(DenseBlock block, read_any_block(reference, cols, limits));
  if (block.cols == cols) return block;
  return fail(Code::invalid_argument, "{} holds {} x {}, expected vectors of length {} as rows{}", reference, block.rows, block.cols, cols,
              block.rows == cols ? "; transpose it" : "");
}

Status write_block(const std::string& reference, const DenseBlock& block) {
  SEDMA_RETURN_IF_ERROR(check_block(reference, block));
  const auto [path, dataset] = split_reference(reference);
  const std::string ending = ending_of(path);
  if (ending == ".h5" || ending == ".hdf5") return write_hdf5(path, dataset.empty() ? "/y" : dataset, block);
  if (dataset.empty() && ending == ".npy") {
    return write_atomically(path, [&](const Sink& sink) { return format_npy(block, sink); });
  }
  if (dataset.empty() && ending == ".mtx") {
    return write_atomically(path, [&](const Sink& sink) { return format_matrix_market(block, sink); });
  }
  return no_such_ending(reference, ".npy, .mtx or .h5[:/dataset]");
}

Status write_matrix(const std::string& reference, const Matrix& matrix) {
  if (matrix.rows() == 0) return fail(Code::invalid_argument, "{}: the matrix is empty", reference);
  const auto [path, dataset] = split_reference(reference);
  const std::string ending = ending_of(path);
  if (ending == ".h5" || ending == ".hdf5") {
    SEDMA_RETURN_IF_ERROR(check_dense_size(path, matrix));
    return write_hdf5(path, dataset.empty() ? "/matrix" : dataset, matrix);
  }
  if (dataset.empty() && ending == ".npy") {
    SEDMA_RETURN_IF_ERROR(check_dense_size(path, matrix));
    return write_atomically(path, [&](const Sink& sink) { return format_npy(matrix, sink); });
  }
  if (dataset.empty() && ending == ".mtx") {
    return write_atomically(path, [&](const Sink& sink) { return format_matrix_market(matrix, sink); });
  }
  if (dataset.empty() && ending == ".rua") {
    return write_atomically(path, [&](const Sink& sink) { return format_harwell_boeing(matrix, sink); });
  }
  return no_such_ending(reference, ".mtx, .npy, .rua or .h5[:/dataset]");
}

}  // namespace sedma::runtime
