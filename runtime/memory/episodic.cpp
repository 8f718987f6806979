#include "runtime/memory/episodic.h"

#include <fmt/format.h>

#include <cstdlib>
#include <ctime>
#include <set>

#include "runtime/memory/pattern_index.h"
#include "runtime/memory/postgres.h"
#include "runtime/memory/sqlite.h"
#include "runtime/memory/write_behind.h"

namespace sedma::runtime {
namespace {

class IndexedMemory final : public EpisodicMemory {
 public:
  explicit IndexedMemory(const EpisodicOptions& options) : options_(options) {}
  IndexedMemory(const EpisodicOptions& options, std::unique_ptr<WriteBehind> writer, const WriteBehind::Loaded& loaded)
      : options_(options), writer_(std::move(writer)) {
    take(loaded);
  }
  IndexedMemory(const IndexedMemory&) = delete;
  IndexedMemory& operator=(const IndexedMemory&) = delete;
  ~IndexedMemory() override {
    if (writer_ != nullptr && writer_->must_start_over()) writer_->start_over(everything());
  }

  std::vector<Recalled> nearest(const FeatureVector& point, std::size_t k) const override { return index_.nearest(point, k); }
  const Pattern* find(const PatternKey& key) const override { return index_.find(key); }
  std::vector<Recalled> all() const override { return index_.all(); }

  void remember(const Pattern& pattern) override {
    if (const Status status = admissible(pattern); !status.ok()) {
      if (options_.log) options_.log("not remembered: " + status.message());
      return;
    }
    const PatternKey key = key_of(pattern.context, pattern.choice);
    index_.add(key, pattern);
    index_.evict(options_.capacity, key);
    if (writer_ != nullptr) writer_->change({{key, {false, pattern}}});
  }
  Status import(std::span<const Pattern> patterns) override {
    Changes changes;
    for (std::size_t k = 0; k < patterns.size(); ++k) {
      SEDMA_RETURN_IF_ERROR(admissible(patterns[k]).with_context(fmt::format("pattern {}", k)));
      follow(changes, key_of(patterns[k].context, patterns[k].choice), {false, patterns[k]});
    }
    for (const auto& [key, change] : changes) {
      index_.add(key, *change.delta);
      index_.evict(options_.capacity, key);
    }
    if (writer_ != nullptr) writer_->change(changes);
    return flush();
  }
  void reward(const PatternKey& key, double by) override {
    const Pattern* known = index_.find(key);
    if (known == nullptr || !(by > 0) || !(by < 1e9)) return;
    Pattern more;
    more.context = known->context;
    more.choice = known->choice;
    more.evidence = 0;
    more.usefulness = by;
    more.used_utc_seconds = std::time(nullptr);
    index_.add(key, more);
    if (writer_ != nullptr) writer_->change({{key, {false, more}}});
  }
  bool forget(const PatternKey& key) override {
    if (!index_.erase(key)) return false;
    if (writer_ != nullptr) writer_->change({{key, {true, {}}}});
    return true;
  }
  Status flush() override {
    if (writer_ == nullptr) return {};
    Status status = writer_->flush();
    if (!writer_->must_start_over()) return status;
    writer_->start_over(everything());
    return writer_->flush();
  }
  Status refresh() override {
    if (writer_ == nullptr) return {};
    auto loaded = writer_->reload();
    if (writer_->must_start_over()) {
      writer_->start_over(everything());
      loaded = writer_->reload();
    }
    if (!loaded.ok()) return loaded.status();
    index_.clear();
    take(*loaded);
    return {};
  }

  EpisodicStats stats() const override {
    EpisodicStats stats;
    stats.store = "none";
    if (writer_ != nullptr) {
      const StoreFacts facts = writer_->facts();
      stats.store = facts.place;
      stats.bytes = facts.bytes;
      stats.wal = facts.wal;
      stats.schema_version = SqlStore::schema_version;
    }
    stats.patterns = index_.size();
    stats.capacity = options_.capacity;
    std::set<std::string> materials, boards;
    std::set<std::uint64_t> matrices;
    for (const Recalled& each : index_.all()) {
      materials.insert(each.pattern->context.material);
      boards.insert(each.pattern->context.board);
      matrices.insert(each.pattern->context.matrix.content);
      stats.evidence += each.pattern->evidence;
    }
    stats.materials = materials.size();
    stats.boards = boards.size();
    stats.matrices = matrices.size();
    return stats;
  }

 private:
  static Status admissible(const Pattern& pattern) {
    if (pattern.evidence == 0) return fail(Code::invalid_argument, "evidence of a pattern must be at least 1");
    return validate(pattern);
  }
  void take(const WriteBehind::Loaded& loaded) {
    for (const auto& [key, pattern] : loaded) index_.add(key, pattern);
    if (!loaded.empty()) index_.evict(options_.capacity, loaded.front().first);
  }
  Changes everything() const {
    Changes changes;
    for (const Recalled& each : index_.all()) changes[each.key] = {false, *each.pattern};
    return changes;
  }

  EpisodicOptions options_;
  PatternIndex index_;
  std::unique_ptr<WriteBehind> writer_;
};

Connect connector(const std::string& where, const EpisodicOptions& options) {
  if (where.rfind("postgresql://", 0) == 0 || where.rfind("postgres://", 0) == 0) return [where](bool) { return connect_postgres(where); };
  SqliteFile file;
  file.path = where;
  file.log = options.log;
  return [file](bool damaged) { return connect_sqlite(file, damaged); };
}

}  // namespace

Result<std::unique_ptr<EpisodicMemory>> EpisodicMemory::open(const std::string& where, const EpisodicOptions& options) {
  if (options.capacity == 0) return fail(Code::invalid_argument, "a memory for 0 patterns holds nothing; name none instead");
  if (where == "none") return std::unique_ptr<EpisodicMemory>(std::make_unique<IndexedMemory>(options));
  const bool server = where.rfind("postgresql://", 0) == 0 || where.rfind("postgres://", 0) == 0;
  if (where.empty() || (!server && where.find("://") != std::string::npos))
    return fail(Code::invalid_argument, "a memory is none, a file, or postgresql://user@host:port/database, not a URI of another scheme");
  const Connect connect = connector(where, options);
  SEDMA_ASSIGN_OR_RETURN(auto sql, connect(false));
  auto opened = SqlStore::open(std::move(sql), options.capacity, options.log);
  SEDMA_RETURN_IF_ERROR(opened.status());
  auto store = std::move(opened).value();
  auto loaded = store->load();
  if (loaded.status().code() == Code::data_corrupt) {  // what a check of the pages did not find
    store.reset();
    SEDMA_ASSIGN_OR_RETURN(sql, connect(true));
    SEDMA_ASSIGN_OR_RETURN(store, SqlStore::open(std::move(sql), options.capacity, options.log));
    loaded = store->load();
  }
  SEDMA_RETURN_IF_ERROR(loaded.status());
  WriteBehindOptions behind;
  behind.capacity = options.capacity;
  behind.log = options.log;
  auto writer = std::make_unique<WriteBehind>(std::move(store), connect, behind);
  return std::unique_ptr<EpisodicMemory>(std::make_unique<IndexedMemory>(options, std::move(writer), *loaded));
}

std::string default_memory_path() {
  const auto variable = [](const char* name) {
    const char* value = std::getenv(name);
    return std::string(value == nullptr ? "" : value);
  };
  if (const std::string path = variable("SEDMA_MEMORY"); !path.empty()) return path;
  const std::string data = variable("XDG_DATA_HOME");
  if (!data.empty() && data.front() == '/') return data + "/sedma/memory.sqlite";  // the standard ignores relative ones
  return variable("HOME") + "/.local/share/sedma/memory.sqlite";
}

}  // namespace sedma::runtime
