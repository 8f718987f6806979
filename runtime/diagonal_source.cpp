#include "runtime/diagonal_source.h"

#include <algorithm>
#include <numeric>
#include <utility>

namespace sedma::runtime {
namespace {

constexpr std::uint64_t most_lines = (std::uint64_t{1} << 31) - 1;

class DiagonalSource final : public MatrixSource {
 public:
  struct Block {
    const MatrixSource* matrix = nullptr;
    Part place;
  };

  static Result<std::unique_ptr<MatrixSource>> make(std::vector<Block> blocks) {
    std::unique_ptr<DiagonalSource> source(new DiagonalSource(std::move(blocks)));
    SEDMA_RETURN_IF_ERROR(source->look());
    return std::unique_ptr<MatrixSource>(std::move(source));
  }

  std::vector<Part> parts() const override {
    std::vector<Part> parts;
    for (const Block& block : blocks_) parts.push_back(block.place);
    return parts;
  }

  std::span<const std::uint32_t> row_columns(std::uint32_t row, std::vector<std::uint32_t>& scratch) const override {
    const Block& block = block_of(row);
    std::vector<std::uint32_t> own;
    const std::span<const std::uint32_t> columns = block.matrix->row_columns(row - block.place.row, own);
    scratch.assign(columns.begin(), columns.end());
    for (std::uint32_t& column : scratch) column += block.place.col;
    return scratch;
  }

  Status gather(std::span<const std::uint32_t> rows, std::span<const std::uint32_t> cols, double* out) const override {
    std::fill_n(out, rows.size() * cols.size(), 0.0);
    for (const Block& block : blocks_) {
      const Lines mine = lines_of(rows, block.place.row, block.place.rows), across = lines_of(cols, block.place.col, block.place.cols);
      if (mine.local.empty() || across.local.empty()) continue;
      std::vector<double> values(mine.local.size() * across.local.size());
      SEDMA_RETURN_IF_ERROR(block.matrix->gather(mine.local, across.local, values.data()));
      for (std::size_t i = 0; i < mine.local.size(); ++i)
        std::copy_n(values.data() + i * across.local.size(), across.local.size(), out + (mine.first + i) * cols.size() + across.first);
    }
    return {};
  }

  Status for_each_row(const RowVisitor& visit) const override {
    std::vector<std::uint32_t> columns;
    for (const Block& block : blocks_) {
      SEDMA_RETURN_IF_ERROR(block.matrix->for_each_row([&](std::uint32_t row, const RowEntries& entries) {
        columns.assign(entries.columns.begin(), entries.columns.end());
        for (std::uint32_t& column : columns) column += block.place.col;
        return visit(block.place.row + row, {columns, entries.values});
      }));
    }
    return {};
  }

  std::uint64_t bytes() const noexcept override {
    std::uint64_t all = row_bounds().size_bytes();
    for (const Block& block : blocks_) all += block.matrix->bytes();
    return all;
  }

 private:
  // Those of some lines, ascending, that lie in a block, counted from its first; the first of them among all.
  struct Lines {
    std::vector<std::uint32_t> local;
    std::size_t first = 0;
  };

  explicit DiagonalSource(std::vector<Block> blocks) : blocks_(std::move(blocks)) {}

  static Lines lines_of(std::span<const std::uint32_t> lines, std::uint32_t first, std::uint32_t count) {
    const auto begin = std::lower_bound(lines.begin(), lines.end(), first), end = std::lower_bound(begin, lines.end(), first + count);
    Lines mine{{begin, end}, static_cast<std::size_t>(begin - lines.begin())};
    for (std::uint32_t& line : mine.local) line -= first;
    return mine;
  }

  const Block& block_of(std::uint32_t row) const {
    const auto after =
        std::upper_bound(blocks_.begin(), blocks_.end(), row, [](std::uint32_t r, const Block& block) { return r < block.place.row; });
    return *std::prev(after);
  }

  Status look() {
    const Part& last = blocks_.back().place;
    std::vector<std::uint64_t> hashes;
    std::vector<double> bounds;
    std::uint64_t nonzeros = 0;
    std::string name;
    for (const Block& block : blocks_) {
      name += (name.empty() ? "" : " + ") + block.matrix->name();
      nonzeros += block.matrix->nonzeros();
      const std::span<const double> own = block.matrix->row_bounds();
      bounds.insert(bounds.end(), own.begin(), own.end());
    }
    SEDMA_RETURN_IF_ERROR(for_each_row([&](std::uint32_t, const RowEntries& entries) -> Status {
      hashes.push_back(row_hash(entries));
      return {};
    }));
    describe(std::move(name), last.row + last.rows, last.col + last.cols, nonzeros, hashes, std::move(bounds));
    return {};
  }

  std::vector<Block> blocks_;
};

}  // namespace

Result<std::unique_ptr<MatrixSource>> diagonal_of(std::span<const MatrixSource* const> matrices) {
  if (matrices.empty()) return Status(Code::invalid_argument, "a diagonal of no matrix is asked for; one is the least");
  std::uint64_t rows = 0, cols = 0;
  for (const MatrixSource* matrix : matrices) {
    rows += matrix->rows();
    cols += matrix->cols();
  }
  if (rows > most_lines || cols > most_lines)
    return fail(Code::invalid_argument, "{} matrices have {} rows and {} columns in all; {} of each is the most", matrices.size(), rows,
                cols, most_lines);
  std::vector<DiagonalSource::Block> blocks;
  Part place;
  for (const MatrixSource* matrix : matrices) {
    place = {place.row + place.rows, matrix->rows(), place.col + place.cols, matrix->cols(), matrix->content()};
    blocks.push_back({matrix, place});
  }
  return DiagonalSource::make(std::move(blocks));
}

}  // namespace sedma::runtime
