#pragma once
// A memory in a file, by SQLite.

#include <string>

#include "runtime/memory/sql.h"

namespace sedma::runtime {

/// Whether a path lies on a file system of another machine, by statfs(): its locks cannot be relied on for shared memory.
bool on_network_file_system(const std::string& path);

struct SqliteFile {
  std::string path;
  Log log;
  std::function<bool(const std::string& path)> is_remote = on_network_file_system;
  int busy_milliseconds = 5000;  ///< that a lock of another process is waited for
};

/// Opens or makes the file: with a write-ahead log, or on a remote file system with a rollback journal and a sentence that says so. A
/// damaged file that is known for a memory of SEDMA is renamed (".damaged-DATE"), told of, and a new one made; any other file that is not a
/// memory is left as it is. Errors: unavailable; invalid_argument (a file of something else).
Result<std::unique_ptr<Sql>> connect_sqlite(const SqliteFile& file, bool damaged);

}  // namespace sedma::runtime
