// Files that are not what they should be: a sentence, exit code 1, nothing left behind.

#include <sys/stat.h>

#include "calibration/hdf5.h"
#include "tests/cli/program.h"

namespace sedma::test {
namespace {

class BadInput : public Program {
 protected:
  void expect_refused(const std::string& file, const std::vector<std::string>& fragments) const {
    const auto before = directory_.names();
    const Ran ran = run(
        {"multiply", "--matrix", file, "--device", "emulator:EpiRAM", "--output", directory_ / "y.h5", "--json", directory_ / "run.json"});
    EXPECT_EQ(ran.exit_code, 1) << file << "\n" << ran.err;
    EXPECT_TRUE(ran.out.empty()) << ran.out;
    for (const std::string& fragment : fragments) EXPECT_TRUE(contains(ran.err, fragment)) << fragment << " is missing in: " << ran.err;
    EXPECT_EQ(directory_.names().size(), before.size()) << file << ": something was left behind";
    EXPECT_EQ(run({"info", file}).exit_code, 1) << file;
  }
  void expect_refused(const std::string& name, const std::string& bytes, const std::vector<std::string>& fragments) const {
    expect_refused(directory_.put(name, bytes), fragments);
  }
};

constexpr const char* banner = "%%MatrixMarket matrix coordinate real general\n";

TEST_F(BadInput, MatrixMarket) {
  expect_refused("truncated.mtx", std::string(banner) + "3 3 3\n1 1 1.0\n2 2 1.0\n", {"truncated.mtx", "3"});
  expect_refused("header.mtx", "%%MatrixMarket matrix coordinate\n", {"header.mtx"});
  expect_refused("huge.mtx", std::string(banner) + "4000000000 4000000000 1\n1 1 1.0\n", {"huge.mtx", "4000000000"});
  expect_refused("many.mtx", std::string(banner) + "3 3 999999999999\n1 1 1.0\n", {"many.mtx", "999999999999"});
  expect_refused("nan.mtx", std::string(banner) + "2 2 2\n1 1 nan\n2 2 1\n", {"nan.mtx:3"});
  expect_refused("inf.mtx", std::string(banner) + "2 2 2\n1 1 1\n2 2 inf\n", {"inf.mtx:4"});
  expect_refused("index.mtx", std::string(banner) + "2 2 1\n3 1 1.0\n", {"index.mtx:3", "3"});
  expect_refused("zero.mtx", std::string(banner) + "2 2 1\n0 1 1.0\n", {"zero.mtx:3"});
  expect_refused("complex.mtx", "%%MatrixMarket matrix coordinate complex general\n1 1 1\n1 1 1 0\n", {"complex"});
}

TEST_F(BadInput, OtherFormats) {
  expect_refused("empty.mtx", "", {"empty"});
  expect_refused("empty.npy", "", {"empty"});
  expect_refused("noise.bin", std::string(300, '\7'), {"noise.bin"});
  const std::string npy_3d = "{'descr': '<f8', 'fortran_order': False, 'shape': (1, 1, 1), }";
  const std::string header = npy_3d + std::string(117 - npy_3d.size(), ' ') + "\n";
  expect_refused("rank.npy", std::string("\x93NUMPY\x01\x00", 8) + std::string("\x76\x00", 2) + header + std::string(8, '\0'),
                 {"rank.npy"});
  expect_refused("cut.npy", std::string("\x93NUMPY\x01\x00", 8) + std::string("\x76\x00", 2) + "{'descr'", {"cut.npy"});
}

TEST_F(BadInput, Hdf5) {
  namespace hdf5 = calibration::hdf5;
  const std::string path = directory_ / "cube.h5";
  const std::vector<double> values(8, 1.0);
  {
    auto writer = hdf5::Writer::create(path, false);
    ASSERT_TRUE(writer.ok());
    ASSERT_TRUE(writer->write<double>("/cube", values, {2, 2, 2}).ok());
    ASSERT_TRUE(writer->commit().ok());
  }
  expect_refused(path + ":/cube", std::vector<std::string>{"cube"});
  expect_refused(path + ":/absent", std::vector<std::string>{"absent", "cube"});
  expect_refused(path, std::vector<std::string>{"cube"});
  std::string bytes = testing::bytes_of(path);
  expect_refused("half.h5", bytes.substr(0, bytes.size() / 2), {"half.h5"});
}

TEST_F(BadInput, ThingsThatAreNoFiles) {
  expect_refused(directory_ / "absent.mtx", std::vector<std::string>{"absent.mtx"});
  std::filesystem::create_directory(directory_ / "folder.mtx");
  expect_refused(directory_ / "folder.mtx", std::vector<std::string>{"directory"});
  ASSERT_EQ(::mkfifo((directory_ / "pipe.mtx").c_str(), 0600), 0);
  expect_refused(directory_ / "pipe.mtx", std::vector<std::string>{"pipe.mtx"});
}

TEST_F(BadInput, UnreadableFiles) {
  if (::geteuid() == 0) GTEST_SKIP() << "root reads everything";
  const std::string file = put_matrix("locked.mtx", 4, 4, 1);
  ASSERT_EQ(::chmod(file.c_str(), 0), 0);
  expect_refused(file, std::vector<std::string>{"locked.mtx", "ermission"});
}

TEST_F(BadInput, SideFiles) {
  const std::string matrix = put_matrix("a.mtx", 8, 8, 0.5);
  const std::vector<std::pair<std::string, std::string>> cases = {
      {"--limits", "{"},
      {"--limits", "[1]"},
      {"--limits", R"({"max_cell_volts": "1"})"},
      {"--limits", R"({"max_cell_volts": -1})"},
      {"--limits", R"({"max_total_pulses": 1.5})"},
      {"--limits", R"({"max_total_pulses": 1, "max_total_pulses": 1000000})"},
      {"--mask", R"({"bad_cells": [[1, 2]]})"},
      {"--mask", R"({"bad_cells": [[0, 1000, 0]]})"},
      {"--mask", "not JSON"},
      {"--input", std::string(banner) + "1 7 1\n1 1 1.0\n"},
  };
  for (const auto& [option, text] : cases) {
    const std::string file = directory_.put("side", text);
    const Ran ran = run({"multiply", "--matrix", matrix, "--device", "emulator:EpiRAM", option, file});
    EXPECT_EQ(ran.exit_code, 1) << option << " " << text << "\n" << ran.err;
    EXPECT_TRUE(contains(ran.err, "side")) << ran.err;
  }
}

TEST_F(BadInput, PlacesThatCannotBeWrittenAreFoundBeforeTheWork) {
  const std::string matrix = put_matrix("a.mtx", 8, 8, 0.5);
  std::filesystem::create_directory(directory_ / "folder.h5");
  const std::string recording = directory_ / "run.h5";
  for (const Arguments& where : {Arguments{"--output", directory_ / "absent/y.h5"}, Arguments{"--output", directory_ / "folder.h5"},
                                 Arguments{"--json", directory_ / "absent/run.json"}, Arguments{"--json", "/dev/null"},
                                 Arguments{"--record", directory_ / "absent/run.h5"}}) {
    Arguments arguments = {"multiply", "--matrix", matrix, "--device", "record:emulator:EpiRAM?record.file=" + recording};
    arguments.insert(arguments.end(), where.begin(), where.end());
    const Ran ran = run(arguments);
    EXPECT_EQ(ran.exit_code, 1) << where.back() << "\n" << ran.err;
    EXPECT_TRUE(contains(ran.err, where.back())) << ran.err;
    EXPECT_FALSE(std::filesystem::exists(recording)) << "the device was opened before " << where.back() << " was refused";
  }
}

}  // namespace
}  // namespace sedma::test
