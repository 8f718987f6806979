#pragma once
// Shared by the .cpp files behind calibration/hdf5.h; nobody else includes it.

// The calls and structures of HDF5 1.10 (Debian 12), whatever later version is installed.
#define H5_USE_110_API
#include <hdf5.h>

#include <cstdint>
#include <string>
#include <type_traits>

#include "calibration/hdf5.h"

namespace sedma::calibration::hdf5::detail {

/// Prepares libhdf5 before its first use: file locks that NFS may lack are not fatal, errors are not printed.
void start_library();

/// The innermost reason on HDF5's error stack, which is then cleared: "file signature not found".
std::string take_reason();

inline Handle own(hid_t id, herr_t (*close)(hid_t)) { return {id, close}; }

/// The type of T in memory.
template <class T>
hid_t memory_type() {
  if constexpr (std::is_same_v<T, double>) return H5T_NATIVE_DOUBLE;
  if constexpr (std::is_same_v<T, float>) return H5T_NATIVE_FLOAT;
  if constexpr (std::is_same_v<T, std::uint8_t>) return H5T_NATIVE_UINT8;
  if constexpr (std::is_same_v<T, std::uint32_t>) return H5T_NATIVE_UINT32;
  if constexpr (std::is_same_v<T, std::uint64_t>) return H5T_NATIVE_UINT64;
  if constexpr (std::is_same_v<T, std::int64_t>) return H5T_NATIVE_INT64;
}

/// The type of T in a file: little endian on every machine.
template <class T>
hid_t file_type() {
  if constexpr (std::is_same_v<T, double>) return H5T_IEEE_F64LE;
  if constexpr (std::is_same_v<T, float>) return H5T_IEEE_F32LE;
  if constexpr (std::is_same_v<T, std::uint8_t>) return H5T_STD_U8LE;
  if constexpr (std::is_same_v<T, std::uint32_t>) return H5T_STD_U32LE;
  if constexpr (std::is_same_v<T, std::uint64_t>) return H5T_STD_U64LE;
  if constexpr (std::is_same_v<T, std::int64_t>) return H5T_STD_I64LE;
}

}  // namespace sedma::calibration::hdf5::detail
