#include "runtime/memory/sql_store.h"

#include <fmt/format.h>
#include <xxhash.h>

#include <bit>
#include <charconv>
#include <ctime>

#include "runtime/memory/usefulness.h"

namespace sedma::runtime {
namespace {

constexpr std::int64_t silent_writer_seconds = 30 * 86400;  // after which its last batch is not asked for any more

const char* type_name(FieldType type) {
  return type == FieldType::text ? "TEXT" : type == FieldType::integer ? "BIGINT" : "DOUBLE PRECISION";
}

std::string make_patterns_table() {
  std::string text = "CREATE TABLE IF NOT EXISTS sedma_patterns (pattern_key TEXT PRIMARY KEY";
  for (const Field& field : pattern_fields())
    text += fmt::format(", {} {}{}", field.name, type_name(field.type), field.name == "temperature_kelvin" ? "" : " NOT NULL");
  return text + ", row_xxh3 TEXT NOT NULL)";
}

std::string columns() {
  std::string text = "pattern_key";
  for (const Field& field : pattern_fields()) text += ", " + field.name;
  return text + ", row_xxh3";
}

const std::string& select_all() {
  static const std::string text = "SELECT " + columns() + " FROM sedma_patterns";
  return text;
}

const std::string& select_one() {
  static const std::string text = select_all() + " WHERE pattern_key = $1";
  return text;
}

const std::string& upsert() {
  static const std::string text = [] {
    std::string values = "$1", updates;
    std::size_t number = 1;
    for (const Field& field : pattern_fields()) {
      values += fmt::format(", ${}", ++number);
      updates += fmt::format("{0} = excluded.{0}, ", field.name);
    }
    return fmt::format(
        "INSERT INTO sedma_patterns ({}) VALUES ({}, ${}) ON CONFLICT (pattern_key) DO UPDATE SET {}row_xxh3 = excluded.row_xxh3",
        columns(), values, number + 1, updates);
  }();
  return text;
}

// Of every bit of a row: databases find damage of their own structures, not of numbers.
std::string checksum(const std::string& key, std::span<const FieldValue> values) {
  std::string bytes = key;
  for (const FieldValue& value : values) {
    bytes += static_cast<char>('0' + value.index());
    if (const auto* text = std::get_if<std::string>(&value)) {
      bytes += *text;
      bytes += '\0';
      continue;
    }
    std::uint64_t number = 0;
    if (const auto* whole = std::get_if<std::int64_t>(&value)) number = static_cast<std::uint64_t>(*whole);
    if (const auto* real = std::get_if<double>(&value)) number = std::bit_cast<std::uint64_t>(*real + 0.0);
    for (unsigned shift = 0; shift < 64; shift += 8) bytes += static_cast<char>(number >> shift);
  }
  return fmt::format("{:016x}", XXH3_64bits(bytes.data(), bytes.size()));
}

/// Nothing if the row is not what was written.
std::optional<std::pair<PatternKey, Pattern>> read_row(std::span<const FieldValue> row) {
  const auto* name = row.empty() ? nullptr : std::get_if<std::string>(&row.front());
  const auto* sum = row.empty() ? nullptr : std::get_if<std::string>(&row.back());
  if (name == nullptr || sum == nullptr || row.size() != pattern_fields().size() + 2) return {};
  const auto values = row.subspan(1, row.size() - 2);
  if (*sum != checksum(*name, values)) return {};
  Result<Pattern> pattern = pattern_from(values);
  if (!pattern.ok()) return {};
  const PatternKey key = key_of(pattern->context, pattern->choice);
  if (key.hex() != *name) return {};
  return std::pair(key, std::move(pattern).value());
}

}  // namespace

void follow(Changes& changes, const PatternKey& key, const Change& later) {
  const auto [found, added] = changes.try_emplace(key, later);
  if (added) return;
  if (later.erase) {
    found->second = later;
  } else if (later.delta) {
    if (found->second.delta)
      merge(*found->second.delta, *later.delta);
    else
      found->second.delta = later.delta;
  }
}

Result<std::unique_ptr<SqlStore>> SqlStore::open(std::unique_ptr<Sql> sql, std::size_t capacity, const Log& log) {
  auto store = std::unique_ptr<SqlStore>(new SqlStore(std::move(sql), capacity, log));
  SEDMA_RETURN_IF_ERROR(store->transaction([&] { return store->migrate(); }));
  return store;
}

template <class Body>
Status SqlStore::transaction(const Body& body) {
  SEDMA_RETURN_IF_ERROR(sql_->begin());
  Status status = body();
  if (status.ok()) status = sql_->run("COMMIT");
  if (!status.ok()) (void)sql_->run("ROLLBACK");  // the first failure is the one to tell
  return status;
}

Status SqlStore::migrate() {
  SEDMA_RETURN_IF_ERROR(sql_->run(
      "CREATE TABLE IF NOT EXISTS sedma_store (only_row BIGINT PRIMARY KEY, schema_version BIGINT NOT NULL, about TEXT NOT NULL)"));
  SEDMA_RETURN_IF_ERROR(check_version());
  SEDMA_RETURN_IF_ERROR(sql_->run(make_patterns_table()));
  SEDMA_RETURN_IF_ERROR(sql_->run(
      "CREATE TABLE IF NOT EXISTS sedma_writers (writer TEXT PRIMARY KEY, batch BIGINT NOT NULL, written_utc_seconds BIGINT NOT NULL)"));
  const std::vector<FieldValue> row = {schema_version, std::string(store_mark)};
  return sql_->run("INSERT INTO sedma_store (only_row, schema_version, about) VALUES (1, $1, $2) ON CONFLICT (only_row) DO NOTHING", row);
}

Status SqlStore::check_version() {
  std::int64_t found = schema_version;
  SEDMA_RETURN_IF_ERROR(sql_->run("SELECT schema_version FROM sedma_store", {}, [&](std::span<const FieldValue> row) {
    if (const auto* version = std::get_if<std::int64_t>(&row[0])) found = *version;
    return Status();
  }));
  if (found == schema_version) return {};
  return fail(Code::unsupported, "{} has schema version {}, this SEDMA knows {}: use the newer SEDMA that wrote it, or another --memory",
              sql_->place(), found, schema_version);
}

Status SqlStore::apply(const Changes& changes, const std::string& writer, std::int64_t number) {
  return transaction([&]() -> Status {
    SEDMA_RETURN_IF_ERROR(check_version());
    bool applied = false;
    const std::vector<FieldValue> name = {writer};
    SEDMA_RETURN_IF_ERROR(sql_->run("SELECT batch FROM sedma_writers WHERE writer = $1", name, [&](std::span<const FieldValue> row) {
      applied = row[0] == FieldValue(number);
      return Status();
    }));
    if (applied) return {};
    for (const auto& [key, change] : changes) SEDMA_RETURN_IF_ERROR(write(key, change));
    SEDMA_RETURN_IF_ERROR(evict());
    const std::vector<FieldValue> mark = {writer, number, std::int64_t{std::time(nullptr)}};
    return sql_->run(
        "INSERT INTO sedma_writers (writer, batch, written_utc_seconds) VALUES ($1, $2, $3) ON CONFLICT (writer) DO UPDATE SET batch = "
        "excluded.batch, written_utc_seconds = excluded.written_utc_seconds",
        mark);
  });
}

Status SqlStore::write(const PatternKey& key, const Change& change) {
  if (change.erase) {
    const std::vector<FieldValue> name = {key.hex()};
    SEDMA_RETURN_IF_ERROR(sql_->run("DELETE FROM sedma_patterns WHERE pattern_key = $1", name));
  }
  if (!change.delta) return {};
  SEDMA_ASSIGN_OR_RETURN(std::optional<Pattern> known, get(key));
  if (known)
    merge(*known, *change.delta);
  else if (change.delta->evidence > 0)
    known = change.delta;
  return known ? put(key, *known) : Status();
}

Status SqlStore::put(const PatternKey& key, const Pattern& pattern) {
  const std::vector<FieldValue> values = fields_from(pattern);
  std::vector<FieldValue> row = {key.hex()};
  row.insert(row.end(), values.begin(), values.end());
  row.emplace_back(checksum(key.hex(), values));
  return sql_->run(upsert(), row);
}

Result<std::optional<Pattern>> SqlStore::get(const PatternKey& key) {
  std::optional<Pattern> found;
  const std::vector<FieldValue> name = {key.hex()};
  SEDMA_RETURN_IF_ERROR(sql_->run(select_one(), name, [&](std::span<const FieldValue> row) {
    if (auto read = read_row(row)) found = std::move(read->second);  // a damaged row is replaced
    return Status();
  }));
  return found;
}

Status SqlStore::evict() {
  std::int64_t rows = 0;
  SEDMA_RETURN_IF_ERROR(sql_->run("SELECT count(*) FROM sedma_patterns", {}, [&](std::span<const FieldValue> row) {
    if (const auto* count = std::get_if<std::int64_t>(&row[0])) rows = *count;
    return Status();
  }));
  const std::size_t count = evicted_count(static_cast<std::size_t>(rows), capacity_);
  if (count == 0) return {};
  SEDMA_ASSIGN_OR_RETURN(const auto patterns, load());
  std::vector<Standing> standings;
  standings.reserve(patterns.size());
  for (const auto& [key, pattern] : patterns) standings.push_back(standing_of(key, pattern));
  for (const PatternKey& key : least_useful(standings, count)) {
    const std::vector<FieldValue> name = {key.hex()};
    SEDMA_RETURN_IF_ERROR(sql_->run("DELETE FROM sedma_patterns WHERE pattern_key = $1", name));
  }
  return {};
}

Result<std::vector<std::pair<PatternKey, Pattern>>> SqlStore::load() {
  std::vector<std::pair<PatternKey, Pattern>> patterns;
  std::size_t damaged = 0;
  SEDMA_RETURN_IF_ERROR(sql_->run(select_all(), {}, [&](std::span<const FieldValue> row) {
    if (auto read = read_row(row))
      patterns.push_back(std::move(*read));
    else
      ++damaged;
    return Status();
  }));
  if (damaged > 0 && log_)
    log_(fmt::format("{} of {} patterns in {} are damaged and left out", damaged, damaged + patterns.size(), sql_->place()));
  return patterns;
}

Status SqlStore::leave(const std::string& writer) {
  const std::vector<FieldValue> old = {writer, std::int64_t{std::time(nullptr)} - silent_writer_seconds};
  return sql_->run("DELETE FROM sedma_writers WHERE writer = $1 OR written_utc_seconds < $2", old);
}

}  // namespace sedma::runtime
