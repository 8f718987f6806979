#include "backends/replay/record.h"

#include <deque>
#include <set>
#include <utility>

#include "backends/wrapped.h"
#include "calibration/hdf5.h"

namespace sedma::backends {

using replay::Entry;

/// What is recorded, and the commands under way; outlives the device as long as one of its commands does.
class RecordingDevice::Log {
 public:
  explicit Log(std::uint32_t lanes) : order(lanes) {}

  Entry& begin(replay::Fingerprint print) {
    const std::lock_guard lock(entries_mutex);
    Entry& entry = entries.emplace_back();
    entry.print = std::move(print);
    entry.status = Status(Code::aborted, "still under way when the recording was written");
    return entry;
  }
  template <class Change>
  void change(Entry& entry, Change change) {
    const std::lock_guard lock(entries_mutex);
    change(entry);
  }

  std::vector<std::mutex> order;  // one a lane: a command enters the log and the inner device as one step
  std::mutex entries_mutex;
  std::deque<Entry> entries;
  std::mutex live_mutex;
  std::set<RecordingDevice::Operation*> live;
};

/// One command under way, with buffers for the outputs of a Program that the caller did not ask for.
class RecordingDevice::Operation final : public hal::Operation {
 public:
  Operation(const hal::Command& command, std::shared_ptr<Log> log, hal::Clock::time_point deadline)
      : command_(command), log_(std::move(log)), deadline_(deadline) {
    if (auto* program = std::get_if<hal::Program>(&command_)) complete(*program);
    const std::lock_guard lock(log_->live_mutex);
    log_->live.insert(this);
  }
  ~Operation() override {
    {
      const std::lock_guard lock(log_->live_mutex);
      log_->live.erase(this);
    }
    if (entry_ == nullptr || taken_) return;
    const bool late = hal::Clock::now() >= deadline_;
    log_->change(*entry_, [&](Entry& e) {
      e.status = late ? Status(Code::deadline_exceeded, "the deadline passed; the device was cancelled")
                      : Status(Code::aborted, "nobody waited for it");
    });
  }

  /// Hands the command to the inner device. Errors: as its submit; recorded as a refusal.
  Status start(hal::Device& inner, Entry& entry) {
    auto started = InnerCommand::submit(inner, command_, deadline_);
    if (!started.ok()) {
      log_->change(entry, [&](Entry& e) { e.refused = true, e.status = started.status(); });
      return started.status();
    }
    const std::lock_guard lock(mutex_);
    inner_ = std::move(*started);
    entry_ = &entry;
    return {};
  }

  bool done() const noexcept override { return inner_->done(); }
  bool wait_until(hal::Clock::time_point until) override { return inner_->wait_until(until); }

  Result<hal::Completion> take() override {
    const std::lock_guard lock(mutex_);
    finish();
    taken_ = true;
    // An aborted command that is late was cancelled for that, which is what the caller is told.
    const bool late = result_->status().code() == Code::aborted && hal::Clock::now() >= deadline_;
    log_->change(*entry_, [&](Entry& e) {
      e.status = late ? Status(Code::deadline_exceeded, "the deadline passed; the device was cancelled") : result_->status();
      if (result_->ok()) e.completion = **result_;
      e.outputs = std::move(outputs_);
    });
    return *result_;
  }

  /// After a cancel the caller may use its buffers for other things: what a finished command left in them is copied before that.
  void finish_if_done() {
    const std::lock_guard lock(mutex_);
    if (inner_ && inner_->done()) finish();
  }

 private:
  void complete(hal::Program& p) {
    const std::size_t rows = p.siemens.rows, cols = p.siemens.cols;
    const auto provide = [&](auto& view, auto& own) {
      if (!view.empty()) return;
      own.resize(rows * cols);
      view = {own.data(), rows, cols};
    };
    provide(p.readback_siemens, readback_);
    provide(p.pulses, pulses_);
    provide(p.outcome, outcome_);
  }

  void finish() {
    if (result_) return;
    result_.emplace(inner_->take());
    if (result_->ok()) outputs_ = replay::capture(command_);
  }

  hal::Command command_;
  const std::shared_ptr<Log> log_;
  const hal::Clock::time_point deadline_;
  std::vector<float> readback_;
  std::vector<std::uint32_t> pulses_;
  std::vector<hal::Outcome> outcome_;
  std::mutex mutex_;
  std::unique_ptr<InnerCommand> inner_;  // set before the caller sees the operation
  Entry* entry_ = nullptr;
  std::optional<Result<hal::Completion>> result_;
  std::vector<std::byte> outputs_;
  bool taken_ = false;
};

RecordingDevice::RecordingDevice(std::unique_ptr<hal::Device> inner, std::string path)
    : Device(inner->capabilities(), inner->limits()),
      inner_(std::move(inner)),
      path_(std::move(path)),
      log_(std::make_shared<Log>(capabilities().arrays + 1)) {}

RecordingDevice::~RecordingDevice() { static_cast<void>(flush()); }

void RecordingDevice::cancel() {
  inner_->cancel();
  const std::lock_guard lock(log_->live_mutex);
  for (Operation* operation : log_->live) operation->finish_if_done();
}

Status RecordingDevice::flush() {
  replay::Recording recording;
  recording.capabilities = capabilities();
  recording.limits = limits();
  {
    const std::lock_guard lock(log_->entries_mutex);
    recording.entries.assign(log_->entries.begin(), log_->entries.end());
  }
  return replay::save(recording, path_).with_context("recording");
}

Result<std::unique_ptr<hal::Operation>> RecordingDevice::do_submit(const hal::Command& command, hal::Clock::time_point deadline) {
  replay::Fingerprint print = replay::fingerprint(command, capabilities().arrays);
  const std::lock_guard in_order(log_->order[print.lane]);
  auto operation = std::make_unique<Operation>(command, log_, deadline);
  SEDMA_RETURN_IF_ERROR(operation->start(*inner_, log_->begin(std::move(print))));
  return std::unique_ptr<hal::Operation>(std::move(operation));
}

hal::Registry::Driver record_driver() {
  return {"record", "another device, recorded to a file", "record:emulator:TaOx-HfOx?arrays=4&record.file=run.h5",
          [](hal::Uri uri, const hal::Limits& limits, const hal::Registry& registry) -> Result<std::unique_ptr<hal::Device>> {
            const std::string path = uri.take_text("record.file", "");
            if (path.empty()) return Status(Code::invalid_argument, "record: option record.file=PATH is needed");
            if (const auto unknown = uri.take_prefixed("record."); !unknown.empty())
              return fail(Code::invalid_argument, "unknown option record.{}; known: file", unknown.begin()->first);
            SEDMA_ASSIGN_OR_RETURN(std::unique_ptr<hal::Device> inner, open_inner(uri, limits, registry));
            // Better now than after a long run: a writer that is not committed leaves nothing behind.
            SEDMA_RETURN_IF_ERROR(calibration::hdf5::Writer::create(path, true).status());
            return std::unique_ptr<hal::Device>(std::make_unique<RecordingDevice>(std::move(inner), path));
          }};
}

}  // namespace sedma::backends
