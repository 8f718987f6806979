#pragma once
// One noisy product of an array, prepared as the emulator prepares it: the one place of bench/ that knows the product kernel.

#include <cstddef>
#include <memory>
#include <span>
#include <string_view>
#include <vector>

namespace sedma::bench {

enum class Path : unsigned char { floating, integer };
enum class Wires : unsigned char { none, exact };
enum class Noise : unsigned char { level, constant };  ///< sd of a cell in proportion to its conductance, or the same for all

std::string_view name(Path path) noexcept;    ///< "float", "integer"
std::string_view name(Wires wires) noexcept;  ///< "none", "exact"
std::string_view name(Noise noise) noexcept;  ///< "level", "constant"

struct ProductOptions {
  Path path = Path::floating;
  Wires wires = Wires::none;
  Noise noise = Noise::level;
  int threads = 1;
};

/// With wires the entries are the exact transfer matrix of up to this many cells. Above, where its elimination takes a minute and more, the
/// closed-form series model stands in: entries of the same kind, and the time of a product does not depend on their values.
inline constexpr std::size_t most_exact_cells = std::size_t{1024} * 1024;

/// An array that a product streams.
struct Memory {
  const void* data = nullptr;
  std::size_t bytes = 0;
};

/// A batch of products of random cells (make_cells) with random vectors (make_volts): read noise, 8-bit DAC and ADC, line sums kept between
/// calls. Sense::single, one window that is the whole array.
class ProductCase {
 public:
  ProductCase(std::size_t rows, std::size_t cols, std::size_t batch, const ProductOptions& options);
  ~ProductCase();
  ProductCase(const ProductCase&) = delete;
  ProductCase& operator=(const ProductCase&) = delete;

  /// One product of the batch with the threads of the options; the same bits every time.
  void run() { run(threads_); }
  void run(int threads);
  std::span<const float> amps() const noexcept;  ///< [batch, cols], of the last run
  /// The entries and, where they are stored, their standard deviations.
  std::vector<Memory> matrix() const;
  std::size_t matrix_bytes() const;
  /// How often the kernel may read each array of matrix() for a batch of at most 64: what the tests of counts gate on.
  static double most_passes(const ProductOptions& options, std::size_t batch) noexcept;

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
  int threads_;
};

}  // namespace sedma::bench
