#include "backends/replay/replay.h"

#include <mutex>
#include <utility>
#include <vector>

#include "backends/replay/recording.h"
#include "hal/lanes.h"

namespace sedma::backends {
namespace {

using replay::Entry;

class ReplayDevice final : public hal::Device {
 public:
  ReplayDevice(replay::Recording recording, const hal::Limits& limits)
      : Device(recording.capabilities, hal::Limits::tighter(recording.limits, limits)),
        entries_(std::move(recording.entries)),
        lanes_(capabilities().arrays + 1) {
    for (std::size_t i = 0; i < entries_.size(); ++i) lanes_[entries_[i].print.lane].ordinals.push_back(i);
  }

  void cancel() override {}  // every command is over when it is submitted

 private:
  struct Lane {
    std::mutex mutex;
    std::vector<std::size_t> ordinals;
    std::size_t next = 0;
  };

  Result<std::unique_ptr<hal::Operation>> do_submit(const hal::Command& command, hal::Clock::time_point) override {
    const replay::Fingerprint asked = replay::fingerprint(command, capabilities().arrays);
    Lane& lane = lanes_[asked.lane];
    const std::lock_guard lock(lane.mutex);
    if (lane.next == lane.ordinals.size()) {
      return fail(Code::unavailable, "replay: {} asked; the recording ended after {} commands {}", asked.summary, lane.next,
                  of_lane(asked.lane));
    }
    const std::size_t ordinal = lane.ordinals[lane.next];
    const Entry& entry = entries_[ordinal];
    if (entry.print.kind != asked.kind || entry.print.hash != asked.hash) {
      return fail(Code::invalid_argument, "replay: command {} (the {}th {}) was recorded as {}; asked is {}{}", ordinal, lane.next + 1,
                  of_lane(asked.lane), entry.print.summary, asked.summary,
                  entry.print.summary == asked.summary ? fmt::format(" with other inputs (hash {:016x}{:016x}, now {:016x}{:016x})",
                                                                     entry.print.hash[0], entry.print.hash[1], asked.hash[0], asked.hash[1])
                                                       : "");
    }
    if (entry.status.ok())
      SEDMA_RETURN_IF_ERROR(replay::restore(command, entry.outputs).with_context(fmt::format("replay: command {}", ordinal)));
    ++lane.next;
    if (entry.refused) return entry.status;
    return hal::finished(entry.status.ok() ? Result<hal::Completion>(entry.completion) : Result<hal::Completion>(entry.status));
  }

  std::string of_lane(std::uint32_t lane) const {
    return lane < capabilities().arrays ? fmt::format("of array {}", lane) : std::string("of no array");
  }

  const std::vector<Entry> entries_;
  std::vector<Lane> lanes_;
};

Result<std::unique_ptr<hal::Device>> open(const hal::Uri& uri, const hal::Limits& limits, const hal::Registry&) {
  SEDMA_RETURN_IF_ERROR(uri.expect_empty({}));
  SEDMA_ASSIGN_OR_RETURN(replay::Recording recording, replay::load(uri.target()));
  return std::unique_ptr<hal::Device>(std::make_unique<ReplayDevice>(std::move(recording), limits));
}

}  // namespace

hal::Registry::Driver replay_driver() { return {"replay", "answers as a recorded run did", "replay:run.h5", open}; }

}  // namespace sedma::backends
