#include "backends/emulator/engine.h"

#include <algorithm>
#include <chrono>
#include <limits>

namespace sedma::backends::emulator {

std::int64_t now_utc_ns() {
  return std::chrono::duration_cast<std::chrono::nanoseconds>(std::chrono::system_clock::now().time_since_epoch()).count();
}

double DeviceClock::idle(double seconds) {
  const std::lock_guard lock(mutex_);
  idle_ += seconds;
  return idle_ + busiest_;
}

double DeviceClock::idled() const {
  const std::lock_guard lock(mutex_);
  return idle_;
}

double DeviceClock::now(std::uint32_t array, double idled) const {
  const std::lock_guard lock(mutex_);
  return idled + busy_[array];
}

double DeviceClock::spend(std::uint32_t array, double seconds, double idled) {
  const std::lock_guard lock(mutex_);
  busy_[array] += seconds;
  busiest_ = std::max(busiest_, busy_[array]);
  return idled + busy_[array];
}

Engine::Engine(const Options& options) : options_(options), costs_(options_), clock_(options.arrays) {
  arrays_.reserve(options_.arrays);
  for (std::uint32_t i = 0; i < options_.arrays; ++i) arrays_.emplace_back(options_, i);
}

// The temperature is in the model only where cells age by it: unknown is NaN, never room temperature.
double Engine::known_kelvin() const noexcept { return options_.ages() ? options_.kelvin : std::numeric_limits<double>::quiet_NaN(); }

hal::Completion Engine::finish(hal::ArrayId id, hal::Stats stats, double idled, std::int64_t begin_utc_ns) {
  hal::Completion completion;
  completion.stats = stats;
  completion.temperature_kelvin = known_kelvin();
  completion.stats.device_time_seconds = clock_.spend(id.value, stats.seconds, idled);
  completion.stats.begin_utc_ns = begin_utc_ns;
  completion.stats.end_utc_ns = now_utc_ns();
  return completion;
}

hal::Completion Engine::run(const hal::Idle& idle) {
  hal::Completion completion;
  completion.stats.begin_utc_ns = now_utc_ns();
  completion.stats.seconds = idle.seconds;
  completion.temperature_kelvin = known_kelvin();
  completion.stats.device_time_seconds = clock_.idle(idle.seconds);
  completion.stats.end_utc_ns = now_utc_ns();
  return completion;
}

hal::Completion Engine::run(const hal::SelfTest& test) {
  hal::Completion completion;
  completion.stats.begin_utc_ns = now_utc_ns();
  completion.stats.device_time_seconds = clock_.idle(0);
  completion.temperature_kelvin = known_kelvin();
  *test.readings = {{"temperature_kelvin", known_kelvin(), "K"}, {"device_time_seconds", completion.stats.device_time_seconds, "s"}};
  completion.stats.end_utc_ns = now_utc_ns();
  return completion;
}

}  // namespace sedma::backends::emulator
