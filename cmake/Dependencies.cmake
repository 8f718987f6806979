# Everything SEDMA stands on; ./dev installs the Debian packages. What the libraries themselves link is found again by
# SEDMAConfig.cmake.in on the machine of whoever uses them: keep both lists alike (the consumer test fails otherwise).
find_package(Threads REQUIRED)
find_package(fmt REQUIRED)
find_package(OpenMP REQUIRED COMPONENTS CXX)
find_package(nlohmann_json REQUIRED)
find_package(Eigen3 REQUIRED NO_MODULE)  # small solves; dense references to compare with
set(MPI_CXX_SKIP_MPICXX TRUE)  # only the C interface
find_package(MPI REQUIRED COMPONENTS CXX)
find_package(PkgConfig REQUIRED)
pkg_check_modules(openblas REQUIRED IMPORTED_TARGET openblas)
pkg_check_modules(hwy REQUIRED IMPORTED_TARGET libhwy)
pkg_check_modules(hdf5 REQUIRED IMPORTED_TARGET hdf5-serial)
pkg_check_modules(xxhash REQUIRED IMPORTED_TARGET libxxhash)
pkg_check_modules(sqlite3 REQUIRED IMPORTED_TARGET sqlite3)
pkg_check_modules(libpq REQUIRED IMPORTED_TARGET libpq)
find_path(SEDMA_RANDOM123_INCLUDE Random123/philox.h REQUIRED)
mark_as_advanced(SEDMA_RANDOM123_INCLUDE)

# The program, the tests and the benchmarks only.
find_package(CLI11 REQUIRED)
if(SEDMA_TESTS)
  find_package(GTest REQUIRED)
endif()
if(SEDMA_BENCH)
  find_package(benchmark REQUIRED)
endif()
