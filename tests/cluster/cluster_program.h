#pragma once
// `sedma multiply` as a job of several ranks.

#include <filesystem>

#include "tests/cluster/process.h"

namespace sedma::test {

/// What the tests look at of a job that ran to its end.
struct JobEnd {
  Ran ran;
  json report;  ///< of --json; null if there is none
};

/// A sequence of products long enough for something to happen in the middle of it: 200 vectors one after another, on a board whose every
/// command takes 20 ms.
struct Sequence {
  static constexpr unsigned rows = 100, vectors = 200;
  static constexpr const char* board = "emulator:TaOx-HfOx?rows=64&cols=64&arrays=64&seed=7";
  static constexpr const char* slow_board = "faulty:emulator:TaOx-HfOx?rows=64&cols=64&arrays=64&seed=7&fault.delay_seconds=0.02";

  static Arguments multiply(const std::string& matrix, const Arguments& more) {
    Arguments all = {"multiply", "--matrix", matrix, "--batch", std::to_string(vectors), "--each", "1", "--passes", "20"};
    all.insert(all.end(), more.begin(), more.end());
    return all;
  }
  /// How many products a log holds.
  static std::uint64_t logged(const std::string& log) {
    std::uint64_t bytes = 0;
    std::error_code ignored;
    for (const auto& entry : std::filesystem::directory_iterator(log, ignored))
      if (entry.path().filename().string().rfind("results", 0) == 0) bytes += entry.file_size(ignored);
    return bytes / (rows * sizeof(double) * 11 / 10);  // records have heads; rather one too few than one too many
  }
};

class ClusterProgram : public Program {
 protected:
  /// y_digest of the sequence on one board in one process, without mpirun.
  std::string undisturbed(const std::string& matrix) const {
    return run_json(Sequence::multiply(matrix, {"--device", Sequence::board, "--json", "-"})).value("y_digest", "");
  }
  std::string put_sequence_matrix() const { return put_matrix("sequence.mtx", Sequence::rows, 120, 1); }

  /// Waits until so many products are in the log; a failure of the test if the job ends before or takes 30 s.
  static void wait_for_products(Process& job, const std::string& log, std::uint64_t count) {
    wait_until(30, [&] { return Sequence::logged(log) >= count || job.ended(); });
    ASSERT_GE(Sequence::logged(log), count) << job.out() << job.err();
    ASSERT_LT(Sequence::logged(log), Sequence::vectors) << "the job was over before anything could happen to it";
  }
  /// Waits for the end of a job that writes --json to `path`.
  static JobEnd finish(Process& job, const std::string& path, double seconds = 60) {
    JobEnd end{job.wait(seconds), nullptr};
    if (std::filesystem::exists(path)) end.report = json::parse(testing::bytes_of(path), nullptr, false);
    EXPECT_FALSE(end.report.is_discarded()) << "not JSON: " << path;
    return end;
  }
  /// It ended well, and with all products.
  static void expect_all_products(const JobEnd& end, const std::string& digest) {
    ASSERT_EQ(end.ran.exit_code, 0) << end.ran.err;
    ASSERT_TRUE(end.report.is_object()) << "no report: " << end.ran.err;
    EXPECT_EQ(end.report.at("y_digest"), digest) << end.report.at("losses");
    EXPECT_EQ(end.report.at("sequence").at("each"), 1);
  }
  /// The largest gap between two results was no longer than noticing the loss and writing its tiles elsewhere took.
  static void expect_short_gap(const JobEnd& end, double dead_after) {
    ASSERT_FALSE(end.report.at("losses").empty()) << end.ran.err;
    double recovery = 0;
    for (const json& loss : end.report.at("losses")) recovery += loss.at("recovery_seconds").get<double>();
    EXPECT_LE(end.report.at("sequence").at("largest_gap_seconds").get<double>(), dead_after + 0.5 + recovery) << end.report.at("losses");
  }
};

/// Several ranks on this machine, more than it has cores.
class RanksOfOneHost : public ClusterProgram {
 protected:
  void SetUp() override {
    Program::SetUp();
    if (IsSkipped()) return;
    if (!in_path("mpirun")) GTEST_SKIP() << "there is no mpirun";
  }
  Process start(unsigned ranks, const Arguments& arguments, const Arguments& mpirun_options = {}, const Environment& extra = {}) const {
    Arguments words = {"mpirun", "-n", std::to_string(ranks), "--oversubscribe", "--bind-to", "none", "--mca", "mpi_yield_when_idle", "1"};
    words.insert(words.end(), mpirun_options.begin(), mpirun_options.end());
    words.push_back(program_);
    words.insert(words.end(), arguments.begin(), arguments.end());
    Environment environment = extra;
    environment.insert({{"OMPI_ALLOW_RUN_AS_ROOT", "1"}, {"OMPI_ALLOW_RUN_AS_ROOT_CONFIRM", "1"}, {"OMP_NUM_THREADS", "1"}});
    return Process(words, environment);
  }
  /// Runs to the end and parses what rank 0 prints; a failure of the test if that is not JSON alone.
  json run_ranks(unsigned ranks, const Arguments& arguments, const Environment& extra = {}) const {
    Process job = start(ranks, arguments, {}, extra);
    const Ran ran = job.wait(90);
    EXPECT_EQ(ran.exit_code, 0) << ran.err;
    json parsed = json::parse(ran.out, nullptr, false);
    EXPECT_FALSE(parsed.is_discarded()) << "not JSON alone:\n" << ran.out << ran.err;
    return parsed;
  }
};

}  // namespace sedma::test
