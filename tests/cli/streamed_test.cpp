// A matrix that is larger than what is held of it: a float HDF5 dataset that the program streams.

#include <cmath>
#include <filesystem>

#include "calibration/hdf5.h"
#include "runtime/matrix_file.h"
#include "tests/cli/program.h"
#include "tests/sanitizer.h"

namespace sedma::test {
namespace {

class Streamed : public Program {
 protected:
  static constexpr std::uint64_t side = 4096;
  static_assert(side * side > runtime::ReadLimits{}.held_values);

  std::string put_floats() const {
    std::vector<float> values(side * side);
    std::uint32_t state = 1;
    for (float& value : values) value = static_cast<float>(state = state * 1664525u + 1013904223u) * 0x1p-31f - 1.0f;
    const std::string path = directory_ / "a.h5";
    auto writer = calibration::hdf5::Writer::create(path, false);
    EXPECT_TRUE(writer.ok());
    EXPECT_TRUE(writer->write<float>("/m", std::span<const float>(values), {side, side}).ok());
    EXPECT_TRUE(writer->commit().ok());
    return path;
  }
  json multiply(const std::string& matrix, const Arguments& more) const {
    Arguments all = {"multiply", "--matrix", matrix, "--encoding", "offset", "--passes", "8", "--json", "-"};
    all.insert(all.end(), more.begin(), more.end());
    return run_json(all);
  }
};

/// Beside 8 bytes a cell of the emulator, the program takes 112 MiB, less than 7 bytes an entry: the bands and the windows under way.
/// Held, the matrix alone would take 12 bytes an entry: 192 MiB.
TEST_F(Streamed, MemoryDoesNotHoldTheMatrix) {
  if (testing::sanitized) GTEST_SKIP() << "a sanitizer's shadow memory counts too";
  const std::string path = put_floats();
  const json small = multiply(put_matrix("small.mtx", 200, 200, 1), {"--device", "emulator:EpiRAM"});
  const json large = multiply(path, {"--device", "emulator:EpiRAM?arrays=273"});
  const std::uint64_t cells = large["plan"]["cells_allocated"];
  EXPECT_EQ(large["matrix"]["nonzeros"], side * side);
  const std::uint64_t growth = large["peak_bytes"].get<std::uint64_t>() - small["peak_bytes"].get<std::uint64_t>();
  EXPECT_LT(growth, 8 * cells + (112u << 20)) << "beside the cells: " << (growth - 8 * cells) / 1048576 << " MiB";
  EXPECT_GT(large["error"]["relative_l2"], 0);
  EXPECT_LT(large["error"]["relative_l2"], 1);

  const json info = run_json({"info", path, "--json"});
  EXPECT_EQ(info["symmetry"], "general");
  EXPECT_EQ(info["empty_rows"], 0);
  EXPECT_LT(info["bytes"], 4 * side * side);

  std::filesystem::resize_file(path, side * side);
  const Ran ran = run({"info", path});
  EXPECT_EQ(ran.exit_code, 1) << ran.err;
  EXPECT_TRUE(contains(ran.err, "a.h5")) << ran.err;
}

}  // namespace
}  // namespace sedma::test
