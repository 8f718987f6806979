#include "runtime/memory/sqlite.h"

#include <fcntl.h>
#include <fmt/chrono.h>
#include <fmt/format.h>
#include <sqlite3.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cstring>
#include <ctime>
#include <filesystem>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "calibration/file_io.h"

namespace sedma::runtime {
namespace {

constexpr std::uint32_t application_id = 0x5ED3A001;  // in the header of the file
constexpr std::uint64_t searched_bytes = 256u << 20;

struct FileId {
  dev_t device = 0;
  ino_t inode = 0;
  bool operator==(const FileId&) const = default;
};
FileId id_of(const std::string& path) {
  struct stat found {};
  return ::stat(path.c_str(), &found) == 0 ? FileId{found.st_dev, found.st_ino} : FileId{};
}

Status failure(int code, const std::string& path, const std::string& reason) {
  if (code == SQLITE_IOERR_SHORT_READ) return fail(Code::data_corrupt, "{} is damaged: it ends too early", path);
  switch (code & 0xff) {
    case SQLITE_BUSY:
    case SQLITE_LOCKED: return fail(Code::unavailable, "{} is locked by another process: end what holds it, or try again", path);
    case SQLITE_FULL: return fail(Code::unavailable, "the disk that holds {} is full: make room on it, or name another --memory", path);
    case SQLITE_READONLY:
    case SQLITE_PERM:
    case SQLITE_CANTOPEN:
      return fail(Code::unavailable, "{} cannot be opened for writing ({}): make it and its folder writable, or name another --memory",
                  path, reason);
    case SQLITE_CORRUPT: return fail(Code::data_corrupt, "{} is damaged ({})", path, reason);
    case SQLITE_NOTADB: return fail(Code::data_corrupt, "{} is no SQLite database", path);
    case SQLITE_IOERR: return fail(Code::unavailable, "{} cannot be read or written ({}): check its disk", path, reason);
    case SQLITE_NOMEM: return fail(Code::unavailable, "no memory left for {}", path);
    default: return fail(Code::internal, "{}: {}", path, reason);
  }
}

class Sqlite final : public Sql {
 public:
  Sqlite(sqlite3* handle, std::string path) : handle_(handle, sqlite3_close_v2), path_(std::move(path)) {}

  Status run(const std::string& text, std::span<const FieldValue> parameters, const TakeRow& take) override {
    SEDMA_ASSIGN_OR_RETURN(sqlite3_stmt * statement, prepare(text));
    Status status = bind(statement, parameters);
    if (status.ok()) status = step(statement, take);
    sqlite3_reset(statement);
    sqlite3_clear_bindings(statement);
    return status;
  }
  Status begin() override {
    if (id_ != FileId{} && id_of(path_) != id_)
      return fail(Code::unavailable, "{} was replaced or removed while it was open", path_);  // connecting again finds what is there
    return run("BEGIN IMMEDIATE", {}, {});
  }
  const std::string& place() const override { return path_; }
  std::uint64_t bytes() const override {
    std::error_code error;
    const auto size = std::filesystem::file_size(path_, error);
    return error ? 0 : size;
  }
  bool wal() const override { return wal_; }
  bool begun_anew() const override { return begun_anew_; }

  void begin_anew() { begun_anew_ = true; }
  void opened(bool wal) {
    wal_ = wal;
    id_ = id_of(path_);
  }
  Result<FieldValue> ask(const std::string& text) {
    FieldValue answer;
    SEDMA_RETURN_IF_ERROR(run(text, {}, [&](std::span<const FieldValue> row) {
      answer = row[0];
      return Status();
    }));
    return answer;
  }
  sqlite3* handle() const { return handle_.get(); }

 private:
  Status failed(int code) const { return failure(code, path_, sqlite3_errmsg(handle_.get())); }

  Result<sqlite3_stmt*> prepare(const std::string& text) {
    auto found = statements_.find(text);
    if (found != statements_.end()) return found->second.get();
    sqlite3_stmt* made = nullptr;
    if (const int code = sqlite3_prepare_v2(handle_.get(), text.c_str(), -1, &made, nullptr); code != SQLITE_OK) return failed(code);
    statements_.emplace(text, Statement(made, sqlite3_finalize));
    return made;
  }
  Status bind(sqlite3_stmt* statement, std::span<const FieldValue> parameters) const {
    for (std::size_t k = 0; k < parameters.size(); ++k) {
      const int at = static_cast<int>(k) + 1;
      int code = SQLITE_OK;
      if (const auto* whole = std::get_if<std::int64_t>(&parameters[k])) code = sqlite3_bind_int64(statement, at, *whole);
      if (const auto* number = std::get_if<double>(&parameters[k])) code = sqlite3_bind_double(statement, at, *number);
      if (const auto* text = std::get_if<std::string>(&parameters[k]))
        code = sqlite3_bind_text(statement, at, text->c_str(), static_cast<int>(text->size()), SQLITE_TRANSIENT);
      if (code != SQLITE_OK) return failed(code);
    }
    return {};
  }
  Status step(sqlite3_stmt* statement, const TakeRow& take) {
    row_.resize(static_cast<std::size_t>(sqlite3_column_count(statement)));
    int code = SQLITE_ROW;
    while ((code = sqlite3_step(statement)) == SQLITE_ROW) {
      for (int k = 0; k < static_cast<int>(row_.size()); ++k) row_[static_cast<std::size_t>(k)] = column(statement, k);
      if (take) SEDMA_RETURN_IF_ERROR(take(row_));
    }
    return code == SQLITE_DONE ? Status() : failed(code);
  }
  static FieldValue column(sqlite3_stmt* statement, int k) {
    switch (sqlite3_column_type(statement, k)) {
      case SQLITE_INTEGER: return std::int64_t{sqlite3_column_int64(statement, k)};
      case SQLITE_FLOAT: return sqlite3_column_double(statement, k);
      case SQLITE_NULL: return {};
      default: {  // blobs too, where damage made them
        const void* bytes = sqlite3_column_blob(statement, k);
        const auto size = static_cast<std::size_t>(sqlite3_column_bytes(statement, k));
        return bytes == nullptr ? std::string() : std::string(static_cast<const char*>(bytes), size);
      }
    }
  }

  using Statement = std::unique_ptr<sqlite3_stmt, int (*)(sqlite3_stmt*)>;
  std::unique_ptr<sqlite3, int (*)(sqlite3*)> handle_;
  std::string path_;
  std::unordered_map<std::string, Statement> statements_;
  std::vector<FieldValue> row_;
  FileId id_;
  bool wal_ = false, begun_anew_ = false;
};

// Looked at only where SQLite has found damage: SQLite itself must not be kept from its locks by a second descriptor.
bool is_known_for_ours(const std::string& path) {
  const Result<std::string> bytes = calibration::read_file(path, 0, searched_bytes);
  if (!bytes.ok()) return false;
  std::uint32_t id = 0;
  for (std::size_t k = 68; k < 72 && bytes->size() >= 72; ++k) id = id << 8 | static_cast<unsigned char>((*bytes)[k]);
  return (bytes->rfind("SQLite format 3", 0) == 0 && id == application_id) || bytes->find(store_mark) != std::string::npos;
}

/// Renames the file with its log. Of several processes that find the same damage one does it: true for that one.
Result<bool> set_aside(const std::string& path, FileId examined, const std::string& why, const Log& log) {
  const int descriptor = ::open(path.c_str(), O_RDONLY | O_CLOEXEC);
  if (descriptor < 0) return false;  // another process was first
  const bool mine = ::flock(descriptor, LOCK_EX) == 0 && id_of(path) == examined;
  Status status;
  if (mine) {
    std::string name = fmt::format("{}.damaged-{:%Y%m%dT%H%M%SZ}", path, fmt::gmtime(std::time(nullptr)));
    for (int more = 2; ::access(name.c_str(), F_OK) == 0; ++more)
      name = fmt::format("{}.damaged-{:%Y%m%dT%H%M%SZ}-{}", path, fmt::gmtime(std::time(nullptr)), more);
    for (const char* part : {"-wal", "-journal"}) ::rename((path + part).c_str(), (name + part).c_str());  // absent mostly
    ::unlink((path + "-shm").c_str());
    if (::rename(path.c_str(), name.c_str()) != 0)
      status = fail(Code::unavailable, "{}, and it cannot be set aside ({}): move it away", why, std::strerror(errno));
    else if (log)
      log(fmt::format("{}; it is kept as {}, and a new memory begins", why, name));
  }
  ::close(descriptor);
  if (!status.ok()) return status;
  return mine;
}

Result<std::unique_ptr<Sqlite>> open_file(const SqliteFile& file) {
  sqlite3* handle = nullptr;
  const int code = sqlite3_open_v2(file.path.c_str(), &handle, SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE | SQLITE_OPEN_NOMUTEX, nullptr);
  auto sqlite = std::make_unique<Sqlite>(handle, file.path);
  if (code != SQLITE_OK) return failure(code, file.path, handle == nullptr ? "no memory" : sqlite3_errmsg(handle));
  sqlite3_extended_result_codes(handle, 1);
  sqlite3_busy_timeout(handle, file.busy_milliseconds);
  SEDMA_ASSIGN_OR_RETURN(const FieldValue tables, sqlite->ask("SELECT count(*) FROM sqlite_schema"));
  SEDMA_ASSIGN_OR_RETURN(const FieldValue ours, sqlite->ask("SELECT count(*) FROM sqlite_schema WHERE name = 'sedma_store'"));
  if (tables != FieldValue(std::int64_t{0}) && ours == FieldValue(std::int64_t{0}))
    return fail(Code::invalid_argument, "{} is a database of another program; name another --memory", file.path);
  if (sqlite3_db_readonly(handle, "main") != 0) return failure(SQLITE_READONLY, file.path, "it is read-only");
  SEDMA_ASSIGN_OR_RETURN(const FieldValue check, sqlite->ask("PRAGMA quick_check(1)"));
  if (check != FieldValue(std::string("ok"))) return fail(Code::data_corrupt, "{} is damaged", file.path);
  const bool remote = file.is_remote(file.path);
  SEDMA_ASSIGN_OR_RETURN(const FieldValue journal, sqlite->ask(remote ? "PRAGMA journal_mode=DELETE" : "PRAGMA journal_mode=WAL"));
  SEDMA_RETURN_IF_ERROR(sqlite->run("PRAGMA synchronous=FULL", {}, {}));
  SEDMA_RETURN_IF_ERROR(sqlite->run("PRAGMA cache_size=-128", {}, {}));  // KiB: what is read comes from the file, so damage is noticed
  SEDMA_ASSIGN_OR_RETURN(const FieldValue id, sqlite->ask("PRAGMA application_id"));
  if (id != FieldValue(std::int64_t{application_id}))
    SEDMA_RETURN_IF_ERROR(sqlite->run(fmt::format("PRAGMA application_id={}", application_id), {}, {}));
  const bool wal = journal == FieldValue(std::string("wal"));
  if (!wal && file.log)
    file.log(fmt::format("{} {}: it is kept without a write-ahead log, and processes that share it wait for each other longer", file.path,
                         remote ? "lies on a network file system" : "allows no write-ahead log"));
  sqlite->opened(wal);
  return sqlite;
}

}  // namespace

bool on_network_file_system(const std::string& path) {
  // <linux/magic.h> has only some of them: NFS, SMB, CIFS, SMB2, FUSE (sshfs), Ceph, Lustre, GPFS, BeeGFS, AFS, 9p, Coda, NCP.
  constexpr std::array<std::uint32_t, 13> magics = {0x6969,     0x517b,     0xff534d42, 0xfe534d42, 0x65735546, 0x00c36400, 0x0bd00bd0,
                                                    0x47504653, 0x19830326, 0x5346414f, 0x01021997, 0x73757245, 0x564c};
  struct statfs found {};
  const std::string folder = std::filesystem::path(path).parent_path().string();
  if (::statfs(folder.empty() ? "." : folder.c_str(), &found) != 0) return false;
  return std::find(magics.begin(), magics.end(), static_cast<std::uint32_t>(found.f_type)) != magics.end();
}

Result<std::unique_ptr<Sql>> connect_sqlite(const SqliteFile& file, bool damaged) {
  std::error_code error;
  const std::filesystem::path folder = std::filesystem::path(file.path).parent_path();
  if (!folder.empty()) std::filesystem::create_directories(folder, error);
  if (error) return fail(Code::unavailable, "the folder {} cannot be made: {}", folder.string(), error.message());
  if (std::filesystem::exists(file.path, error)) SEDMA_RETURN_IF_ERROR(calibration::check_readable_file(file.path));
  const FileId examined = id_of(file.path);
  Status why;
  if (damaged) {
    why = fail(Code::data_corrupt, "{} is damaged", file.path);
  } else {
    auto opened = open_file(file);
    if (opened.ok()) return std::unique_ptr<Sql>(std::move(opened).value());
    why = opened.status();
  }
  if (why.code() != Code::data_corrupt) return why;
  if (!damaged && !is_known_for_ours(file.path))
    return fail(Code::invalid_argument, "{} is not a memory of SEDMA, or damaged beyond knowing: move it away, or name another --memory",
                file.path);
  SEDMA_ASSIGN_OR_RETURN(const bool mine, set_aside(file.path, examined, why.message(), file.log));
  SEDMA_ASSIGN_OR_RETURN(auto opened, open_file(file));
  if (mine) opened->begin_anew();
  return std::unique_ptr<Sql>(std::move(opened));
}

}  // namespace sedma::runtime
