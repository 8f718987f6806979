#pragma once
// A workbench without a device, for tests: whole numbers, so that sums are known exactly, and troubles on demand.

#include <condition_variable>
#include <functional>
#include <map>
#include <mutex>
#include <set>
#include <stdexcept>
#include <string>
#include <vector>

#include "runtime/comm/bench.h"

namespace sedma::test {

/// What a test asks of the bench of one rank, and what it did. Thread-safe by its mutex.
struct FakeControl {
  std::mutex mutex;
  std::condition_variable changed;
  /// Called with "program" or "multiply" and how often that was asked for so far (from 1); not ok: it fails with that. May throw.
  std::function<Status(const std::string& what, int count)> trouble;
  bool turns = false;        ///< tells hashes only after the first product
  bool gate_closed = false;  ///< products wait until it is opened, or stop()
  bool waiting_at_gate = false;
  std::map<std::string, int> asked;
  std::map<std::uint32_t, int> programmings;  ///< of every group
  std::vector<std::uint32_t> restorable;

  void open_gate() {
    const std::lock_guard lock(mutex);
    gate_closed = false;
    changed.notify_all();
  }
  void wait_until_at_gate() {
    std::unique_lock lock(mutex);
    changed.wait(lock, [&] { return waiting_at_gate; });
  }
  int times(const std::string& what) {
    const std::lock_guard lock(mutex);
    return asked[what];
  }
  int programmed() {
    const std::lock_guard lock(mutex);
    int sum = 0;
    for (const auto& [group, count] : programmings) sum += count;
    return sum;
  }
};

/// Of a tile programmed as `ordinal`, output i of vector b gets (ordinal + 1) * (A x)_i + task.vector + b: who works with other cells, with
/// another vector, twice or not at all is found out.
class FakeBench final : public runtime::Workbench {
 public:
  FakeBench(FakeControl& control, const runtime::Plan& plan, const runtime::TileValues& values, runtime::StageWatch progress)
      : control_(control), plan_(plan), values_(values), progress_(std::move(progress)) {}

  void hold(std::span<const std::uint32_t> groups) override { held_.insert(groups.begin(), groups.end()); }
  void drop(std::span<const std::uint32_t> groups) override {
    for (const std::uint32_t group : groups) {
      held_.erase(group);
      ordinals_.erase(group);
    }
  }
  Status program(std::span<const std::uint32_t> groups, std::uint64_t ordinal, runtime::StageCost& programming) override {
    SEDMA_RETURN_IF_ERROR(begin("program"));
    for (const std::uint32_t group : groups) {
      if (held_.count(group) == 0) return fail(Code::internal, "group {} is not held", group);
      if (stopped()) return fail(Code::aborted, "stopped");
      ordinals_[group] = ordinal;
      programming.pulses += plan_.groups[group].tiles.size();
      programming.seconds += 1;
      const std::lock_guard lock(control_.mutex);
      ++control_.programmings[group];
    }
    return tell("program");
  }
  Status multiply(const runtime::ProductTask& task, std::span<const std::uint32_t> groups, runtime::Accumulator& y, runtime::StageCost&,
                  runtime::StageCost& multiplying) override {
    SEDMA_RETURN_IF_ERROR(begin("multiply"));
    SEDMA_RETURN_IF_ERROR(wait_at_gate());
    for (const std::uint32_t group : groups) {
      if (stopped()) return fail(Code::aborted, "stopped");
      if (ordinals_.count(group) == 0) return fail(Code::internal, "group {} is not programmed", group);
      for (const std::uint32_t tile : plan_.groups[group].tiles) SEDMA_RETURN_IF_ERROR(multiply_tile(task, tile, ordinals_[group], y));
      multiplying.products += task.batch;
      multiplying.seconds += 1;
    }
    return tell("multiply");
  }
  std::vector<std::pair<std::uint32_t, runtime::TileHash>> hashes() const override {
    std::map<std::uint32_t, runtime::TileHash> all;
    const std::lock_guard lock(control_.mutex);
    if (control_.turns && control_.asked.count("multiply") == 0) return {};
    for (const auto& [group, ordinal] : ordinals_)
      for (const std::uint32_t tile : plan_.groups[group].tiles) all[tile] = {tile + 1, 7};
    return {all.begin(), all.end()};
  }
  Status save(const std::string& path) override {
    SEDMA_RETURN_IF_ERROR(begin("save " + path));
    return {};
  }
  Result<std::vector<std::uint32_t>> restore() {
    std::vector<std::uint32_t> groups;
    const std::lock_guard lock(control_.mutex);
    for (const std::uint32_t group : control_.restorable)
      if (held_.count(group) != 0) groups.push_back(group);
    for (const std::uint32_t group : groups) ordinals_[group] = 0;
    return groups;
  }
  void stop() noexcept override {
    const std::lock_guard lock(control_.mutex);
    stopped_ = true;
    control_.changed.notify_all();
  }
  void resume() noexcept override {
    const std::lock_guard lock(control_.mutex);
    stopped_ = false;
  }

 private:
  bool stopped() {
    const std::lock_guard lock(control_.mutex);
    return stopped_;
  }
  Status begin(const std::string& what) {
    std::function<Status(const std::string&, int)> trouble;
    int count = 0;
    {
      const std::lock_guard lock(control_.mutex);
      if (stopped_) return fail(Code::aborted, "stopped");
      count = ++control_.asked[what];
      trouble = control_.trouble;
    }
    return trouble ? trouble(what, count) : Status();
  }
  Status wait_at_gate() {
    std::unique_lock lock(control_.mutex);
    if (!control_.gate_closed) return {};
    control_.waiting_at_gate = true;
    control_.changed.notify_all();
    control_.changed.wait(lock, [&] { return stopped_ || !control_.gate_closed; });
    control_.waiting_at_gate = false;
    return stopped_ ? fail(Code::aborted, "stopped") : Status();
  }
  Status tell(const char* stage) const {
    return !progress_ || progress_(stage, 1, 2) ? Status() : fail(Code::aborted, "stopped by its watch");
  }
  Status multiply_tile(const runtime::ProductTask& task, std::uint32_t index, std::uint64_t ordinal, runtime::Accumulator& y) const {
    const runtime::Tile& tile = plan_.tiles[index];
    std::vector<double> values(tile.rows.size() * tile.cols.size());
    SEDMA_RETURN_IF_ERROR(values_.gather(index, values.data()));
    const std::size_t cols = task.x.size() / task.batch;
    for (std::size_t b = 0; b < task.batch; ++b) {
      for (std::size_t i = 0; i < tile.rows.size(); ++i) {
        double sum = 0;
        for (std::size_t j = 0; j < tile.cols.size(); ++j) sum += values[i * tile.cols.size() + j] * task.x[b * cols + tile.cols[j]];
        y.add(b, tile.rows[i], static_cast<double>(ordinal + 1) * sum + static_cast<double>(task.vector + b));
      }
    }
    return {};
  }

  FakeControl& control_;
  const runtime::Plan& plan_;
  const runtime::TileValues& values_;
  runtime::StageWatch progress_;
  std::set<std::uint32_t> held_;
  std::map<std::uint32_t, std::uint64_t> ordinals_;
  bool stopped_ = false;
};

}  // namespace sedma::test
