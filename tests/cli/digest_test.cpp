// y has the same bits however many threads, lanes and arrays work on it.

#include "kernels/random.h"
#include "tests/cli/program.h"

namespace sedma::test {
namespace {

class Digest : public Program {
 protected:
  // Every combination on boards of `arrays`; the first gives the digest that all others must have.
  void expect_same(const std::string& matrix, const std::string& board, const Arguments& how) const {
    std::string first;
    int most_turns = 0;
    for (const char* arrays : {"64", "256", "3"})
      for (const char* lanes : {"inline", "threads"})
        for (const char* omp : {"1", "2", "7"})
          for (const char* blas : {"1", "2"}) {
            Arguments arguments = {"multiply", "--matrix", matrix,           "--json",   "-",
                                   "--batch",  "3",        "--no-reference", "--device", board + "&arrays=" + arrays + "&lanes=" + lanes};
            arguments.insert(arguments.end(), how.begin(), how.end());
            const json r = run_json(arguments, {{"OMP_NUM_THREADS", omp}, {"OPENBLAS_NUM_THREADS", blas}});
            if (first.empty()) first = r["y_digest"];
            most_turns = std::max(most_turns, r["plan"]["turns"].get<int>());
            ASSERT_EQ(r["y_digest"], first) << "arrays=" << arrays << " lanes=" << lanes << " OMP=" << omp << " OPENBLAS=" << blas;
          }
    EXPECT_GT(most_turns, 1) << "three arrays must not hold the matrix, or turns are not tested";
  }
};

TEST_F(Digest, OfASparseMatrixWithManyTiles) {
  expect_same(put_matrix("sparse.mtx", 150, 170, 0.1), "emulator:TaOx-HfOx?rows=32&cols=32", {"--slices", "1", "--passes", "20"});
}

TEST_F(Digest, AForcedInstructionSetIsUsedOrRefused) {
  const std::string matrix = put_matrix("small.mtx", 40, 30, 0.5);
  const Arguments arguments = {"multiply", "--matrix", matrix, "--device", "emulator:TaOx-HfOx", "--json", "-"};
  std::string first;
  for (const char* const isa : kernels::supported_isas()) {
    const json r = run_json(arguments, {{"SEDMA_ISA", isa}});
    EXPECT_EQ(r["provenance"]["isa"], isa);
    if (first.empty()) first = r["programming"]["pulses"].dump();
    EXPECT_EQ(r["programming"]["pulses"].dump(), first) << isa << ": the cells must not depend on it";
  }
  const Ran refused = run(arguments, {{"SEDMA_ISA", "Z80"}});
  EXPECT_EQ(refused.exit_code, 2);
  EXPECT_NE(refused.err.find("Z80"), std::string::npos) << refused.err;
}

TEST_F(Digest, OfADenseMatrixOnLargeArrays) {
  expect_same(put_matrix("dense.mtx", 300, 280, 1), "emulator:EpiRAM?read_noise=0.01", {"--passes", "5"});
}

}  // namespace
}  // namespace sedma::test
