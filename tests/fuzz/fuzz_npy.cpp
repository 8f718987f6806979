// NumPy .npy: a binary prefix, a Python dictionary and raw numbers whose count the dictionary claims.
#include <cstddef>
#include <cstdint>

#include "runtime/file_formats.h"
#include "tests/fuzz/fuzz_matrix.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using sedma::runtime::DenseBlock;
  const auto limits = sedma::fuzz::small_limits();
  const auto block = sedma::runtime::parse_npy(sedma::fuzz::text(data, size), "fuzz", limits);
  if (!block.ok()) {
    sedma::fuzz::check_refusal(block.status());
    return 0;
  }
  SEDMA_CHECK(block->rows > 0 && block->cols > 0 && block->values.size() == block->rows * block->cols, block->rows, block->cols);
  for (const double value : block->values) SEDMA_CHECK(std::isfinite(value), value);
  std::string written;
  const sedma::Status status =
      sedma::runtime::format_npy(*block, [&](std::string_view piece) { return written += piece, sedma::Status(); });
  SEDMA_CHECK(status.ok(), status.to_string());
  const auto again = sedma::runtime::parse_npy(written, "again", limits);
  SEDMA_CHECK(again.ok(), again.status().to_string());
  SEDMA_CHECK(again->rows == block->rows && again->cols == block->cols, again->rows, again->cols);
  const auto same_bits = [](double x, double y) { return std::bit_cast<std::uint64_t>(x) == std::bit_cast<std::uint64_t>(y); };
  SEDMA_CHECK(std::equal(block->values.begin(), block->values.end(), again->values.begin(), same_bits));
  return 0;
}
