// Rows that use the same columns, brought together.

#include <algorithm>
#include <numeric>
#include <optional>
#include <queue>
#include <tuple>

#include "runtime/partition.h"

namespace sedma::runtime {
namespace {

// The rows to be ordered, and which of them use a column. Rows and columns are numbered from 0 here.
struct Sharing {
  std::vector<std::uint32_t> rows;  // matrix rows
  std::vector<std::size_t> offsets{0};
  std::vector<std::uint32_t> columns;      // of the part
  std::vector<std::size_t> users_offsets;  // [cols + 1]
  std::vector<std::uint32_t> users;        // empty for columns with too many

  std::size_t count() const { return rows.size(); }
  std::uint32_t length(std::uint32_t r) const { return static_cast<std::uint32_t>(offsets[r + 1] - offsets[r]); }
  std::span<const std::uint32_t> columns_of(std::uint32_t r) const { return std::span(columns).subspan(offsets[r], length(r)); }
  std::span<const std::uint32_t> users_of(std::uint32_t column) const {
    return std::span(users).subspan(users_offsets[column], users_offsets[column + 1] - users_offsets[column]);
  }
  void find_users(std::uint32_t cols, std::size_t most);
};

void Sharing::find_users(std::uint32_t cols, std::size_t most) {
  std::vector<std::size_t> counts(cols, 0);
  for (const std::uint32_t column : columns) ++counts[column];
  for (std::size_t& n : counts)
    if (n > most) n = 0;
  users_offsets.assign(std::size_t{cols} + 1, 0);
  std::partial_sum(counts.begin(), counts.end(), users_offsets.begin() + 1);
  users.resize(users_offsets.back());
  std::vector<std::size_t> next(users_offsets.begin(), users_offsets.end() - 1);
  for (std::uint32_t r = 0; r < count(); ++r)
    for (const std::uint32_t column : columns_of(r))
      if (users_offsets[column + 1] != users_offsets[column]) users[next[column]++] = r;
}

// Breadth-first from one row; neighbours with few entries first (Cuthill-McKee).
class Walk {
 public:
  explicit Walk(const Sharing& sharing) : sharing_(sharing), row_(sharing.count(), 0), column_(sharing.users_offsets.size() - 1, 0) {}
  // All rows that can be reached, in the order they were; nothing else is changed but marks of this walk.
  std::vector<std::uint32_t> from(std::uint32_t start) {
    ++walk_;
    std::vector<std::uint32_t> order{start};
    row_[start] = walk_;
    for (std::size_t k = 0; k < order.size(); ++k) {
      const std::size_t first = order.size();
      for (const std::uint32_t column : sharing_.columns_of(order[k])) {
        if (std::exchange(column_[column], walk_) == walk_) continue;
        for (const std::uint32_t next : sharing_.users_of(column))
          if (std::exchange(row_[next], walk_) != walk_) order.push_back(next);
      }
      std::sort(order.begin() + static_cast<std::ptrdiff_t>(first), order.end(),
                [&](std::uint32_t a, std::uint32_t b) { return std::pair(sharing_.length(a), a) < std::pair(sharing_.length(b), b); });
    }
    return order;
  }
  bool was_reached(std::uint32_t row) const { return row_[row] != 0; }

 private:
  const Sharing& sharing_;
  std::vector<std::uint32_t> row_, column_;  // the last walk that came by
  std::uint32_t walk_ = 0;
};

// Reverse Cuthill-McKee, component after component. The last row that a walk reaches lies at the rim: a good first one.
std::vector<std::uint32_t> ordered(const Sharing& sharing) {
  std::vector<std::uint32_t> all;
  Walk walk(sharing);
  for (std::uint32_t r = 0; r < sharing.count(); ++r) {
    if (walk.was_reached(r)) continue;
    std::uint32_t rim = walk.from(r).back();
    rim = walk.from(rim).back();
    const std::vector<std::uint32_t> component = walk.from(rim);
    all.insert(all.end(), component.rbegin(), component.rend());
  }
  return all;
}

struct Cluster {
  std::vector<std::uint32_t> rows;     // numbers in Sharing
  std::vector<std::uint32_t> columns;  // of the part
};

// Grows clusters one after the other until no row is left.
class Growth {
 public:
  Growth(const Sharing& sharing, const TileSize& size)
      : sharing_(sharing),
        size_(size),
        order_(ordered(sharing)),
        taken_(sharing.count(), false),
        new_columns_(sharing.count(), 0),
        met_(sharing.users_offsets.size() - 1, 0) {
    for (std::uint32_t r = 0; r < sharing.count(); ++r) new_columns_[r] = sharing.length(r);
  }
  std::optional<Cluster> next();

 private:
  struct Candidate {
    std::uint32_t new_columns, seen, row;  // seen: how early it came into sight
    bool operator>(const Candidate& other) const {
      return std::tie(new_columns, seen, row) > std::tie(other.new_columns, other.seen, other.row);
    }
  };
  // Where the cluster could end, having used up its runs of columns.
  struct End {
    std::size_t rows = 0, columns = 0, runs = 1;
    bool better_than(const End& other) const { return rows * other.runs > other.rows * runs; }
  };

  std::optional<std::uint32_t> best_row();
  /// New columns, those with many users too, which new_columns_ does not follow.
  std::size_t brings(std::uint32_t row) const;
  void add(std::uint32_t row);
  void cut_back(const End& end);
  void begin();

  const Sharing& sharing_;
  TileSize size_;
  std::vector<std::uint32_t> order_;
  std::size_t next_in_order_ = 0, jump_ = 0;  // no row before is left: of all, while this cluster grows
  std::vector<bool> taken_;
  std::vector<std::uint32_t> new_columns_;  // of a row: that the cluster has not
  std::vector<std::uint32_t> met_;          // the last cluster that has this column
  std::uint32_t number_ = 0;
  Cluster cluster_;
  std::priority_queue<Candidate, std::vector<Candidate>, std::greater<>> in_sight_;
  std::uint32_t sights_ = 0;
  std::vector<std::uint32_t> touched_;  // rows whose new_columns_ this cluster has changed
};

void Growth::begin() {
  ++number_;
  cluster_ = {};
  in_sight_ = {};
  sights_ = 0;
  for (const std::uint32_t row : touched_) new_columns_[row] = sharing_.length(row);
  touched_.clear();
}

// The candidate with fewest new columns; if none is in sight, the next row in order.
std::optional<std::uint32_t> Growth::best_row() {
  while (!in_sight_.empty()) {
    const Candidate best = in_sight_.top();
    if (!taken_[best.row] && best.new_columns == new_columns_[best.row]) return best.row;
    in_sight_.pop();
  }
  std::size_t& k = cluster_.rows.empty() ? next_in_order_ : jump_;
  while (k < order_.size() && taken_[order_[k]]) ++k;
  if (cluster_.rows.empty()) jump_ = k;
  return k < order_.size() ? std::optional(order_[k]) : std::nullopt;
}

std::size_t Growth::brings(std::uint32_t row) const {
  const std::span<const std::uint32_t> columns = sharing_.columns_of(row);
  return static_cast<std::size_t>(std::count_if(columns.begin(), columns.end(), [&](std::uint32_t c) { return met_[c] != number_; }));
}

void Growth::add(std::uint32_t row) {
  taken_[row] = true;
  cluster_.rows.push_back(row);
  for (const std::uint32_t column : sharing_.columns_of(row)) {
    if (std::exchange(met_[column], number_) == number_) continue;
    cluster_.columns.push_back(column);
    for (const std::uint32_t user : sharing_.users_of(column)) {
      if (taken_[user]) continue;
      if (new_columns_[user] == sharing_.length(user)) touched_.push_back(user);
      in_sight_.push({--new_columns_[user], ++sights_, user});
    }
  }
}

void Growth::cut_back(const End& end) {
  for (std::size_t k = end.rows; k < cluster_.rows.size(); ++k) taken_[cluster_.rows[k]] = false;
  cluster_.rows.resize(end.rows);
  cluster_.columns.resize(end.columns);
}

std::optional<Cluster> Growth::next() {
  begin();
  std::optional<End> best;
  std::size_t runs = 1;
  const auto end_here = [&] { return End{cluster_.rows.size(), cluster_.columns.size(), runs}; };
  std::optional<std::uint32_t> row = best_row();
  if (!row) return std::nullopt;
  for (; row && cluster_.rows.size() < size_.rows; row = best_row()) {
    if (cluster_.columns.size() + brings(*row) > runs * size_.cols) {
      if (!best || end_here().better_than(*best)) best = end_here();
      ++runs;
      if (!End{size_.rows, 0, runs}.better_than(*best)) break;  // not even a full cluster would be
    }
    add(*row);
  }
  if (best && !end_here().better_than(*best)) cut_back(*best);
  return std::move(cluster_);
}

// The tiles of a cluster: runs of size.cols of its columns, each with the rows that use them.
void add_tiles(const MatrixSource& matrix, const TileSize& size, std::vector<std::uint32_t> rows, std::vector<std::uint32_t> columns,
               std::vector<std::vector<Tile>>& clusters) {
  std::sort(rows.begin(), rows.end());
  std::sort(columns.begin(), columns.end());
  std::vector<Tile> tiles((columns.size() + size.cols - 1) / size.cols);
  for (std::size_t t = 0; t < tiles.size(); ++t) {
    tiles[t].block_col = static_cast<std::uint32_t>(t);
    const auto begin = columns.begin() + static_cast<std::ptrdiff_t>(t * size.cols);
    tiles[t].cols.assign(begin, begin + static_cast<std::ptrdiff_t>(std::min<std::size_t>(size.cols, columns.size() - t * size.cols)));
  }
  std::vector<std::uint32_t> scratch;
  for (const std::uint32_t row : rows) {
    const std::span<const std::uint32_t> used = matrix.row_columns(row, scratch);
    auto from = used.begin();
    for (Tile& tile : tiles) {
      const auto to = std::upper_bound(from, used.end(), tile.cols.back());
      tile.nonzeros += static_cast<std::size_t>(to - from);
      if (to != from) tile.rows.push_back(row);
      from = to;
    }
  }
  clusters.push_back(std::move(tiles));
}

}  // namespace

std::vector<Tile> cut_clusters(const MatrixSource& matrix, const Part& part, const TileSize& size) {
  std::vector<std::vector<Tile>> clusters;
  Sharing sharing;
  std::vector<std::uint32_t> wide, wide_columns, scratch;
  std::vector<bool> seen(part.cols, false);
  const auto end_wide = [&] {
    for (const std::uint32_t column : wide_columns) seen[column - part.col] = false;
    if (!wide.empty()) add_tiles(matrix, size, std::move(wide), std::move(wide_columns), clusters);
    wide.clear();
    wide_columns.clear();
  };
  for (std::uint32_t row = part.row; row < part.row + part.rows; ++row) {
    const std::span<const std::uint32_t> columns = matrix.row_columns(row, scratch);
    if (columns.empty()) continue;
    if (columns.size() <= size.cols && columns.size() < part.cols) {
      sharing.rows.push_back(row);
      for (const std::uint32_t column : columns) sharing.columns.push_back(column - part.col);
      sharing.offsets.push_back(sharing.columns.size());
      continue;
    }
    wide.push_back(row);
    for (const std::uint32_t column : columns)
      if (!seen[column - part.col]) seen[column - part.col] = true, wide_columns.push_back(column);
    if (wide.size() == size.rows) end_wide();
  }
  end_wide();
  sharing.find_users(part.cols, std::size_t{16} * size.rows);
  Growth growth(sharing, size);
  while (std::optional<Cluster> cluster = growth.next()) {
    for (std::uint32_t& row : cluster->rows) row = sharing.rows[row];
    for (std::uint32_t& column : cluster->columns) column += part.col;
    add_tiles(matrix, size, std::move(cluster->rows), std::move(cluster->columns), clusters);
  }
  // In the order of their first rows, so that what is read from a file is read in bands as far as it can be.
  std::sort(clusters.begin(), clusters.end(), [](const auto& a, const auto& b) { return a.front().rows.front() < b.front().rows.front(); });
  std::vector<Tile> tiles;
  for (std::size_t c = 0; c < clusters.size(); ++c) {
    for (Tile& tile : clusters[c]) {
      tile.block_row = static_cast<std::uint32_t>(c);
      tiles.push_back(std::move(tile));
    }
  }
  return tiles;
}

}  // namespace sedma::runtime
