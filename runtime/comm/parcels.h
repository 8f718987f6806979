#pragma once
// Groups of a plan on their way to a rank: the rows and columns they touch, and the messages that take them there. Internal.

#include <cstdint>
#include <functional>
#include <span>
#include <vector>

#include "runtime/comm/messages.h"
#include "runtime/engine.h"
#include "runtime/matrix_source.h"
#include "runtime/plan.h"

namespace sedma::runtime {

/// Matrix rows and columns that the tiles of some groups have, ascending.
struct Lines {
  std::vector<std::uint32_t> rows, cols;
};
Lines lines_of(const Plan& plan, std::span<const std::uint32_t> groups, std::uint32_t rows, std::uint32_t cols);

/// Values [tile rows, tile cols], row-major, the shorter way. Errors: data_corrupt (not as many entries as the plan says: the matrix has
/// changed).
Result<TileBlock> pack_block(const Tile& tile, std::span<const double> values);
/// The reverse; `out` [tile rows, tile cols].
void unpack_block(const Tile& tile, const TileBlock& block, double* out);

/// Cuts groups into runs for one HoldMessage each, of about 4 MiB.
std::vector<std::vector<std::uint32_t>> parcels(const Plan& plan, std::span<const std::uint32_t> groups, bool with_values);
/// The message for one run. Errors: of MatrixSource::gather() and pack_block().
Result<HoldMessage> hold_message(const Plan& plan, const MatrixSource& matrix, std::span<const std::uint32_t> groups, bool with_values);
/// Bytes of its encoding.
std::uint64_t hold_bytes(const Plan& plan, std::span<const std::uint32_t> groups, bool with_values, std::uint32_t rows);

}  // namespace sedma::runtime
