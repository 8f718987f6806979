#include "runtime/opened_file.h"

#include <filesystem>
#include <string_view>
#include <utility>

#include "calibration/file_io.h"
#include "runtime/file_formats.h"
#include "runtime/text_scan.h"

namespace sedma::runtime {
namespace {

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

}  // namespace

FileName split_reference(const std::string& reference) {
  std::error_code ignored;
  const std::size_t split = reference.rfind(":/");
  if (split == std::string::npos || split == 0 || std::filesystem::exists(reference, ignored)) return {reference, ""};
  return {reference.substr(0, split), reference.substr(split + 1)};
}

std::string ending_of(const std::string& path) { return lower(std::filesystem::path(path).extension().string()); }

Result<OpenedFile> identify_file(const std::string& reference) {
  OpenedFile file;
  file.name = split_reference(reference);
  const std::string& path = file.name.path;
  SEDMA_RETURN_IF_ERROR(calibration::check_readable_file(path));
  SEDMA_ASSIGN_OR_RETURN(file.format, format_of(path));
  if (file.format != Format::hdf5 && !file.name.dataset.empty()) {
    return fail(Code::invalid_argument, "{} names dataset {}, but {} is not HDF5", reference, file.name.dataset, path);
  }
  return file;
}

Result<OpenedFile> open_file(const std::string& reference) {
  SEDMA_ASSIGN_OR_RETURN(OpenedFile file, identify_file(reference));
  if (file.format == Format::hdf5) return file;
  SEDMA_ASSIGN_OR_RETURN(file.bytes, calibration::read_file(file.name.path));
  return file;
}

Result<Matrix> read_opened_matrix(OpenedFile file, const ReadLimits& limits) {
  const std::string& path = file.name.path;
  switch (file.format) {
    case Format::hdf5: return read_hdf5_matrix(path, file.name.dataset, limits);
    case Format::matrix_market: return parse_matrix_market(file.bytes, path, limits);
    case Format::harwell_boeing: return parse_harwell_boeing(file.bytes, path, limits);
    case Format::npy: break;
  }
  SEDMA_ASSIGN_OR_RETURN(const DenseBlock block, parse_npy_values(std::exchange(file.bytes, {}), path, limits, false));
  return Matrix::from_dense(matrix_name(path), static_cast<std::uint32_t>(block.rows), static_cast<std::uint32_t>(block.cols),
                            block.values);
}

}  // namespace sedma::runtime
