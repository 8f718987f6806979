#pragma once
// A whole job in one process, for tests: workers of all ranks in threads, rank 0's session in the test's own.

#include <gtest/gtest.h>

#include <deque>
#include <memory>
#include <random>
#include <string>
#include <thread>
#include <vector>

#include "fake_bench.h"
#include "memory_network.h"
#include "runtime/comm/bench.h"
#include "runtime/comm/coordinator.h"
#include "runtime/matrix.h"

namespace sedma::test {

/// Whole numbers from -9 to 9 at about density * rows * cols places, and one in the last corner.
inline runtime::Matrix whole_matrix(std::uint32_t rows, std::uint32_t cols, double density, std::uint32_t seed) {
  std::mt19937 random(seed);
  std::vector<runtime::Matrix::Entry> entries{{rows - 1, cols - 1, 20}};
  for (std::uint32_t r = 0; r < rows; ++r)
    for (std::uint32_t c = 0; c < cols; ++c)
      if (random() % 1000 < static_cast<std::uint32_t>(density * 1000)) entries.push_back({r, c, static_cast<double>(random() % 19) - 9});
  auto matrix = runtime::Matrix::from_entries("whole", rows, cols, std::move(entries));
  EXPECT_TRUE(matrix.ok()) << matrix.status().to_string();
  return std::move(matrix).value();
}

inline std::vector<double> whole_vectors(std::size_t batch, std::size_t cols, std::uint32_t seed) {
  std::mt19937 random(seed);
  std::vector<double> x(batch * cols);
  for (double& v : x) v = static_cast<double>(random() % 15) - 7;
  return x;
}

inline hal::Capabilities small_board(std::uint32_t arrays, std::uint32_t lines) {
  hal::Capabilities board;
  board.board_id = "fake";
  board.arrays = arrays;
  board.rows = board.cols = lines;
  return board;
}

class MemoryJob {
 public:
  /// `ranks_with_matrix`: how many, from rank 0 on, have the matrix themselves.
  MemoryJob(int ranks, const runtime::Matrix& matrix, int ranks_with_matrix, std::uint32_t arrays = 4, std::uint32_t lines = 16)
      : network(ranks), controls(static_cast<std::size_t>(ranks)), matrix_(matrix) {
    options.dead_after_seconds = 0.5;
    options.log = [this](const std::string& sentence) { log.push_back(sentence); };
    for (int rank = 0; rank < ranks; ++rank) {
      const bool has_matrix = rank < ranks_with_matrix;
      facts.push_back({"n" + std::to_string(rank), "fake:", small_board(arrays, lines), {}, has_matrix ? matrix.content() : 0, "baseline"});
      locals.emplace_back();
      locals.back().matrix = has_matrix ? &matrix : nullptr;
    }
    verdicts.resize(static_cast<std::size_t>(ranks));
  }
  ~MemoryJob() { end(); }

  runtime::Job job(int rank) { return {network.at(rank), facts, locals[static_cast<std::size_t>(rank)], options}; }
  FakeControl& control(int rank) { return controls[static_cast<std::size_t>(rank)]; }

  runtime::BenchFactory factory() {
    return [this](const runtime::Job& job, runtime::BenchTask task) -> Result<runtime::Bench> {
      auto bench = std::make_unique<FakeBench>(control(job.transport.rank()), task.plan, task.values, std::move(task.progress));
      FakeBench* const fake = bench.get();
      return runtime::Bench{std::move(bench), [fake](const std::string&, runtime::StageCost&) { return fake->restore(); }};
    };
  }
  /// Starts the workers of all ranks but 0.
  void serve(const runtime::BenchFactory& make) {
    for (int rank = 1; rank < static_cast<int>(facts.size()); ++rank)
      threads_.emplace_back([this, rank, make] {
        verdicts[static_cast<std::size_t>(rank)] = serve_rank(job(rank), runtime::WorkerSettings{make, nullptr});
      });
  }
  Result<std::unique_ptr<runtime::SessionCore>> open(const runtime::SessionOptions& session_options) {
    serve(factory());
    return runtime::open_cluster_core(job(0), matrix_, session_options, factory());
  }
  /// Tells all ranks that are heard, lost ones after healing them, that the job is over.
  void end(const Status& verdict = {}) {
    for (int rank = 1; rank < static_cast<int>(facts.size()); ++rank) {
      network.heal(rank);
      network.resume(rank);
      network.at(0).send(rank, runtime::Role::worker, 0, encode(runtime::EndMessage{verdict}));
    }
    for (std::thread& thread : threads_) thread.join();
    threads_.clear();
  }

  MemoryNetwork network;
  std::deque<FakeControl> controls;
  std::vector<runtime::RankFacts> facts;
  std::deque<runtime::LocalRank> locals;
  runtime::ClusterOptions options;
  std::vector<Status> verdicts;
  std::vector<std::string> log;  // written by the session's thread

 private:
  const runtime::Matrix& matrix_;
  std::vector<std::thread> threads_;
};

/// y of FakeBench, every tile taken once.
inline std::vector<double> expected(const runtime::Matrix& matrix, const runtime::Plan& plan, std::span<const double> x, std::size_t batch,
                                    std::uint64_t vector, std::uint64_t ordinal) {
  std::vector<double> y(batch * matrix.rows());
  EXPECT_TRUE(matrix.multiply(x, y, batch).ok());
  for (double& value : y) value *= static_cast<double>(ordinal + 1);
  for (const runtime::Tile& tile : plan.tiles)
    for (const std::uint32_t row : tile.rows)
      for (std::size_t b = 0; b < batch; ++b) y[b * matrix.rows() + row] += static_cast<double>(vector + b);
  return y;
}

inline runtime::Accumulator accumulator(const runtime::Matrix& matrix, std::span<const double> x, std::size_t batch) {
  runtime::Accumulator y(batch, matrix.rows());
  for (std::size_t b = 0; b < batch; ++b) {
    double largest = 0;
    for (const double v : x.subspan(b * matrix.cols(), matrix.cols())) largest = std::max(largest, std::abs(v));
    for (std::uint32_t i = 0; i < matrix.rows(); ++i) y.set_bound(b, i, matrix.row_bounds()[i] * largest);
  }
  return y;
}

/// Finishes the oldest product and compares.
inline Status finish_and_compare(runtime::SessionCore& core, const runtime::Matrix& matrix, std::span<const double> x, std::size_t batch,
                                 std::uint64_t vector, std::uint64_t ordinal) {
  runtime::Accumulator sums = accumulator(matrix, x, batch);
  SEDMA_RETURN_IF_ERROR(core.finish(sums));
  const std::vector<double> right = expected(matrix, core.plan(), x, batch, vector, ordinal);
  for (std::size_t k = 0; k < right.size(); ++k) {
    const double y = sums.value(k / matrix.rows(), k % matrix.rows());
    if (y != right[k]) return fail(Code::internal, "y({}, {}) is {}, not {}", k / matrix.rows(), k % matrix.rows(), y, right[k]);
  }
  return {};
}

}  // namespace sedma::test
