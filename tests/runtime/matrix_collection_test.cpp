// The classic test matrices, where they are present: SEDMA_SHARED_DIR/data/matrices and Debian's libsuperlu-dist-dev.

#include <gtest/gtest.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <map>
#include <sstream>

#include "runtime/matrix_file.h"
#include "tests/runtime/matrix_testing.h"
#include "tests/temporary_directory.h"

namespace sedma::runtime {
namespace {

constexpr const char* superlu = "/usr/lib/x86_64-linux-gnu/superlu-dist/tests/EXAMPLE/";

std::string collection() {
  const char* shared = std::getenv("SEDMA_SHARED_DIR");
  const std::string path = shared != nullptr ? std::string(shared) + "/data/matrices" : "";
  return !path.empty() && std::filesystem::exists(path + "/index.csv") ? path : "";
}

/// The first seven columns of index.csv: name, rows, cols, nnz (entries != 0), stored, density, field.
std::map<std::string, std::vector<std::string>> index(const std::string& directory) {
  std::ifstream file(directory + "/index.csv");
  std::map<std::string, std::vector<std::string>> lines;
  std::string line;
  std::getline(file, line);
  EXPECT_TRUE(line.starts_with("name,rows,cols,nnz,stored,density,field,")) << line;
  while (std::getline(file, line)) {
    std::istringstream cells(line);
    std::vector<std::string> words(7);
    for (std::string& word : words) std::getline(cells, word, ',');
    lines[words[0]] = words;
  }
  return lines;
}

TEST(Collection, EveryMatrixHasTheShapeAndEntriesOfItsIndex) {
  const std::string directory = collection();
  if (directory.empty()) GTEST_SKIP() << "SEDMA_SHARED_DIR names no directory with data/matrices";
  const auto lines = index(directory);
  std::size_t files = 0;
  for (const auto& [name, words] : lines) {
    const auto matrix = read_matrix(fmt::format("{}/{}.mtx", directory, name));
    ++files;
    if (words[6] == "complex") {
      EXPECT_TRUE(fails(matrix, Code::unsupported, name + ".mtx:1: complex values"));
      continue;
    }
    ASSERT_TRUE(succeeds(matrix));
    EXPECT_EQ(std::to_string(matrix->rows()), words[1]) << name;
    EXPECT_EQ(std::to_string(matrix->cols()), words[2]) << name;
    EXPECT_EQ(std::to_string(matrix->nonzeros()), words[3]) << name;
    EXPECT_EQ(matrix->name(), name);
  }
  EXPECT_EQ(files, 21u);
}

TEST(Collection, RoundTripsThroughEveryFormatGiveTheSameBits) {
  const std::string directory = collection();
  if (directory.empty()) GTEST_SKIP() << "SEDMA_SHARED_DIR names no directory with data/matrices";
  const sedma::testing::TemporaryDirectory scratch;
  for (const char* name : {"west0479", "well1033", "mcca", "arc130", "lp_share1b"}) {
    const auto matrix = read_matrix(fmt::format("{}/{}.mtx", directory, name));
    ASSERT_TRUE(succeeds(matrix));
    for (const char* file : {"a.mtx", "a.rua", "a.npy", "a.h5"}) {
      ASSERT_TRUE(succeeds(write_matrix(scratch / file, *matrix)));
      const auto again = read_matrix(scratch / file);
      ASSERT_TRUE(succeeds(again)) << name << " " << file;
      EXPECT_TRUE(same(*matrix, *again)) << name << " " << file;
    }
  }
}

TEST(Collection, HarwellBoeingFilesOfSuperLu) {
  if (!std::filesystem::exists(std::string(superlu) + "big.rua")) GTEST_SKIP() << "libsuperlu-dist-dev is not installed";
  const auto big = read_matrix(std::string(superlu) + "big.rua");
  ASSERT_TRUE(succeeds(big));
  EXPECT_EQ(big->rows(), 4960u);
  EXPECT_EQ(big->nonzeros(), 19848u);
  EXPECT_EQ(big->name(), "big");
  EXPECT_TRUE(fails(read_matrix(std::string(superlu) + "cg20.cua"), Code::unsupported, "cg20.cua:3: type CUA: complex values"));
  const auto g20 = read_matrix(std::string(superlu) + "g20.rua");
  ASSERT_TRUE(succeeds(g20));
  EXPECT_EQ(g20->nonzeros(), 1920u);

  const std::string directory = collection();
  if (directory.empty()) GTEST_SKIP() << "SEDMA_SHARED_DIR names no directory with data/matrices to compare with";
  const auto add32 = read_matrix(directory + "/add32.mtx");
  ASSERT_TRUE(succeeds(add32));
  EXPECT_TRUE(same(*big, *add32));
  const auto other = read_matrix(directory + "/g20.mtx");
  ASSERT_TRUE(succeeds(other));
  EXPECT_TRUE(same(*g20, *other));
}

}  // namespace
}  // namespace sedma::runtime
