#include "bench/timing.h"

#include <algorithm>
#include <chrono>
#include <cmath>
#include <thread>

namespace sedma::bench {
namespace {

using Clock = std::chrono::steady_clock;
constexpr double sample_seconds = 50e-6, warmed_seconds = 5e-3, long_seconds = 0.2;
constexpr std::size_t most_rounds = 2000;

double seconds_since(Clock::time_point begin) { return std::chrono::duration<double>(Clock::now() - begin).count(); }

double time_of(const Task& task, std::size_t calls) {
  if (task.prepare) task.prepare();
  const auto begin = Clock::now();
  for (std::size_t i = 0; i < calls; ++i) task.call();
  return seconds_since(begin) / static_cast<double>(calls);
}

// What a sample of the task looks like, from two calls: the first one pays for allocations and page faults. A long call tells enough at
// once.
struct Sampling {
  std::size_t calls = 1;
  bool warm = false;
};
Sampling sampling_of(const Task& task) {
  if (task.prepare) return {};
  double once = time_of(task, 1);
  if (once < long_seconds) once = time_of(task, 1);
  const double calls = std::ceil(sample_seconds / std::max(once, 1e-9));
  return {static_cast<std::size_t>(std::clamp(calls, 1.0, 1e5)), once < warmed_seconds};
}

double sample(const Task& task, const Sampling& sampling) {
  if (task.rest_seconds > 0) std::this_thread::sleep_for(std::chrono::duration<double>(task.rest_seconds));
  if (sampling.warm) task.call();
  return time_of(task, sampling.calls);
}

}  // namespace

std::vector<Timing> interleave(const std::vector<Task>& tasks, const Effort& effort) {
  std::vector<Sampling> samplings;
  samplings.reserve(tasks.size());
  for (const Task& task : tasks) samplings.push_back(sampling_of(task));
  std::vector<std::vector<double>> samples(tasks.size());
  const auto begin = Clock::now();
  for (std::size_t round = 0; round < most_rounds; ++round) {
    const double taken = seconds_since(begin);
    if (round >= effort.least_rounds && taken >= effort.seconds) break;
    if (round >= 2 && taken >= 10 * effort.seconds) break;
    for (std::size_t i = 0; i < tasks.size(); ++i) samples[i].push_back(sample(tasks[i], samplings[i]));
  }
  std::vector<Timing> timings;
  for (std::vector<double>& each : samples) {
    std::sort(each.begin(), each.end());
    timings.push_back({each.front(), each[each.size() / 2], each.size()});
  }
  return timings;
}

}  // namespace sedma::bench
