// How well the matrices at hand use boards of 256 x 256 arrays, beside the static layout of the same matrices.

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <filesystem>

#include "runtime/cost_model.h"
#include "runtime/diagonal_source.h"
#include "runtime/matrix_file.h"
#include "runtime/plan.h"
#include "support.h"

namespace sedma::runtime {
namespace {

namespace fs = std::filesystem;

constexpr std::uint32_t side = 256;

// What one layout takes, on a board that has room for all of it.
struct Use {
  std::uint64_t loads = 0;
  double efficiency = 0, seconds = 0, joules = 0;  ///< of one vector; joules: converters, and lines and cells at full voltage
};

hal::Capabilities board_of(std::uint64_t arrays) {
  const auto device = test::open_device("emulator:EpiRAM?arrays=1");
  hal::Capabilities board = device->capabilities();
  board.arrays = static_cast<std::uint32_t>(arrays);
  return board;
}

Use use_of(const MatrixSource& matrix, Partition partition, std::uint32_t sharing) {
  Choice choice;
  choice.partition = partition;
  choice.sharing = sharing;
  const Plan plan = make_plan(matrix, {side, side, false}, choice).value();
  const hal::Capabilities board = board_of(plan.loads);
  const DeviceModel device = published_model(board).value();
  const CostModel model(device, board, choice);
  BoardTime time(board);
  Use use{plan.loads, static_cast<double>(plan.cells_useful) / (static_cast<double>(plan.loads) * side * side), 0, 0};
  for (std::uint32_t load = 0; load < plan.groups.size(); ++load) {
    for (const std::uint32_t t : plan.groups[load].tiles) {
      const auto height = static_cast<std::uint32_t>(plan.tiles[t].cols.size());
      const std::uint32_t width = kernels::bit_lines(choice.encoding, static_cast<std::uint32_t>(plan.tiles[t].rows.size()));
      const StageForecast cost = model.product({load, 0, 0, height, width, height, width, 0}, 1, height);
      time.add(load, cost.seconds);
      use.joules += cost.joules.total();
    }
  }
  use.seconds = time.finish();
  return use;
}

struct Row {
  std::string name;
  Use fixed, chosen;
  double ratio() const { return chosen.efficiency / fixed.efficiency; }
};

Row row_of(const MatrixSource& matrix) {
  const Row row{matrix.name(), use_of(matrix, Partition::fixed, 0), use_of(matrix, Partition::clustered, 1)};
  fmt::print("{:26} static {:6} arrays {:8.4f} %   clustered {:4} arrays {:7.3f} %   {:6.2f} x, seconds {:.2f} x, joules {:.3f} x\n",
             row.name, row.fixed.loads, 100 * row.fixed.efficiency, row.chosen.loads, 100 * row.chosen.efficiency, row.ratio(),
             row.chosen.seconds / row.fixed.seconds, row.chosen.joules / row.fixed.joules);
  EXPECT_LE(row.chosen.seconds, 1.5 * row.fixed.seconds) << row.name;
  EXPECT_LE(row.chosen.joules, 1.5 * row.fixed.joules) << row.name;
  return row;
}

fs::path data() {
  const char* shared = std::getenv("SEDMA_SHARED_DIR");
  return shared == nullptr ? fs::path() : fs::path(shared) / "data";
}

TEST(Efficiency, GalleriesUseTheirArraysTenTimesAsWellAsTheStaticLayout) {
  for (const char* reference : {"gallery:fem9?n=100", "gallery:laplace5?n=100", "gallery:fem9?n=255", "gallery:laplace5?n=255"}) {
    const auto matrix = open_matrix(reference);
    ASSERT_TRUE(matrix.ok());
    const Row row = row_of(**matrix);
    EXPECT_GE(row.ratio(), 10.0) << reference;
    EXPECT_EQ(row.chosen.loads, ((*matrix)->rows() + side / 2 - 1) / (side / 2)) << "a tile has no more outputs";
  }
}

// One array at a time works through one window for every vector, and a window has at most 128 outputs: at the static layout's seconds no
// layout of m rows takes fewer than m / 128 arrays, whatever is done with the columns.
TEST(Efficiency, SparseMatricesBesideTheStaticLayout) {
  if (!fs::is_directory(data() / "matrices")) GTEST_SKIP() << "SEDMA_SHARED_DIR names no directory with data/matrices";
  std::vector<fs::path> files;
  for (const auto& file : fs::directory_iterator(data() / "matrices"))
    if (file.path().extension() == ".mtx") files.push_back(file.path());
  std::sort(files.begin(), files.end());
  double logarithms = 0, at_best = 0;
  std::size_t many = 0;
  for (const fs::path& file : files) {
    const auto matrix = open_matrix(file.string());
    if (!matrix.ok()) continue;  // complex values
    const Row row = row_of(**matrix);
    EXPECT_GE(row.ratio(), 1.0);
    if (row.fixed.efficiency > 0.02) continue;
    const double least = std::ceil(2.0 * (*matrix)->rows() / side);
    logarithms += std::log(row.ratio());
    at_best += std::log(static_cast<double>(row.fixed.loads) / least);
    ++many;
    if (row.name == "add32") {
      EXPECT_GE(row.ratio(), 10.0);
    }
    if (row.name == "orsreg_1") {
      EXPECT_EQ(static_cast<double>(row.chosen.loads), least);
    }
  }
  const double count = static_cast<double>(many), mean = std::exp(logarithms / count), bound = std::exp(at_best / count);
  fmt::print("{} matrices of at most 2 %: geometric mean {:.2f} x; without turns at most {:.2f} x\n", many, mean, bound);
  EXPECT_GE(mean, 0.9 * bound);
}

TEST(Efficiency, DenseMatricesFillTheirArrays) {
  if (!fs::is_directory(data() / "nn-layers")) GTEST_SKIP() << "SEDMA_SHARED_DIR names no directory with data/nn-layers";
  std::vector<std::unique_ptr<MatrixSource>> matrices;
  std::vector<const MatrixSource*> blocks;
  for (const char* reference : {"nn-layers/mobilenetv1_conv13_1024x1024.h5", "nn-layers/ssd_pred_conv1_2304x512.h5",
                                "nn-mnist/mlp_784_128_10.h5:/W1", "nn-mnist/mlp_784_128_10.h5:/W2", "matrices/bcsstk02.mtx"}) {
    auto matrix = open_matrix((data() / reference).string());
    ASSERT_TRUE(matrix.ok()) << matrix.status().to_string();
    blocks.push_back(matrix->get());
    matrices.push_back(std::move(matrix).value());
  }
  for (const MatrixSource* matrix : blocks) {
    const Use use = use_of(*matrix, Partition::clustered, 0);
    const double bound = std::ceil(2.0 * static_cast<double>(matrix->nonzeros()) / (side * side));
    fmt::print("{:70} {:3} arrays, counting bound {}, {:.1f} %\n", matrix->name(), use.loads, bound, 100 * use.efficiency);
    EXPECT_LE(static_cast<double>(use.loads), bound + 1) << matrix->name();
  }
  const auto all = diagonal_of(blocks);
  ASSERT_TRUE(all.ok());
  const Use together = use_of(**all, Partition::clustered, 0), fixed = use_of(**all, Partition::fixed, 0);
  fmt::print("all together: {} arrays, {:.1f} %; static {} arrays, {:.1f} %\n", together.loads, 100 * together.efficiency, fixed.loads,
             100 * fixed.efficiency);
  EXPECT_GE(together.efficiency, 0.95);
}

}  // namespace
}  // namespace sedma::runtime
