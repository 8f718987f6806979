#include "runtime/matrix_part.h"

#include <cstring>
#include <optional>
#include <string_view>
#include <utility>

#include "runtime/dense_file.h"
#include "runtime/file_formats.h"
#include "runtime/gallery.h"
#include "runtime/opened_file.h"

namespace sedma::runtime {
namespace {

// The first byte of what is packed: a scan, or why there is none.
constexpr char scan_tag = 's', missing_tag = 'm';

struct PackedShape {
  std::uint64_t rows = 0, cols = 0;
};

std::string pack(const Hdf5Part::Streamed& mine) {
  const PackedShape shape{mine.source.rows, mine.source.cols};
  std::string bytes(1, scan_tag);
  bytes.append(reinterpret_cast<const char*>(&shape), sizeof shape);
  return bytes + mine.scan.pack();
}

bool is_scan(std::string_view packed) { return packed.starts_with(scan_tag); }

/// The scan of another part, which must be one of the same dataset.
Result<DenseScan> unpack(std::string_view packed, RowPart part, const Hdf5Dataset& mine) {
  if (packed.starts_with(missing_tag)) return fail(Code::unavailable, "{}", packed.substr(1));
  PackedShape shape;
  if (packed.empty()) return fail(Code::data_corrupt, "there the file is another one, which is not read in parts");
  if (!is_scan(packed) || packed.size() < 1 + sizeof shape) return fail(Code::data_corrupt, "what came of it is no part of a matrix");
  std::memcpy(&shape, packed.data() + 1, sizeof shape);
  if (shape.rows != mine.rows || shape.cols != mine.cols) {
    return fail(Code::data_corrupt, "there the dataset is {} x {}, here {} x {}: the hosts have different files of that name", shape.rows,
                shape.cols, mine.rows, mine.cols);
  }
  return DenseScan::unpack(packed.substr(1 + sizeof shape), rows_of(part, mine.rows).count(), mine.cols);
}

std::string part_name(const std::string& reference, RowPart part) {
  return fmt::format("{}, part {} of {}", reference, part.part, part.parts);
}

}  // namespace

struct MatrixPart::State {
  std::string reference;
  RowPart part;
  std::unique_ptr<MatrixSource> whole;
  std::optional<Hdf5Part::Streamed> streamed;
  Status missing;  // why a part other than 0 could not look at the file

  Result<std::unique_ptr<MatrixSource>> assemble(std::span<const std::string> packed);
};

RowRange rows_of(RowPart part, std::uint64_t rows) noexcept {
  const auto index = static_cast<std::uint64_t>(part.part), count = static_cast<std::uint64_t>(part.parts);
  return {rows * index / count, rows * (index + 1) / count};
}

MatrixPart::MatrixPart(std::unique_ptr<State> state) : state_(std::move(state)) {}
MatrixPart::MatrixPart(MatrixPart&&) noexcept = default;
MatrixPart& MatrixPart::operator=(MatrixPart&&) noexcept = default;
MatrixPart::~MatrixPart() = default;

Result<MatrixPart> MatrixPart::open(const std::string& reference, RowPart part, const ReadLimits& limits, const Watch& watch) {
  if (part.parts < 1 || part.part < 0 || part.part >= part.parts)
    return fail(Code::invalid_argument, "{}: there is no part {} of {}", reference, part.part, part.parts);
  auto state = std::make_unique<State>();
  state->reference = reference;
  state->part = part;
  if (is_gallery(reference)) {
    SEDMA_ASSIGN_OR_RETURN(state->whole, open_gallery(reference, watch));
    return MatrixPart(std::move(state));
  }
  Result<OpenedFile> file = part.part == 0 ? open_file(reference) : identify_file(reference);
  if (!file.ok()) {
    if (part.part == 0) return file.status();
    state->missing = file.status();  // only a file that is read in parts must be there
    return MatrixPart(std::move(state));
  }
  if (file->format == Format::hdf5) {
    SEDMA_ASSIGN_OR_RETURN(Hdf5Part found, open_hdf5_part(file->name, part, limits, watch));
    if (found.held) state->whole = std::make_unique<Matrix>(std::move(*found.held));
    state->streamed = std::move(found.streamed);
  } else if (part.part == 0) {
    SEDMA_ASSIGN_OR_RETURN(Matrix matrix, read_opened_matrix(std::move(file).value(), limits));
    state->whole = std::make_unique<Matrix>(std::move(matrix));
  }
  return MatrixPart(std::move(state));
}

std::string MatrixPart::packed() const {
  if (state_->streamed) return pack(*state_->streamed);
  return state_->missing.ok() ? std::string() : missing_tag + state_->missing.message();
}

Result<std::unique_ptr<MatrixSource>> MatrixPart::State::assemble(std::span<const std::string> packed) {
  DenseScan all;
  all.pattern = RowPattern(static_cast<std::uint32_t>(streamed->source.cols));
  for (RowPart other{0, part.parts}; other.part < other.parts; ++other.part) {
    if (other.part == part.part) {
      all.append(std::move(streamed->scan));
      continue;
    }
    auto scan = unpack(packed[static_cast<std::size_t>(other.part)], other, streamed->source);
    if (!scan.ok()) return scan.status().with_context(part_name(reference, other));
    all.append(std::move(scan).value());
  }
  return std::unique_ptr<MatrixSource>(std::make_unique<DenseFile>(std::move(streamed->source), std::move(all)));
}

Result<std::unique_ptr<MatrixSource>> MatrixPart::finish(std::span<const std::string> packed) && {
  const std::unique_ptr<State> state = std::move(state_);
  SEDMA_CHECK(state != nullptr, "a part is finished once");
  const RowPart mine = state->part;
  if (packed.size() != static_cast<std::size_t>(mine.parts))
    return fail(Code::invalid_argument, "{}: given {} of {} parts", state->reference, packed.size(), mine.parts);
  if (state->streamed) return state->assemble(packed);
  for (RowPart other{0, mine.parts}; other.part < other.parts; ++other.part) {
    if (other.part == mine.part || !is_scan(packed[static_cast<std::size_t>(other.part)])) continue;
    if (!state->missing.ok()) return state->missing.with_context(part_name(state->reference, mine));
    return fail(Code::data_corrupt, "{}: there it is read in parts, here not: the hosts have different files of that name",
                part_name(state->reference, other));
  }
  return std::move(state->whole);
}

Result<std::unique_ptr<MatrixSource>> open_matrix(const std::string& reference, const ReadLimits& limits, const Watch& watch) {
  SEDMA_ASSIGN_OR_RETURN(MatrixPart part, MatrixPart::open(reference, {}, limits, watch));
  const std::string none;
  return std::move(part).finish({&none, 1});
}

}  // namespace sedma::runtime
