#pragma once
// Tables of the oracle in a file, one JSON object a line, so that a later study need not search again.

#include <optional>
#include <string>

#include "bench/ablation_oracle.h"

namespace sedma::bench {

/// To be raised when planning, writing or multiplying change what comes out of a choice.
inline constexpr int oracle_version = 2;

/// What a table depends on: the matrix (content, shape), the URI of the board, the vectors, the programmings, the loosest error, every
/// candidate, and
/// oracle_version.
std::string oracle_key(const OracleCase& work, const std::string& board_uri, const runtime::Candidates& candidates);

class OracleCache {
 public:
  /// An empty path: nothing is kept.
  explicit OracleCache(std::string path) : path_(std::move(path)) {}
  /// The newest table of that key; a line that an interrupted program left is passed over. Errors: unavailable (the file cannot be read).
  Result<std::optional<OracleTable>> find(const std::string& key, const runtime::Candidates& candidates) const;
  /// Errors: unavailable.
  Status add(const std::string& key, const OracleTable& table, const runtime::Candidates& candidates) const;

 private:
  std::string path_;
};

/// Whether one writing of the table, run again, comes to the same: a table of another version of the emulator or of the runtime does not.
/// Errors: as try_all().
Result<bool> still_true(const OracleTable& table, const OracleCase& work, const runtime::Candidates& candidates);

}  // namespace sedma::bench
