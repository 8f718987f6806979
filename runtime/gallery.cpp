#include "runtime/gallery.h"

#include <algorithm>
#include <cmath>
#include <functional>
#include <utility>
#include <vector>

#include "hal/uri.h"
#include "kernels/random.h"

namespace sedma::runtime {
namespace {

constexpr std::string_view scheme = "gallery:";
constexpr std::uint64_t most_rows = (1ull << 31) - 1, most_grid = 46340;

/// A row's entries: columns ascending, values != 0.
struct Row {
  std::vector<std::uint32_t> columns;
  std::vector<double> values;
  void clear() {
    columns.clear();
    values.clear();
  }
  void add(std::uint32_t column, double value) {
    if (value == 0) return;
    columns.push_back(column);
    values.push_back(value);
  }
};

using MakeRow = std::function<void(std::uint32_t row, Row& out)>;

class Gallery final : public MatrixSource {
 public:
  static Result<std::unique_ptr<MatrixSource>> make(std::string name, std::uint32_t rows, std::uint32_t cols, MakeRow make_row,
                                                    const Watch& watch) {
    auto matrix = std::unique_ptr<Gallery>(new Gallery(std::move(make_row)));
    std::vector<std::uint64_t> hashes(rows);
    std::vector<double> bounds(rows);
    std::uint64_t nonzeros = 0;
    for (std::uint32_t row = 0; row < rows; ++row) {
      const RowEntries entries = matrix->row_of(row);
      hashes[row] = row_hash(entries);
      bounds[row] = row_bound(entries);
      nonzeros += entries.values.size();
      if (watch && !watch(std::uint64_t{row} + 1, rows)) return fail(Code::aborted, "stopped at row {} of {}", row + 1, rows);
    }
    matrix->describe(std::move(name), rows, cols, nonzeros, hashes, std::move(bounds));
    return std::unique_ptr<MatrixSource>(std::move(matrix));
  }

  std::span<const std::uint32_t> row_columns(std::uint32_t row, std::vector<std::uint32_t>& scratch) const override {
    const RowEntries entries = row_of(row);
    scratch.assign(entries.columns.begin(), entries.columns.end());
    return scratch;
  }

  Status gather(std::span<const std::uint32_t> rows, std::span<const std::uint32_t> cols, double* out) const override {
    std::fill_n(out, rows.size() * cols.size(), 0.0);
    for (std::size_t i = 0; i < rows.size(); ++i) {
      const RowEntries entries = row_of(rows[i]);
      std::size_t j = 0;
      for (std::size_t k = 0; k < entries.columns.size() && j < cols.size(); ++k) {
        while (j < cols.size() && cols[j] < entries.columns[k]) ++j;
        if (j < cols.size() && cols[j] == entries.columns[k]) out[i * cols.size() + j] = entries.values[k];
      }
    }
    return {};
  }

  Status for_each_row(const RowVisitor& visit) const override {
    for (std::uint32_t row = 0; row < rows(); ++row) SEDMA_RETURN_IF_ERROR(visit(row, row_of(row)));
    return {};
  }

  std::uint64_t bytes() const noexcept override { return std::uint64_t{rows()} * 16 + row_.columns.capacity() * 12; }

 private:
  explicit Gallery(MakeRow make_row) : make_row_(std::move(make_row)) {}
  RowEntries row_of(std::uint32_t row) const {
    row_.clear();
    make_row_(row, row_);
    return {row_.columns, row_.values};
  }

  MakeRow make_row_;
  mutable Row row_;  // the last one asked for
};

struct Recipe {
  std::uint32_t rows = 0, cols = 0;
  MakeRow make_row;
};

// A stencil on an n x n grid with zeros beyond its edge.
Recipe stencil(std::uint32_t n, double centre, double side, double corner) {
  const auto make_row = [=](std::uint32_t row, Row& out) {
    const std::uint32_t y = row / n, x = row % n;
    for (std::uint32_t v = y == 0 ? 0 : y - 1; v <= std::min(y + 1, n - 1); ++v)
      for (std::uint32_t u = x == 0 ? 0 : x - 1; u <= std::min(x + 1, n - 1); ++u)
        out.add(v * n + u, u == x && v == y ? centre : u == x || v == y ? side : corner);
  };
  return {n * n, n * n, make_row};
}

Result<Recipe> take_stencil(hal::Uri& uri, double centre, double side, double corner) {
  SEDMA_ASSIGN_OR_RETURN(const std::uint64_t n, uri.take_unsigned("n", 255, 1, most_grid));
  return stencil(static_cast<std::uint32_t>(n), centre, side, corner);
}

// The columns of a row are found by leaps: the number of columns passed over until the next entry is geometric.
Recipe random_recipe(std::uint32_t rows, std::uint32_t cols, double density, kernels::Key key) {
  const double log_absent = std::log1p(-density);
  const auto make_row = [=](std::uint32_t row, Row& out) {
    const kernels::Key own = kernels::derive(key, row);
    std::uint64_t column = 0;
    for (std::uint32_t k = 0;; ++k) {
      const double u = kernels::uniform(kernels::philox(own, kernels::Use::test, k, 0)[0]);
      const double leap = density < 1 ? std::floor(std::log(u) / log_absent) : 0;
      if (!(leap < static_cast<double>(cols))) return;
      column += static_cast<std::uint64_t>(leap);
      if (column >= cols) return;
      out.add(static_cast<std::uint32_t>(column), static_cast<double>(kernels::normals4(own, kernels::Use::test, k, 1)[0]));
      ++column;
    }
  };
  return {rows, cols, make_row};
}

Result<Recipe> take_random(hal::Uri& uri) {
  SEDMA_ASSIGN_OR_RETURN(const std::uint64_t rows, uri.take_unsigned("rows", 1000, 1, most_rows));
  SEDMA_ASSIGN_OR_RETURN(const std::uint64_t cols, uri.take_unsigned("cols", 1000, 1, most_rows));
  SEDMA_ASSIGN_OR_RETURN(const double density, uri.take_number("density", 0.01, 0, 1));
  SEDMA_ASSIGN_OR_RETURN(const std::uint64_t seed, uri.take_unsigned("seed", 1, 0, UINT64_MAX));
  if (density == 0) return Status(Code::invalid_argument, "option density=0: it must be more than 0");
  return random_recipe(static_cast<std::uint32_t>(rows), static_cast<std::uint32_t>(cols), density, kernels::Key{seed});
}

Result<Recipe> take_iperturb(hal::Uri& uri) {
  SEDMA_ASSIGN_OR_RETURN(const std::uint64_t size, uri.take_unsigned("n", 66, 1, most_rows));
  SEDMA_ASSIGN_OR_RETURN(const double scale, uri.take_number("scale", 0.1, 0, 0.5));
  SEDMA_ASSIGN_OR_RETURN(const std::uint64_t seed, uri.take_unsigned("seed", 1, 0, UINT64_MAX));
  const auto n = static_cast<std::uint32_t>(size);
  const double each = scale / std::sqrt(static_cast<double>(n));
  const auto make_row = [=, normals = std::vector<float>(n)](std::uint32_t row, Row& out) mutable {
    kernels::fill_normals(kernels::Key{seed}, kernels::Use::test, row, 0, normals);
    for (std::uint32_t col = 0; col < n; ++col) out.add(col, (col == row ? 1.0 : 0.0) + each * static_cast<double>(normals[col]));
  };
  return Recipe{n, n, make_row};
}

Result<Recipe> take_recipe(hal::Uri& uri, std::vector<std::string>& known) {
  const std::string& name = uri.target();
  known = {"n"};
  if (name == "fem9") return take_stencil(uri, 8.0 / 3, -1.0 / 3, -1.0 / 3);
  if (name == "laplace5") return take_stencil(uri, 4, -1, 0);
  known = {"cols", "density", "rows", "seed"};
  if (name == "random") return take_random(uri);
  known = {"n", "scale", "seed"};
  if (name == "iperturb") return take_iperturb(uri);
  return fail(Code::invalid_argument, "no gallery matrix '{}'; there are fem9, iperturb, laplace5, random", name);
}

}  // namespace

bool is_gallery(std::string_view reference) noexcept { return reference.starts_with(scheme); }

Result<std::unique_ptr<MatrixSource>> open_gallery(std::string_view reference, const Watch& watch) {
  SEDMA_ASSIGN_OR_RETURN(hal::Uri uri, hal::Uri::parse(reference));
  const std::string name = uri.to_string();
  std::vector<std::string> known;
  const auto named = [&](const Status& status) { return status.with_context(name); };
  auto recipe = take_recipe(uri, known);
  if (!recipe.ok()) return named(recipe.status());
  if (const Status left = uri.expect_empty(known); !left.ok()) return named(left);
  return Gallery::make(name, recipe->rows, recipe->cols, std::move(recipe->make_row), watch);
}

}  // namespace sedma::runtime
