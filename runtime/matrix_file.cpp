#include "runtime/matrix_file.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <filesystem>
#include <span>
#include <string>
#include <utility>

#include "calibration/file_io.h"
#include "runtime/file_formats.h"
#include "runtime/gallery.h"
#include "runtime/text_scan.h"

namespace sedma::runtime {
namespace {

enum class Format { matrix_market, harwell_boeing, npy, hdf5 };

struct Reference {
  std::string path, dataset;
};

/// "file.h5:/group/x" is a file and a dataset, unless there is a file of just that name.
Reference split_reference(const std::string& reference) {
  std::error_code ignored;
  const std::size_t split = reference.rfind(":/");
  if (split == std::string::npos || split == 0 || std::filesystem::exists(reference, ignored)) return {reference, ""};
  return {reference.substr(0, split), reference.substr(split + 1)};
}

std::string ending_of(const std::string& path) { return lower(std::filesystem::path(path).extension().string()); }

/// HDF5's superblock lies at byte 0 or behind a user block of 512 bytes, doubled any number of times.
Result<bool> has_hdf5_signature(const std::string& path) {
  constexpr std::string_view signature("\x89HDF\r\n\x1a\n", 8);
  SEDMA_ASSIGN_OR_RETURN(const std::uint64_t size, calibration::file_size(path));
  for (std::uint64_t offset = 0; offset < size; offset = offset == 0 ? 512 : 2 * offset) {
    SEDMA_ASSIGN_OR_RETURN(const std::string found, calibration::read_file(path, offset, signature.size()));
    if (found == signature) return true;
  }
  return false;
}

/// Told by the content; the name decides only whose message an unrecognisable file gets.
Result<Format> format_of(const std::string& path) {
  constexpr std::uint64_t looked_at = 8192;
  SEDMA_ASSIGN_OR_RETURN(const std::string start, calibration::read_file(path, 0, looked_at));
  if (start.empty()) return fail(Code::data_corrupt, "{} is empty", path);
  if (start.starts_with(npy_magic)) return Format::npy;
  if (lower(std::string_view(start).substr(0, matrix_market_magic.size())) == lower(matrix_market_magic)) return Format::matrix_market;
  SEDMA_ASSIGN_OR_RETURN(const bool hdf5, has_hdf5_signature(path));
  if (hdf5) return Format::hdf5;
  if (looks_like_harwell_boeing(start)) return Format::harwell_boeing;
  const std::string ending = ending_of(path);
  if (ending == ".npy") return Format::npy;
  if (ending == ".mtx" || ending == ".mm") return Format::matrix_market;
  if (ending == ".h5" || ending == ".hdf5") return Format::hdf5;
  if (ending == ".hb" || ending == ".rb" || (ending.size() == 4 && looks_like_harwell_boeing(fmt::format("\n\n{} ", ending.substr(1))))) {
    return Format::harwell_boeing;
  }
  return fail(Code::unsupported, "{} is neither Matrix Market, Harwell-Boeing, NumPy .npy nor HDF5; it begins with {}", path,
              in_quotes(start));
}

struct Opened {
  Reference reference;
  Format format = Format::matrix_market;
  std::string bytes;  // of the whole file, unless it is HDF5
};

Result<Opened> open_reference(const std::string& reference) {
  Opened opened;
  opened.reference = split_reference(reference);
  const std::string& path = opened.reference.path;
  SEDMA_RETURN_IF_ERROR(calibration::check_readable_file(path));
  SEDMA_ASSIGN_OR_RETURN(opened.format, format_of(path));
  if (opened.format == Format::hdf5) return opened;
  if (!opened.reference.dataset.empty()) {
    return fail(Code::invalid_argument, "{} names dataset {}, but {} is not HDF5", reference, opened.reference.dataset, path);
  }
  SEDMA_ASSIGN_OR_RETURN(opened.bytes, calibration::read_file(path));
  return opened;
}

Result<Matrix> read_any_matrix(Opened file, const ReadLimits& limits) {
  const std::string& path = file.reference.path;
  switch (file.format) {
    case Format::hdf5: return read_hdf5_matrix(path, file.reference.dataset, limits);
    case Format::matrix_market: return parse_matrix_market(file.bytes, path, limits);
    case Format::harwell_boeing: return parse_harwell_boeing(file.bytes, path, limits);
    case Format::npy: break;
  }
  SEDMA_ASSIGN_OR_RETURN(const DenseBlock block, parse_npy_values(std::exchange(file.bytes, {}), path, limits, false));
  return Matrix::from_dense(matrix_name(path), static_cast<std::uint32_t>(block.rows), static_cast<std::uint32_t>(block.cols),
                            block.values);
}

Result<DenseBlock> read_any_block(const std::string& reference, std::size_t cols, const ReadLimits& limits) {
  SEDMA_ASSIGN_OR_RETURN(const Opened file, open_reference(reference));
  const std::string& path = file.reference.path;
  switch (file.format) {
    case Format::hdf5: return read_hdf5_block(path, file.reference.dataset, limits);
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
  SEDMA_ASSIGN_OR_RETURN(Opened file, open_reference(reference));
  return read_any_matrix(std::move(file), limits);
}

Result<std::unique_ptr<MatrixSource>> open_matrix(const std::string& reference, const ReadLimits& limits, const Watch& watch) {
  if (is_gallery(reference)) return open_gallery(reference, watch);
  SEDMA_ASSIGN_OR_RETURN(Opened file, open_reference(reference));
  if (file.format == Format::hdf5) return open_hdf5_matrix(file.reference.path, file.reference.dataset, limits, watch);
  SEDMA_ASSIGN_OR_RETURN(Matrix matrix, read_any_matrix(std::move(file), limits));
  return std::unique_ptr<MatrixSource>(std::make_unique<Matrix>(std::move(matrix)));
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
