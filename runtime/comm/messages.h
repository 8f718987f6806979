#pragma once
// What the coordinator and the workers say to each other. Plain values; any bytes can be decoded safely. Internal.

#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "hal/status.h"
#include "runtime/accumulate.h"
#include "runtime/comm/transport.h"
#include "runtime/plan.h"
#include "runtime/stage_cost.h"
#include "runtime/tile_hash.h"

namespace sedma::runtime {

/// Arrival::kind. The first are for workers, the others for the coordinator.
enum class MessageKind : std::uint32_t {
  end,  ///< EndMessage: the job's verdict; a worker leaves
  open,
  hold,
  drop,
  program,
  multiply,
  save,
  restore,
  cancel,  ///< no body: ends what is under way and forgets what waits
  recall,  ///< the same, and tells what is held: asked of a rank that returned
  close,   ///< no body: forgets the session
  done,
  partial,
  state,
  failed,
};
std::string_view name(MessageKind kind) noexcept;

struct EndMessage {
  Status verdict;
};

/// A session begins: what is the same for all ranks.
struct OpenMessage {
  std::uint64_t session = 0;  ///< told with every answer
  std::uint32_t rows = 0, cols = 0;
  std::uint64_t content = 0;      ///< of the matrix
  std::vector<StreamRoot> roots;  ///< Plan::roots: at least one, ascending from block 0
  Choice choice;
  Geometry geometry;
  std::uint32_t tile_rows = 0, tile_cols = 0, tiles = 0, groups = 0;
  double wait_seconds = 0;
  std::int64_t deadline_nanoseconds = 0;
  bool keep_cells = false;
};

/// Row-major values of a tile [rows, cols], the shorter of two ways.
struct TileBlock {
  std::vector<double> dense;
  std::vector<std::uint32_t> row_counts, columns;  ///< sparse: entries of every row; index among the tile's columns, ascending
  std::vector<double> values;
  bool sparse = false;
};

struct HeldTile {
  std::uint32_t index = 0;
  Tile tile;
  TileBlock block;  ///< if HoldMessage::with_values
};

struct HeldGroup {
  std::uint32_t index = 0;
  Group group;
  std::vector<HeldTile> tiles;
};

/// Groups to take over, with their values unless the rank has the matrix itself.
struct HoldMessage {
  std::uint64_t hold = 0;  ///< tells one taking over from another of the same group
  bool with_values = false;
  std::vector<std::uint32_t> bound_rows;  ///< if with_values: rows of the tiles, ascending,
  std::vector<double> row_bounds;         ///< and their MatrixSource::row_bounds()
  std::vector<HeldGroup> groups;
};

struct DropMessage {
  std::vector<std::uint32_t> groups;
};

struct ProgramMessage {
  std::uint64_t request = 0, ordinal = 0;
  std::vector<std::uint32_t> groups;
};

struct MultiplyMessage {
  std::uint64_t part = 0, vector = 0;  ///< ordinal of the first vector
  std::uint64_t batch = 0;
  Conversion conversion;
  std::optional<std::uint32_t> matrix_part;  ///< ProductTask::part
  std::vector<std::uint32_t> groups;
  std::vector<double> largest;  ///< [batch]: max|x| of the whole vector
  std::vector<double> x;        ///< [batch, columns of the groups' tiles, ascending]
};

/// MessageKind::save and restore.
struct FileMessage {
  std::uint64_t request = 0;
  std::string path;
};

/// What rides in every answer.
struct WorkReport {
  Status status;
  StageCost programming, multiplying;
  double busy_seconds = 0;  ///< at products, since the session was opened
  std::uint64_t peak_bytes = 0;
  std::vector<std::pair<std::uint32_t, TileHash>> hashes;  ///< of tiles not told yet
};

/// Program, save or restore is done.
struct DoneMessage {
  std::uint64_t session = 0, request = 0;
  WorkReport report;
  std::vector<std::uint32_t> groups;  ///< restore: that are as they were
};

/// A part is done. The sums follow as the rest of the body: read_sums().
struct PartialMessage {
  std::uint64_t session = 0, part = 0;
  WorkReport report;
  std::uint64_t batch = 0, outputs = 0;
  bool wide = false;                ///< sums take 16 bytes
  std::span<const std::byte> sums;  ///< [batch, outputs], in the body that was decoded
};

/// Ends what is under way: what was asked before is void.
struct RecallMessage {
  std::uint64_t recall = 0;  ///< told with the answer
};

/// The answer: what the rank holds, all messages before the recall worked off or void.
struct StateMessage {
  struct Held {
    std::uint32_t group = 0;
    std::uint64_t hold = 0;     ///< HoldMessage::hold
    std::uint64_t ordinal = 0;  ///< of its programming, or one of the two below
  };
  static constexpr std::uint64_t not_programmed = ~std::uint64_t{0}, restored = not_programmed - 1;
  std::uint64_t recall = 0;
  std::uint64_t session = 0;  ///< 0: none is open
  std::vector<Held> held;
};

/// Ends the job.
struct FailedMessage {
  std::uint64_t session = 0;
  Status status;
};

Bytes encode(const EndMessage& message);
Bytes encode(const OpenMessage& message);
Bytes encode(const HoldMessage& message);
Bytes encode(const DropMessage& message);
Bytes encode(const ProgramMessage& message);
Bytes encode(const MultiplyMessage& message);
Bytes encode(const FileMessage& message);
Bytes encode(const DoneMessage& message);
Bytes encode(const RecallMessage& message);
Bytes encode(const StateMessage& message);
Bytes encode(const FailedMessage& message);
/// With the sums of the outputs named (matrix rows), of all vectors: 8 bytes each if all fit, else 16. Of a failed part no sums are sent.
Bytes encode(PartialMessage message, const Accumulator& y, std::span<const std::uint32_t> rows);

/// Errors of all: data_corrupt. Lists that belong together have the lengths that they must have; indices are not looked at.
Result<EndMessage> decode_end(std::span<const std::byte> body);
Result<OpenMessage> decode_open(std::span<const std::byte> body);
Result<HoldMessage> decode_hold(std::span<const std::byte> body);
Result<DropMessage> decode_drop(std::span<const std::byte> body);
Result<ProgramMessage> decode_program(std::span<const std::byte> body);
Result<MultiplyMessage> decode_multiply(std::span<const std::byte> body);
Result<FileMessage> decode_file(std::span<const std::byte> body);
Result<DoneMessage> decode_done(std::span<const std::byte> body);
Result<PartialMessage> decode_partial(std::span<const std::byte> body);
Result<RecallMessage> decode_recall(std::span<const std::byte> body);
Result<StateMessage> decode_state(std::span<const std::byte> body);
Result<FailedMessage> decode_failed(std::span<const std::byte> body);

/// Adds the sums of a partial to the rows named. @pre rows.size() == partial.outputs, the batch is that of y.
void read_sums(const PartialMessage& partial, std::span<const std::uint32_t> rows, Accumulator& y);

/// Bytes of messages without making them. `tiles`: of the hashes that ride along.
std::uint64_t multiply_bytes(std::uint64_t batch, std::uint64_t groups, std::uint64_t columns) noexcept;
std::uint64_t partial_bytes(std::uint64_t batch, std::uint64_t rows, std::uint64_t tiles) noexcept;
std::uint64_t block_bytes(const Tile& tile) noexcept;
bool sparse_is_shorter(const Tile& tile) noexcept;

}  // namespace sedma::runtime
