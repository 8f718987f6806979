#include "backends/emulator/emulator.h"

#include <algorithm>
#include <utility>

#include "backends/emulator/engine.h"
#include "kernels/threads.h"

namespace sedma::backends {
namespace emulator {
namespace {

// Worker threads of the board. Each array is served by one of them, so more than arrays would idle.
unsigned lanes_of(const Options& options) {
  if (!options.threads) return 0;
  return std::min(options.arrays, static_cast<std::uint32_t>(std::max(1, kernels::threads())));
}

class Emulator final : public hal::Device {
 public:
  Emulator(const Options& options, const hal::Limits& limits)
      : hal::Device(capabilities_of(options), limits), engine_(options), threads_(kernels::threads()), lanes_(lanes_of(options)) {}

  void cancel() override { lanes_.cancel(); }
  const EmulatorAssumptions& assumptions() const noexcept { return engine_.options().assumptions; }

 private:
  Result<std::unique_ptr<hal::Operation>> do_submit(const hal::Command& command, hal::Clock::time_point deadline) override {
    return std::visit([&](const auto& each) { return start(each, deadline); }, command);
  }

  // A command on an array goes to the array's lane.
  template <class Command>
  Result<std::unique_ptr<hal::Operation>> start(const Command& command, hal::Clock::time_point deadline) {
    SEDMA_RETURN_IF_ERROR(engine_.accepts(command));
    const double idled = engine_.clock().idled();
    return lanes_.submit(command.array, deadline, [this, command, idled](const hal::StopToken& stop) {
      share_threads();
      return engine_.run(command, idled, stop);
    });
  }
  // These two belong to no array and take no time on the host.
  Result<std::unique_ptr<hal::Operation>> start(const hal::Idle& idle, hal::Clock::time_point) { return hal::finished(engine_.run(idle)); }
  Result<std::unique_ptr<hal::Operation>> start(const hal::SelfTest& test, hal::Clock::time_point) {
    return hal::finished(engine_.run(test));
  }

  // A lane's own OpenMP regions get its share of the threads, so that all lanes together use as many as one caller would. The number is a
  // property of the calling thread, and results do not depend on it.
  void share_threads() const {
    if (lanes_.threads() != 0) kernels::use_threads(std::max(1, threads_ / static_cast<int>(lanes_.threads())));
  }

  Engine engine_;
  const int threads_;
  hal::Lanes lanes_;  // last: its threads work on the engine and end before it
};

Result<std::unique_ptr<hal::Device>> open(hal::Uri uri, const hal::Limits& limits, const hal::Registry&) {
  SEDMA_ASSIGN_OR_RETURN(const Options options, parse_options(std::move(uri)));
  return std::unique_ptr<hal::Device>(std::make_unique<Emulator>(options, limits));
}

}  // namespace
}  // namespace emulator

hal::Registry::Driver emulator_driver() {
  return {"emulator", "software board with the published parameters of a material", "emulator:TaOx-HfOx?arrays=64&rows=256&cols=256&seed=7",
          emulator::open};
}

std::optional<EmulatorAssumptions> assumptions(const hal::Device& device) {
  const auto* const board = dynamic_cast<const emulator::Emulator*>(&device);
  if (board == nullptr) return std::nullopt;
  return board->assumptions();
}

}  // namespace sedma::backends
