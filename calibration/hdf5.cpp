#include "calibration/hdf5.h"

#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <cstring>
#include <functional>
#include <utility>

#include "calibration/hdf5_internal.h"

namespace sedma::calibration::hdf5 {
namespace detail {

void start_library() {
  static const bool started = [] {
    ::setenv("HDF5_USE_FILE_LOCKING", "BEST_EFFORT", 0);
    // Handles close everything; what the library would do at the program's end ends in a crash where a disk was full.
    static_cast<void>(H5dont_atexit());
    return H5open() >= 0 && H5Eset_auto2(H5E_DEFAULT, nullptr, nullptr) >= 0;
  }();
  SEDMA_CHECK(started);
}

std::string take_reason() {
  std::string reason;
  const auto visit = [](unsigned depth, const H5E_error2_t* error, void* out) -> herr_t {
    if (depth == 0 && error->desc != nullptr) *static_cast<std::string*>(out) = error->desc;
    return 0;
  };
  H5Ewalk2(H5E_DEFAULT, H5E_WALK_UPWARD, visit, &reason);
  H5Eclear2(H5E_DEFAULT);
  return reason.empty() ? "no reason given by HDF5" : reason;
}

}  // namespace detail

using detail::own;
using detail::take_reason;

Handle::Handle(Handle&& other) noexcept : id_(std::exchange(other.id_, -1)), close_(other.close_) {}

Handle& Handle::operator=(Handle&& other) noexcept {
  if (this != &other) {
    close();
    id_ = std::exchange(other.id_, -1);
    close_ = other.close_;
  }
  return *this;
}

Handle::~Handle() { close(); }

bool Handle::close() noexcept {
  const std::int64_t id = std::exchange(id_, -1);
  return id < 0 || close_ == nullptr || close_(id) >= 0;
}

namespace {

constexpr std::uint64_t max_chunk_bytes = 256u << 20;

std::string type_name(hid_t type) {
  const auto bits = 8 * H5Tget_size(type);
  switch (H5Tget_class(type)) {
    case H5T_INTEGER: return fmt::format("{}int{}", H5Tget_sign(type) == H5T_SGN_NONE ? "u" : "", bits);
    case H5T_FLOAT: return fmt::format("float{}", bits);
    case H5T_STRING: return "string";
    case H5T_COMPOUND: return "compound";
    case H5T_ENUM: return "enum";
    case H5T_ARRAY: return "array";
    case H5T_VLEN: return "variable-length";
    case H5T_OPAQUE: return "opaque";
    case H5T_BITFIELD: return "bitfield";
    case H5T_REFERENCE: return "reference";
    case H5T_TIME: return "time";
    default: return "unknown";
  }
}

std::vector<std::uint64_t> chunk_of(hid_t plist, std::size_t rank) {
  if (rank == 0 || H5Pget_layout(plist) != H5D_CHUNKED) return {};
  std::vector<hsize_t> chunk(rank);
  if (H5Pget_chunk(plist, static_cast<int>(rank), chunk.data()) < 0) return {};
  return {chunk.begin(), chunk.end()};
}

Result<Shape> describe(hid_t dataset, std::string path) {
  const Handle space = own(H5Dget_space(dataset), H5Sclose);
  const Handle type = own(H5Dget_type(dataset), H5Tclose);
  const Handle plist = own(H5Dget_create_plist(dataset), H5Pclose);
  const int rank = space.valid() ? H5Sget_simple_extent_ndims(space.id()) : -1;
  if (rank < 0 || !type.valid() || !plist.valid()) {
    return fail(Code::data_corrupt, "dataset {} is damaged: {}", path, take_reason());
  }
  std::vector<hsize_t> dims(static_cast<std::size_t>(rank)), most(dims.size());
  if (rank > 0 && H5Sget_simple_extent_dims(space.id(), dims.data(), most.data()) < 0) {
    return fail(Code::data_corrupt, "dataset {} is damaged: {}", path, take_reason());
  }
  // libhdf5 believes such a header (H5S_UNLIMITED is the largest hsize_t, so it compares right).
  if (!std::equal(dims.begin(), dims.end(), most.begin(), std::less_equal<>())) {
    return fail(Code::data_corrupt, "dataset {} is damaged: its shape [{}] is beyond its largest shape [{}]", path, fmt::join(dims, ", "),
                fmt::join(most, ", "));
  }
  Shape shape;
  shape.path = std::move(path);
  shape.dims.assign(dims.begin(), dims.end());
  if (H5Sget_simple_extent_type(space.id()) == H5S_NULL) shape.dims = {0};
  shape.chunk = chunk_of(plist.id(), shape.dims.size());
  shape.type = type_name(type.id());
  const H5T_class_t type_class = H5Tget_class(type.id());
  shape.numeric = type_class == H5T_INTEGER || type_class == H5T_FLOAT;
  return shape;
}

/// Refuses storage that reaches beyond the file or that would need absurd memory for a single value.
Status check_storage(hid_t dataset, const Shape& shape) {
  const Handle plist = own(H5Dget_create_plist(dataset), H5Pclose);
  if (!plist.valid()) return fail(Code::data_corrupt, "dataset {} is damaged: {}", shape.path, take_reason());
  const H5D_layout_t layout = H5Pget_layout(plist.id());
  if (layout == H5D_VIRTUAL || H5Pget_external_count(plist.id()) != 0) {
    return fail(Code::unsupported, "dataset {} keeps its values in other files; copy them into one dataset first", shape.path);
  }
  if (layout != H5D_CHUNKED) return {};
  const Handle type = own(H5Dget_type(dataset), H5Tclose);
  std::uint64_t bytes = std::max<std::uint64_t>(1, H5Tget_size(type.id()));
  for (const std::uint64_t side : shape.chunk) {
    if (side == 0 || bytes > max_chunk_bytes / side) {
      return fail(Code::out_of_range, "dataset {} is stored in chunks of [{}] {}; at most {} MiB each are read", shape.path,
                  fmt::join(shape.chunk, ", "), shape.type, max_chunk_bytes >> 20);
    }
    bytes *= side;
  }
  return {};
}

Status check_matrix_like(const Shape& shape) {
  if (!shape.numeric) {
    return fail(Code::invalid_argument, "dataset {} holds {}, expected integers or floating-point numbers", shape.path, shape.type);
  }
  if (shape.dims.empty() || shape.dims.size() > 2) {
    return fail(Code::invalid_argument, "dataset {} has shape [{}], expected 1 or 2 dimensions", shape.path, fmt::join(shape.dims, ", "));
  }
  return {};
}

/// A value that the target cannot hold ends the read, instead of HDF5's silent clipping (300 read as uint8 is 255).
H5T_conv_ret_t refuse_misfit(H5T_conv_except_t what, hid_t source, hid_t target, void* value, void*, void*) {
  if (H5Tget_class(target) == H5T_INTEGER) return H5T_CONV_ABORT;
  if (what != H5T_CONV_EXCEPT_RANGE_HI && what != H5T_CONV_EXCEPT_RANGE_LOW) return H5T_CONV_UNHANDLED;
  // HDF5's own conversion between native types calls infinity out of range too; a float can hold it.
  if (H5Tequal(source, H5T_NATIVE_DOUBLE) <= 0) return H5T_CONV_ABORT;
  double number = 0;
  std::memcpy(&number, value, sizeof number);
  return std::isinf(number) ? H5T_CONV_UNHANDLED : H5T_CONV_ABORT;
}

/// "it has /a [3, 4] float64, /b [2] string", at most 20 of them.
std::string listing(const Reader& reader) {
  const Result<std::vector<Shape>> found = reader.datasets();
  if (!found.ok()) return "its datasets cannot be listed";
  if (found->empty()) return "it has no dataset";
  std::string text = "it has ";
  for (std::size_t i = 0; i < found->size() && i < 20; ++i) {
    const Shape& shape = (*found)[i];
    text += fmt::format("{}{} [{}] {}", i == 0 ? "" : ", ", shape.path, fmt::join(shape.dims, ", "), shape.type);
  }
  if (found->size() > 20) text += fmt::format(" and {} more", found->size() - 20);
  return text;
}

}  // namespace

Result<Reader> Reader::open(const std::string& path) {
  SEDMA_RETURN_IF_ERROR(check_readable_file(path));
  detail::start_library();
  if (H5Fis_hdf5(path.c_str()) <= 0) {
    take_reason();
    return fail(Code::data_corrupt, "{} is not an HDF5 file", path);
  }
  const Handle access = own(H5Pcreate(H5P_FILE_ACCESS), H5Pclose);
  // Strong: objects that a failed read left open inside the library go with the file.
  H5Pset_fclose_degree(access.id(), H5F_CLOSE_STRONG);
  Handle file = own(H5Fopen(path.c_str(), H5F_ACC_RDONLY, access.id()), H5Fclose);
  if (!file.valid()) return fail(Code::data_corrupt, "{} is a damaged HDF5 file: {}", path, take_reason());
  return Reader(std::move(file), path);
}

Result<std::vector<Shape>> Reader::datasets() const {
  std::vector<std::string> names;
  const auto visit = [](hid_t, const char* name, const H5O_info_t* info, void* out) -> herr_t {
    if (info->type == H5O_TYPE_DATASET) static_cast<std::vector<std::string>*>(out)->push_back(fmt::format("/{}", name));
    return 0;
  };
  if (H5Ovisit2(file_.id(), H5_INDEX_NAME, H5_ITER_INC, visit, &names, H5O_INFO_BASIC) < 0) {
    return fail(Code::data_corrupt, "{}: its datasets cannot be listed: {}", path_, take_reason());
  }
  std::vector<Shape> shapes;
  for (const std::string& name : names) {
    const Handle dataset = own(H5Dopen2(file_.id(), name.c_str(), H5P_DEFAULT), H5Dclose);
    if (!dataset.valid()) return fail(Code::data_corrupt, "{}: dataset {} is damaged: {}", path_, name, take_reason());
    Result<Shape> shape = describe(dataset.id(), name);
    if (!shape.ok()) return shape.status().with_context(path_);
    shapes.push_back(std::move(shape).value());
  }
  return shapes;
}

Result<Handle> Reader::open_dataset(const std::string& dataset) const {
  Handle handle = own(H5Dopen2(file_.id(), dataset.c_str(), H5P_DEFAULT), H5Dclose);
  if (handle.valid()) return handle;
  const std::string reason = take_reason();
  const Result<std::vector<Shape>> present = datasets();
  if (!present.ok()) return present.status();
  const bool listed = std::any_of(present->begin(), present->end(), [&](const Shape& shape) { return shape.path == dataset; });
  if (listed) return fail(Code::data_corrupt, "{}: dataset {} is damaged: {}", path_, dataset, reason);
  return fail(Code::invalid_argument, "{} has no dataset '{}'; {}", path_, dataset, listing(*this));
}

Result<Shape> Reader::shape(const std::string& dataset) const {
  SEDMA_ASSIGN_OR_RETURN(const Handle handle, open_dataset(dataset));
  Result<Shape> shape = describe(handle.id(), dataset);
  return shape.ok() ? std::move(shape) : shape.status().with_context(path_);
}

template <class T>
Status Reader::read_window(const std::string& dataset, std::uint64_t row, std::uint64_t col, std::uint64_t rows, std::uint64_t cols,
                           std::span<T> out) const {
  SEDMA_ASSIGN_OR_RETURN(const Handle handle, open_dataset(dataset));
  const Result<Shape> shape = describe(handle.id(), dataset);
  if (!shape.ok()) return shape.status().with_context(path_);
  SEDMA_RETURN_IF_ERROR(check_matrix_like(*shape).with_context(path_));
  SEDMA_RETURN_IF_ERROR(check_storage(handle.id(), *shape).with_context(path_));
  const std::vector<std::uint64_t>& dims = shape->dims;
  const bool vector = dims.size() == 1;
  const std::uint64_t have_rows = vector ? 1 : dims[0];
  const std::uint64_t have_cols = dims.back();
  if (row > have_rows || rows > have_rows - row || col > have_cols || cols > have_cols - col) {
    return fail(Code::out_of_range, "{}: rows {}..{} and columns {}..{} asked of dataset {} [{}]", path_, row, row + rows, col, col + cols,
                dataset, fmt::join(dims, ", "));
  }
  if (cols != 0 && (out.size() / cols != rows || out.size() % cols != 0)) {
    return fail(Code::invalid_argument, "{}: {} x {} values of {} do not fit a buffer of {}", path_, rows, cols, dataset, out.size());
  }
  if (rows == 0 || cols == 0) return {};
  const hsize_t start[2] = {vector ? col : row, col};
  const hsize_t count[2] = {vector ? cols : rows, cols};
  const Handle source = own(H5Dget_space(handle.id()), H5Sclose);
  const Handle target = own(H5Screate_simple(vector ? 1 : 2, count, nullptr), H5Sclose);
  const Handle transfer = own(H5Pcreate(H5P_DATASET_XFER), H5Pclose);
  if (H5Pset_type_conv_cb(transfer.id(), refuse_misfit, nullptr) < 0 ||
      H5Sselect_hyperslab(source.id(), H5S_SELECT_SET, start, nullptr, count, nullptr) < 0 ||
      H5Dread(handle.id(), detail::memory_type<T>(), target.id(), source.id(), transfer.id(), out.data()) < 0) {
    return fail(Code::data_corrupt, "{}: dataset {} ({}) cannot be read: {}", path_, dataset, shape->type, take_reason());
  }
  return {};
}

template <class T>
Status Reader::read_rows(const std::string& dataset, std::uint64_t first, std::uint64_t count, std::span<T> out) const {
  SEDMA_ASSIGN_OR_RETURN(const Shape found, shape(dataset));
  SEDMA_RETURN_IF_ERROR(check_matrix_like(found).with_context(path_));
  return read_window(dataset, first, 0, count, found.dims.back(), out);
}

template <class T>
Result<std::vector<T>> Reader::read_all(const std::string& dataset) const {
  SEDMA_ASSIGN_OR_RETURN(const Shape found, shape(dataset));
  SEDMA_RETURN_IF_ERROR(check_matrix_like(found).with_context(path_));
  hsize_t file_bytes = 0;
  if (H5Fget_filesize(file_.id(), &file_bytes) < 0) return fail(Code::data_corrupt, "{} is damaged: {}", path_, take_reason());
  const std::uint64_t most = ((64u << 20) + 2048 * file_bytes) / sizeof(T);
  const std::uint64_t rows = found.dims.size() == 1 ? 1 : found.dims[0];
  const std::uint64_t cols = found.dims.back();
  if (cols != 0 && rows > most / cols) {
    return fail(Code::out_of_range, "{}: dataset {} claims [{}] values in a file of {} bytes", path_, dataset, fmt::join(found.dims, ", "),
                file_bytes);
  }
  std::vector<T> values(rows * cols);
  SEDMA_RETURN_IF_ERROR(read_window(dataset, 0, 0, rows, cols, std::span<T>(values)));
  return values;
}

#define SEDMA_INSTANTIATE(T)                                                                                                           \
  template Status Reader::read_rows<T>(const std::string&, std::uint64_t, std::uint64_t, std::span<T>) const;                          \
  template Status Reader::read_window<T>(const std::string&, std::uint64_t, std::uint64_t, std::uint64_t, std::uint64_t, std::span<T>) \
      const;                                                                                                                           \
  template Result<std::vector<T>> Reader::read_all<T>(const std::string&) const
SEDMA_INSTANTIATE(double);
SEDMA_INSTANTIATE(float);
SEDMA_INSTANTIATE(std::uint8_t);
SEDMA_INSTANTIATE(std::uint32_t);
SEDMA_INSTANTIATE(std::uint64_t);
SEDMA_INSTANTIATE(std::int64_t);
#undef SEDMA_INSTANTIATE

}  // namespace sedma::calibration::hdf5
