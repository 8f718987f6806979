#pragma once
// The products in a run log: one file for each start of the run, records after one another. Internal.

#include <cstdint>
#include <map>
#include <span>
#include <string>
#include <vector>

#include "hal/status.h"
#include "runtime/run_log.h"

namespace sedma::runtime {

/// Where start `start` (from 1 on) writes its products.
std::string results_path(const std::string& directory, std::uint64_t start);
/// The numbers of the starts that made a file. Errors: unavailable.
Result<std::vector<std::uint64_t>> results_present(const std::string& directory);

/// The file of this start, open for writing. Its first record has no values and says how many vectors were done before: what earlier
/// starts hold beyond them is forgotten.
class RunLog::Results {
 public:
  /// Makes it; only one process of all hosts can. Errors: aborted (somebody else has made it), unavailable.
  static Result<std::unique_ptr<Results>> create(const std::string& directory, std::uint64_t start, std::uint64_t vectors_done);
  explicit Results(int descriptor, std::string path) : descriptor_(descriptor), path_(std::move(path)) {}
  Results(const Results&) = delete;
  Results& operator=(const Results&) = delete;
  ~Results();

  /// Durable once it returns. After a failure the next record takes the place of the torn one. Errors: unavailable.
  Status append(std::uint64_t first, std::span<const double> y);

 private:
  int descriptor_;
  std::string path_;
  std::uint64_t end_ = 0;  // of the last whole record
};

/// Takes the products of one start into y [vectors, rows], of which `present` says what there is. Stops at a torn or damaged record, which
/// may be the last one that nobody noted: returns what is wrong with it, or nothing. Errors: unavailable, data_corrupt (not even its first
/// record is whole, though others follow).
Result<std::string> take_results(const std::string& path, std::uint64_t rows, std::span<double> y, std::vector<bool>& present);

}  // namespace sedma::runtime
