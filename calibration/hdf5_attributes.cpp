// Reader's attributes: small texts and numbers beside a dataset or group.

#include <cstdint>
#include <string>

#include "calibration/hdf5.h"
#include "calibration/hdf5_internal.h"

namespace sedma::calibration::hdf5 {
namespace {

using detail::own;
using detail::take_reason;

constexpr std::size_t max_text_bytes = 16u << 20;

bool is_single(hid_t attribute) {
  const Handle space = own(H5Aget_space(attribute), H5Sclose);
  return space.valid() && H5Sget_simple_extent_npoints(space.id()) == 1;
}

Result<std::string> read_variable_text(hid_t attribute, hid_t type, const std::string& label) {
  const Handle space = own(H5Aget_space(attribute), H5Sclose);
  char* text = nullptr;
  if (H5Aread(attribute, type, static_cast<void*>(&text)) < 0) {
    return fail(Code::data_corrupt, "{} cannot be read: {}", label, take_reason());
  }
  std::string value = text != nullptr ? text : "";
  H5Dvlen_reclaim(type, space.id(), H5P_DEFAULT, static_cast<void*>(&text));
  return value;
}

Result<std::string> read_fixed_text(hid_t attribute, hid_t type, const std::string& label) {
  const std::size_t size = H5Tget_size(type);
  if (size > max_text_bytes) return fail(Code::data_corrupt, "{} claims {} bytes", label, size);
  std::string value(size, '\0');
  if (H5Aread(attribute, type, value.data()) < 0) {
    return fail(Code::data_corrupt, "{} cannot be read: {}", label, take_reason());
  }
  value.resize(H5Tget_strpad(type) == H5T_STR_NULLTERM ? std::min(value.find('\0'), size) : value.find_last_not_of('\0') + 1);
  return value;
}

}  // namespace

bool Reader::has_attribute(const std::string& object, const std::string& attribute) const {
  const bool present = H5Aexists_by_name(file_.id(), object.c_str(), attribute.c_str(), H5P_DEFAULT) > 0;
  H5Eclear2(H5E_DEFAULT);
  return present;
}

Result<Handle> Reader::open_attribute(const std::string& object, const std::string& attribute) const {
  if (!has_attribute(object, attribute)) return fail(Code::invalid_argument, "{}: {} has no attribute '{}'", path_, object, attribute);
  Handle handle = own(H5Aopen_by_name(file_.id(), object.c_str(), attribute.c_str(), H5P_DEFAULT, H5P_DEFAULT), H5Aclose);
  if (!handle.valid()) return fail(Code::data_corrupt, "{}: attribute '{}' of {}: {}", path_, attribute, object, take_reason());
  return handle;
}

Result<std::string> Reader::text_attribute(const std::string& object, const std::string& attribute) const {
  SEDMA_ASSIGN_OR_RETURN(const Handle handle, open_attribute(object, attribute));
  const std::string label = fmt::format("{}: attribute '{}' of {}", path_, attribute, object);
  const Handle type = own(H5Aget_type(handle.id()), H5Tclose);
  if (H5Tget_class(type.id()) != H5T_STRING || !is_single(handle.id())) {
    return fail(Code::invalid_argument, "{} is not one text", label);
  }
  return H5Tis_variable_str(type.id()) > 0 ? read_variable_text(handle.id(), type.id(), label)
                                           : read_fixed_text(handle.id(), type.id(), label);
}

Result<double> Reader::number_attribute(const std::string& object, const std::string& attribute) const {
  SEDMA_ASSIGN_OR_RETURN(const Handle handle, open_attribute(object, attribute));
  const std::string label = fmt::format("{}: attribute '{}' of {}", path_, attribute, object);
  const Handle type = own(H5Aget_type(handle.id()), H5Tclose);
  const H5T_class_t type_class = H5Tget_class(type.id());
  if ((type_class != H5T_INTEGER && type_class != H5T_FLOAT) || !is_single(handle.id())) {
    return fail(Code::invalid_argument, "{} is not one number", label);
  }
  double value = 0;
  if (H5Aread(handle.id(), H5T_NATIVE_DOUBLE, &value) < 0) {
    return fail(Code::data_corrupt, "{} cannot be read: {}", label, take_reason());
  }
  return value;
}

}  // namespace sedma::calibration::hdf5
