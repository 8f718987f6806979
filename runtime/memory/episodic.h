#pragma once
// Long-term memory: up to 10,000 patterns, found by nearness, kept in SQLite or PostgreSQL behind the back of the work.

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "hal/status.h"
#include "runtime/memory/pattern.h"

namespace sedma::runtime {

struct EpisodicOptions {
  std::size_t capacity = 10000;
  /// Told what a user should know (a damaged store set aside, no WAL on NFS, a store that cannot be written), in whole sentences, from any
  /// thread. Without it nothing is printed.
  std::function<void(const std::string& sentence)> log;
};

struct Recalled {
  PatternKey key;
  double distance = 0;               ///< Euclidean, between feature vectors
  const Pattern* pattern = nullptr;  ///< until the next remember(), forget() or refresh()
};

struct EpisodicStats {
  std::string store;  ///< "none", the file, or the server without its password
  std::size_t patterns = 0, capacity = 0, materials = 0, boards = 0, matrices = 0;
  std::uint64_t evidence = 0;  ///< summed
  std::int64_t schema_version = 0;
  std::uint64_t bytes = 0;  ///< of the file
  bool wal = false;
};

/// Used by one thread; writes happen behind it, in batches. Several processes may share a store. Only rank 0 of a job opens one.
class EpisodicMemory {
 public:
  /// `where`: "none" (in this process only), a file (SQLite), or postgresql://... A damaged file is renamed (".damaged-DATE" added) and
  /// told of, and the memory begins empty; damage found later loses nothing that this process knows. A file that is no memory of SEDMA is
  /// left as it is and refused. Errors: unavailable (the store cannot be opened or reached: callers go on with "none" and say
  /// so), unsupported (written by a newer version), invalid_argument (another scheme, a file of something else).
  static Result<std::unique_ptr<EpisodicMemory>> open(const std::string& where, const EpisodicOptions& options = {});
  virtual ~EpisodicMemory() = default;  ///< flushes

  /// The k nearest, nearest first; ties by key. Cost: p50 <= 50 us of 10,000 for k = 8.
  virtual std::vector<Recalled> nearest(const FeatureVector& point, std::size_t k) const = 0;
  /// Cost: <= 5 us.
  virtual const Pattern* find(const PatternKey& key) const = 0;
  virtual std::vector<Recalled> all() const = 0;  ///< by key; distance 0
  /// Adds, or merges with what is there of the same key; evicts the least useful beyond the capacity. Written behind.
  /// What cannot be kept (numbers that are not finite ...) is told of and left out.
  virtual void remember(const Pattern& pattern) = 0;
  /// Remembers all of them, durable, or none: a store never holds half of an import. Errors: invalid_argument (a pattern that cannot be
  /// kept: says which and why), unavailable (they wait to be written).
  virtual Status import(std::span<const Pattern> patterns) = 0;
  /// The tuner profited by it: adds to its usefulness, which halves in 90 days. by > 0
  virtual void reward(const PatternKey& key, double by) = 0;
  virtual bool forget(const PatternKey& key) = 0;
  /// Everything remembered before is durable when this returns ok: a kill -9 loses none of it. Errors: unavailable.
  virtual Status flush() = 0;
  /// Takes over what other processes have written since. Errors: unavailable.
  virtual Status refresh() = 0;
  virtual EpisodicStats stats() const = 0;
};

/// $SEDMA_MEMORY, or sedma/memory.sqlite under $XDG_DATA_HOME (default ~/.local/share).
std::string default_memory_path();

}  // namespace sedma::runtime
