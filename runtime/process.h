#pragma once
// This process: where it runs and what it took.

#include <cstdint>
#include <string>

namespace sedma::runtime {

/// The name of this host; "unknown" if the system does not tell.
std::string host_name();
/// Most memory that this process has held so far.
std::uint64_t peak_memory_bytes() noexcept;

}  // namespace sedma::runtime
