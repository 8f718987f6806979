#pragma once
// Which SEDMA this is.

/// The version of these headers, for the preprocessor. The build fails where they are not those of the CMake project.
#define SEDMA_VERSION_MAJOR 0
#define SEDMA_VERSION_MINOR 1
#define SEDMA_VERSION_PATCH 0

#define SEDMA_VERSION_TEXT_(number) #number
#define SEDMA_VERSION_JOIN_(major, minor, patch) SEDMA_VERSION_TEXT_(major) "." SEDMA_VERSION_TEXT_(minor) "." SEDMA_VERSION_TEXT_(patch)
/// "MAJOR.MINOR.PATCH"
#define SEDMA_VERSION_STRING SEDMA_VERSION_JOIN_(SEDMA_VERSION_MAJOR, SEDMA_VERSION_MINOR, SEDMA_VERSION_PATCH)

namespace sedma {

/// The version of the library that is linked, e.g. "0.1.0": SEDMA_VERSION_STRING of the headers that it was built with.
const char* version() noexcept;
/// `git describe --always --dirty` of the tree it was built from, e.g. "8f3c21d-dirty"; "unknown" outside a git repository.
const char* commit() noexcept;

}  // namespace sedma
