#pragma once
// Which SEDMA this is.

namespace sedma {

/// The version of the project, e.g. "0.1.0".
const char* version() noexcept;
/// `git describe --always --dirty` of the tree it was built from, e.g. "8f3c21d-dirty"; "unknown" outside a git repository.
const char* commit() noexcept;

}  // namespace sedma
