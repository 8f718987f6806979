// Writer and the seal of SEDMA's own HDF5 files.

#include <xxhash.h>

#include <algorithm>
#include <array>
#include <limits>
#include <memory>
#include <utility>

#include "calibration/hdf5.h"
#include "calibration/hdf5_internal.h"

namespace sedma::calibration::hdf5 {
namespace {

using detail::own;
using detail::take_reason;

constexpr std::string_view seal_magic = "SEDMA";
constexpr std::size_t seal_bytes = 512;  // the smallest HDF5 user block

/// The user block of a file whose bytes from seal_bytes on are as they are now.
Result<std::string> make_seal(const std::string& path) {
  const std::unique_ptr<XXH3_state_t, XXH_errorcode (*)(XXH3_state_t*)> state(XXH3_createState(), XXH3_freeState);
  SEDMA_CHECK(state != nullptr);
  XXH3_128bits_reset(state.get());
  constexpr std::uint64_t block = 4u << 20;
  for (std::uint64_t offset = seal_bytes;; offset += block) {
    SEDMA_ASSIGN_OR_RETURN(const std::string bytes, read_file(path, offset, block));
    XXH3_128bits_update(state.get(), bytes.data(), bytes.size());
    if (bytes.size() < block) break;
  }
  const XXH128_hash_t hash = XXH3_128bits_digest(state.get());
  std::string seal = fmt::format("{} xxh3-128 {:016x}{:016x}\n", seal_magic, hash.high64, hash.low64);
  seal.resize(seal_bytes, '\0');
  return seal;
}

/// A creation property list without time stamps, so that equal content gives equal files.
Handle timeless(hid_t plist_class) {
  Handle plist = own(H5Pcreate(plist_class), H5Pclose);
  if (plist.valid()) H5Pset_obj_track_times(plist.id(), false);
  return plist;
}

/// Makes the groups on the way to `dataset`. They are made one by one because groups that HDF5 makes by itself carry a time stamp.
Status make_groups(hid_t file, const std::string& dataset) {
  if (dataset.size() < 2 || dataset.front() != '/' || dataset.back() == '/') {
    return fail(Code::invalid_argument, "dataset '{}': expected an absolute path such as /group/name", dataset);
  }
  const Handle plist = timeless(H5P_GROUP_CREATE);
  for (std::size_t slash = dataset.find('/', 1); slash != std::string::npos; slash = dataset.find('/', slash + 1)) {
    const std::string group = dataset.substr(0, slash);
    const bool present = H5Lexists(file, group.c_str(), H5P_DEFAULT) > 0;
    const Handle handle =
        own(present ? H5Gopen2(file, group.c_str(), H5P_DEFAULT) : H5Gcreate2(file, group.c_str(), H5P_DEFAULT, plist.id(), H5P_DEFAULT),
            H5Gclose);
    if (!handle.valid()) {
      return fail(Code::invalid_argument, "{} of dataset {} is no group and cannot be made one: {}", group, dataset, take_reason());
    }
  }
  if (H5Lexists(file, dataset.c_str(), H5P_DEFAULT) > 0) return fail(Code::invalid_argument, "dataset {} exists already", dataset);
  return {};
}

Result<Handle> create_dataset(hid_t file, const std::string& dataset, hid_t type, const std::vector<std::uint64_t>& dims,
                              const Handle& plist) {
  SEDMA_RETURN_IF_ERROR(make_groups(file, dataset));
  const std::vector<hsize_t> extent(dims.begin(), dims.end());
  const Handle space = own(H5Screate_simple(static_cast<int>(extent.size()), extent.data(), nullptr), H5Sclose);
  if (!space.valid()) return fail(Code::invalid_argument, "dataset {} [{}]: {}", dataset, fmt::join(dims, ", "), take_reason());
  Handle handle = own(H5Dcreate2(file, dataset.c_str(), type, space.id(), H5P_DEFAULT, plist.id(), H5P_DEFAULT), H5Dclose);
  if (!handle.valid()) return fail(Code::unavailable, "cannot make dataset {}: {}", dataset, take_reason());
  return handle;
}

Status write_attribute(hid_t file, const std::string& object, const std::string& attribute, hid_t file_type, hid_t memory_type,
                       const void* value) {
  const Handle space = own(H5Screate(H5S_SCALAR), H5Sclose);
  const Handle handle = own(
      H5Acreate_by_name(file, object.c_str(), attribute.c_str(), file_type, space.id(), H5P_DEFAULT, H5P_DEFAULT, H5P_DEFAULT), H5Aclose);
  if (!handle.valid() || H5Awrite(handle.id(), memory_type, value) < 0) {
    return fail(Code::invalid_argument, "cannot write attribute '{}' of {}: {}", attribute, object, take_reason());
  }
  return {};
}

}  // namespace

Result<Writer> Writer::create(const std::string& path, bool sealed) {
  detail::start_library();
  Writer writer;
  SEDMA_ASSIGN_OR_RETURN(writer.target_, AtomicFile::create(path));
  writer.path_ = path;
  writer.sealed_ = sealed;
  const Handle creation = timeless(H5P_FILE_CREATE);
  const Handle access = own(H5Pcreate(H5P_FILE_ACCESS), H5Pclose);
  if (sealed) H5Pset_userblock(creation.id(), seal_bytes);
  H5Pset_fclose_degree(access.id(), H5F_CLOSE_STRONG);
  // The file format of HDF5 1.8: readable everywhere, with checksummed object headers and attributes beyond 64 KiB.
  H5Pset_libver_bounds(access.id(), H5F_LIBVER_V18, H5F_LIBVER_V110);
  writer.file_ = own(H5Fcreate(writer.target_.temporary_path().c_str(), H5F_ACC_TRUNC, creation.id(), access.id()), H5Fclose);
  if (!writer.file_.valid()) return fail(Code::unavailable, "cannot create {}: {}", path, take_reason());
  return writer;
}

template <class T>
Status Writer::write(const std::string& dataset, std::span<const T> values, const std::vector<std::uint64_t>& dims) {
  std::uint64_t count = dims.empty() ? 0 : 1;
  bool overflow = dims.empty();
  for (const std::uint64_t side : dims) {
    overflow = overflow || (side != 0 && count > std::numeric_limits<std::uint64_t>::max() / side);
    count *= side;
  }
  if (overflow || count != values.size()) {
    return fail(Code::invalid_argument, "{}: dataset {} [{}] given {} values", path_, dataset, fmt::join(dims, ", "), values.size());
  }
  const Handle plist = timeless(H5P_DATASET_CREATE);
  Result<Handle> handle = create_dataset(file_.id(), dataset, detail::file_type<T>(), dims, plist);
  if (!handle.ok()) return handle.status().with_context(path_);
  if (values.empty()) return {};
  if (H5Dwrite(handle->id(), detail::memory_type<T>(), H5S_ALL, H5S_ALL, H5P_DEFAULT, values.data()) < 0) {
    return fail(Code::unavailable, "cannot write dataset {} of {}: {}", dataset, path_, take_reason());
  }
  return {};
}

Status Writer::create_rows(const std::string& dataset, std::uint64_t rows, std::uint64_t cols) {
  if (rows == 0 || cols == 0) return fail(Code::invalid_argument, "{}: dataset {} [{}, {}] is empty", path_, dataset, rows, cols);
  constexpr std::uint64_t chunk_values = (1u << 20) / sizeof(double);
  const hsize_t chunk_cols = std::min(cols, chunk_values);
  const hsize_t chunk[2] = {std::clamp<std::uint64_t>(chunk_values / chunk_cols, 1, rows), chunk_cols};
  const Handle plist = timeless(H5P_DATASET_CREATE);
  H5Pset_chunk(plist.id(), 2, chunk);
  H5Pset_shuffle(plist.id());
  H5Pset_deflate(plist.id(), 4);
  return create_dataset(file_.id(), dataset, H5T_IEEE_F64LE, {rows, cols}, plist).status().with_context(path_);
}

Status Writer::write_rows(const std::string& dataset, std::uint64_t first, std::span<const double> values) {
  const Handle handle = own(H5Dopen2(file_.id(), dataset.c_str(), H5P_DEFAULT), H5Dclose);
  if (!handle.valid()) return fail(Code::invalid_argument, "{} has no dataset {}: {}", path_, dataset, take_reason());
  const Handle target = own(H5Dget_space(handle.id()), H5Sclose);
  hsize_t dims[2] = {0, 0};
  if (H5Sget_simple_extent_ndims(target.id()) != 2 || H5Sget_simple_extent_dims(target.id(), dims, nullptr) < 0 || dims[1] == 0 ||
      values.size() % dims[1] != 0) {
    return fail(Code::invalid_argument, "{}: {} values are no whole rows of dataset {} [{}, {}]", path_, values.size(), dataset, dims[0],
                dims[1]);
  }
  const hsize_t start[2] = {first, 0};
  const hsize_t count[2] = {values.size() / dims[1], dims[1]};
  if (first > dims[0] || count[0] > dims[0] - first) {
    return fail(Code::out_of_range, "{}: rows {}..{} of dataset {} [{}, {}]", path_, first, first + count[0], dataset, dims[0], dims[1]);
  }
  if (values.empty()) return {};
  const Handle source = own(H5Screate_simple(2, count, nullptr), H5Sclose);
  if (H5Sselect_hyperslab(target.id(), H5S_SELECT_SET, start, nullptr, count, nullptr) < 0 ||
      H5Dwrite(handle.id(), H5T_NATIVE_DOUBLE, source.id(), target.id(), H5P_DEFAULT, values.data()) < 0) {
    return fail(Code::unavailable, "cannot write dataset {} of {}: {}", dataset, path_, take_reason());
  }
  return {};
}

Status Writer::text_attribute(const std::string& object, const std::string& attribute, const std::string& text) {
  const Handle type = own(H5Tcopy(H5T_C_S1), H5Tclose);
  H5Tset_size(type.id(), std::max<std::size_t>(1, text.size()));
  H5Tset_strpad(type.id(), H5T_STR_NULLPAD);
  H5Tset_cset(type.id(), H5T_CSET_UTF8);
  return write_attribute(file_.id(), object, attribute, type.id(), type.id(), text.c_str()).with_context(path_);
}

Status Writer::number_attribute(const std::string& object, const std::string& attribute, double value) {
  return write_attribute(file_.id(), object, attribute, H5T_IEEE_F64LE, H5T_NATIVE_DOUBLE, &value).with_context(path_);
}

Status Writer::commit() {
  if (!file_.close()) return fail(Code::unavailable, "cannot write {}: {}", path_, take_reason());
  if (sealed_) {
    SEDMA_ASSIGN_OR_RETURN(const std::string seal, make_seal(target_.temporary_path()));
    SEDMA_RETURN_IF_ERROR(target_.write_at(0, seal));
  }
  return target_.commit();
}

#define SEDMA_INSTANTIATE(T) template Status Writer::write<T>(const std::string&, std::span<const T>, const std::vector<std::uint64_t>&)
SEDMA_INSTANTIATE(double);
SEDMA_INSTANTIATE(float);
SEDMA_INSTANTIATE(std::uint8_t);
SEDMA_INSTANTIATE(std::uint32_t);
SEDMA_INSTANTIATE(std::uint64_t);
SEDMA_INSTANTIATE(std::int64_t);
#undef SEDMA_INSTANTIATE

Result<bool> has_seal(const std::string& path) {
  SEDMA_ASSIGN_OR_RETURN(const std::string start, read_file(path, 0, seal_magic.size()));
  return start == seal_magic;
}

Status verify_seal(const std::string& path) {
  SEDMA_ASSIGN_OR_RETURN(const std::string found, read_file(path, 0, seal_bytes));
  if (!std::string_view(found).starts_with(seal_magic)) return fail(Code::data_corrupt, "{} carries no seal of SEDMA", path);
  SEDMA_ASSIGN_OR_RETURN(const std::string expected, make_seal(path));
  if (found == expected) return {};
  return fail(Code::data_corrupt, "{} is damaged or was changed after SEDMA sealed it: its bytes do not match their checksum", path);
}

}  // namespace sedma::calibration::hdf5
