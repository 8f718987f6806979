#pragma once
// Engines on emulated boards, and what they compute, for tests.

#include <gtest/gtest.h>

#include <memory>
#include <numeric>
#include <utility>
#include <vector>

#include "runtime/engine.h"
#include "tests/runtime/support.h"

namespace sedma::test {

using runtime::Accumulator;
using runtime::StageCost;
using Groups = std::vector<std::uint32_t>;

class MatrixValues final : public runtime::TileValues {
 public:
  MatrixValues(const runtime::MatrixSource& matrix, const runtime::Plan& plan) : matrix_(matrix), plan_(plan) {}
  Status gather(std::uint32_t tile, double* out) const override {
    return matrix_.gather(plan_.tiles[tile].rows, plan_.tiles[tile].cols, out);
  }

 private:
  const runtime::MatrixSource& matrix_;
  const runtime::Plan& plan_;
};

/// A matrix cut for a geometry, and batches of inputs.
struct Problem {
  runtime::Matrix matrix;
  runtime::Plan plan;
  MatrixValues values{matrix, plan};
  std::size_t batch = 2;
  std::vector<double> x = runtime::random_inputs(1, batch, matrix.cols());

  Problem(runtime::Matrix m, const runtime::Geometry& geometry, std::uint32_t slices) : matrix(std::move(m)) {
    runtime::Choice choice;
    choice.slices = slices;
    choice.passes = 10;
    plan = runtime::make_plan(matrix, geometry, choice).value();
  }
  Problem(const Problem&) = delete;
  Problem& operator=(const Problem&) = delete;

  Groups all() const {
    Groups groups(plan.groups.size());
    std::iota(groups.begin(), groups.end(), 0u);
    return groups;
  }
  Accumulator accumulator() const {
    Accumulator y(batch, matrix.rows());
    for (std::size_t b = 0; b < batch; ++b)
      for (std::size_t i = 0; i < matrix.rows(); ++i) y.set_bound(b, i, 10 * matrix.row_bounds()[i]);
    return y;
  }
  runtime::ProductTask task() const { return {x, batch, runtime::first_vector(plan.geometry, plan.choice)}; }
  std::vector<double> values_of(const Accumulator& y) const {
    std::vector<double> out;
    for (std::size_t b = 0; b < batch; ++b)
      for (std::size_t i = 0; i < matrix.rows(); ++i) out.push_back(y.value(b, i));
    return out;
  }
};

/// An engine with its device.
struct Rank {
  std::shared_ptr<hal::Device> device;
  runtime::Engine engine;
  StageCost programming, multiplying;

  Rank(std::shared_ptr<hal::Device> d, const Problem& problem, runtime::EngineOptions options = {})
      : device(std::move(d)),
        engine(*device, problem.plan, problem.values,
               runtime::board_shape(device->capabilities(), options.mask, problem.plan.choice.encoding).value(),
               with_content(problem, options)) {}
  static runtime::EngineOptions with_content(const Problem& problem, runtime::EngineOptions options) {
    options.content = problem.matrix.content();
    return options;
  }
  Status take(const Groups& groups, std::uint64_t ordinal = 0) {
    engine.hold(groups);
    return engine.program(groups, ordinal, programming);
  }
  Status multiply(const Problem& problem, const Groups& groups, Accumulator& y) {
    return engine.multiply(problem.task(), groups, y, programming, multiplying);
  }
};

/// y of all groups on one board.
inline std::vector<double> whole(const Problem& problem, const std::string& uri, std::uint64_t ordinal = 0) {
  Rank rank(open_device(uri), problem);
  Accumulator y = problem.accumulator();
  EXPECT_TRUE(rank.take(problem.all(), ordinal).ok());
  EXPECT_EQ(rank.engine.layout().turns, 1u);
  const Status status = rank.multiply(problem, problem.all(), y);
  EXPECT_TRUE(status.ok()) << status.to_string();
  return problem.values_of(y);
}

}  // namespace sedma::test
