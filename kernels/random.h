#pragma once
// Counter-based random numbers: Philox4x32-10 (Random123). A value is a pure function of (key, counter); nothing is ever "drawn next",
// so the same values come out for any number of threads, any order and any instruction set.

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>

#include "hal/status.h"

namespace sedma::kernels {

/// What a number is for; part of the counter, so that no two uses share values.
enum class Use : std::uint32_t {
  write_noise = 1,
  read_noise,
  stuck,
  spread,
  input,
  test,
  derive,
  fault,
  verify_noise,
  relaxation,
  flicker,
  telegraph
};

/// 64 bits that name a family of counters.
struct Key {
  std::uint64_t value = 0;
};

/// A key for `tag` under `key` (a Philox hash): derive(seed, stream), derive(that, ordinal) ...
Key derive(Key key, std::uint64_t tag) noexcept;

/// The four 32-bit words at (key, {cell, use, event}): counter words = cell, use, low and high half of event.
std::array<std::uint32_t, 4> philox(Key key, Use use, std::uint32_t cell, std::uint64_t event) noexcept;

/// Uniform in (0, 1): (word + 0.5) / 2^32.
double uniform(std::uint32_t word) noexcept;

/// Four standard normals at (key, use, cell, event) as float: two Box-Muller pairs from the four words, by the polynomials of polynomials.h
/// (only + - x / sqrt, no FMA: the same bits at any instruction set). Finite, |z| < 6.7; 24 bits of radius and of angle.
std::array<float, 4> normals4(Key key, Use use, std::uint32_t cell, std::uint64_t event) noexcept;

/// out[i] = the normal number `first + i` of (key, use, event): word (n % 4) of cell n / 4. Vectorised; equal to normals4 bit for bit.
void fill_normals(Key key, Use use, std::uint64_t event, std::uint32_t first, std::span<float> out) noexcept;

/// The instruction set that the dispatched kernels use, e.g. "AVX3", "AVX2", "SSE4". The environment's SEDMA_ISA=NAME, read once before the
/// first kernel runs, forces one of supported_isas(); a name that is not there is ignored (a program that wants to refuse it asks use_isa).
const char* isa_name() noexcept;
/// What this build has code for and this processor can run, best first; at least one.
std::span<const char* const> supported_isas() noexcept;
/// Forces an instruction set for the whole process, e.g. the lowest that all ranks have. Not while kernels run in other threads.
/// Errors: invalid_argument listing the names there are.
Status use_isa(std::string_view name);

}  // namespace sedma::kernels
