#pragma once
// HDF5 files as other people make them.

#include <gtest/gtest.h>
#include <hdf5.h>

#include <string>
#include <vector>

namespace sedma::runtime {

/// Writes one dataset of any type with the plain C API.
inline void put(const std::string& path, const char* dataset, hid_t type, std::vector<hsize_t> dims, hid_t memory_type, const void* values,
                const std::vector<hsize_t>& chunk = {}, bool deflate = false) {
  const hid_t file = H5Fcreate(path.c_str(), H5F_ACC_TRUNC, H5P_DEFAULT, H5P_DEFAULT);
  const hid_t space = H5Screate_simple(static_cast<int>(dims.size()), dims.data(), nullptr);
  const hid_t plist = H5Pcreate(H5P_DATASET_CREATE);
  if (!chunk.empty()) H5Pset_chunk(plist, static_cast<int>(chunk.size()), chunk.data());
  if (deflate) H5Pset_deflate(plist, 9);
  const hid_t data = H5Dcreate2(file, dataset, type, space, H5P_DEFAULT, plist, H5P_DEFAULT);
  EXPECT_GE(data, 0);
  if (values != nullptr) {
    EXPECT_GE(H5Dwrite(data, memory_type, H5S_ALL, H5S_ALL, H5P_DEFAULT, values), 0);
  }
  H5Dclose(data);
  H5Pclose(plist);
  H5Sclose(space);
  H5Fclose(file);
}

}  // namespace sedma::runtime
