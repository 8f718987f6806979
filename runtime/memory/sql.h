#pragma once
// One connection to a database, SQLite's or PostgreSQL's, as far as a memory needs it.

#include <cstdint>
#include <functional>
#include <memory>
#include <span>
#include <string>

#include "runtime/memory/fields.h"

namespace sedma::runtime {

/// Used by one thread at a time. Errors of all calls: unavailable (locked, full, read-only, unreachable: says what to do), data_corrupt
/// (damaged), internal (the database did not take the text).
class Sql {
 public:
  using TakeRow = std::function<Status(std::span<const FieldValue> row)>;
  virtual ~Sql() = default;
  /// One statement, its parameters as $1, $2 ..., each first used in this order. `take` sees every row; its failure ends the call.
  virtual Status run(const std::string& text, std::span<const FieldValue> parameters = {}, const TakeRow& take = {}) = 0;
  /// Begins a transaction that will write: others that do the same wait.
  virtual Status begin() = 0;
  /// The file, or the server without its password.
  virtual const std::string& place() const = 0;
  virtual std::uint64_t bytes() const = 0;
  virtual bool wal() const = 0;
  /// What stood here was damaged and has been set aside by this connection.
  virtual bool begun_anew() const { return false; }
};

using Log = std::function<void(const std::string& sentence)>;

/// Stands in every store, in a row of its own: by it a damaged file is known for one of ours.
inline constexpr const char* store_mark = "SEDMA long-term memory: pattern_key and row_xxh3 are checksums, do not edit rows";

/// `damaged`: something read from it was; what stands there must not be used again.
using Connect = std::function<Result<std::unique_ptr<Sql>>(bool damaged)>;

}  // namespace sedma::runtime
