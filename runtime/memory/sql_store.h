#pragma once
// Patterns in a database: schema, migrations, batches. The same SQL for SQLite and PostgreSQL.

#include <map>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "runtime/memory/sql.h"

namespace sedma::runtime {

/// What is to be written of one key: first its end, then what came after.
struct Change {
  bool erase = false;
  std::optional<Pattern> delta;  ///< merged with what is there; without evidence: a reward, dropped if nothing is there
};
using Changes = std::map<PatternKey, Change>;
/// Adds a later change of the same key.
void follow(Changes& changes, const PatternKey& key, const Change& later);

class SqlStore {
 public:
  static constexpr std::int64_t schema_version = 1;

  /// Makes the tables where there are none, and migrates older ones. Errors: unsupported (made by a newer version), and of Sql.
  static Result<std::unique_ptr<SqlStore>> open(std::unique_ptr<Sql> sql, std::size_t capacity, const Log& log);
  /// Applies changes in one transaction, durable when ok. A batch of the same (writer, number) counts once, however often it is sent:
  /// after a lost answer it can be sent again. Beyond the capacity the least useful rows go. Errors: unsupported, and of Sql.
  Status apply(const Changes& changes, const std::string& writer, std::int64_t number);
  /// Everything there is; rows that do not agree with their checksums are left out and told of.
  Result<std::vector<std::pair<PatternKey, Pattern>>> load();
  /// The writer will write no more.
  Status leave(const std::string& writer);
  const Sql& sql() const noexcept { return *sql_; }

 private:
  SqlStore(std::unique_ptr<Sql> sql, std::size_t capacity, Log log) : sql_(std::move(sql)), capacity_(capacity), log_(std::move(log)) {}
  template <class Body>
  Status transaction(const Body& body);
  Status migrate();
  Status check_version();
  Status write(const PatternKey& key, const Change& change);
  Status put(const PatternKey& key, const Pattern& pattern);
  Result<std::optional<Pattern>> get(const PatternKey& key);
  Status evict();

  std::unique_ptr<Sql> sql_;
  std::size_t capacity_;
  Log log_;
};

}  // namespace sedma::runtime
