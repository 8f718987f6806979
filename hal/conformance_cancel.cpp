// Conformance of deadlines and cancel: never a hang, no buffer touched afterwards, a device that still works.

#include <algorithm>
#include <cstring>
#include <thread>

#include "hal/conformance_internal.h"

namespace sedma::hal::conformance {
namespace {

constexpr std::chrono::nanoseconds no_time{1};
constexpr float untouched = -12345.0f;
constexpr std::uint32_t untouched_count = 0xABCDEF01;

/// One of a deadline's two lawful ends, quickly.
Status run_without_time(Bench& bench, const Command& command, std::chrono::nanoseconds deadline) {
  const auto begin = Clock::now();
  const auto result = bench.device().run(command, deadline);
  const double seconds = std::chrono::duration<double>(Clock::now() - begin).count();
  const std::string_view verb = name(command);
  if (!result.ok() && result.status().code() != Code::deadline_exceeded)
    return found("{} with a deadline of {} s ended as: {}", verb, static_cast<double>(deadline.count()) * 1e-9,
                 result.status().to_string());
  if (seconds > 10) return found("{} with a deadline of {} s took {} s", verb, static_cast<double>(deadline.count()) * 1e-9, seconds);
  return {};
}

/// Commands in flight with their buffers.
struct Flight {
  std::vector<std::vector<float>> floats;
  std::vector<Drives> drives;
  std::vector<Written> written;
  std::vector<float> scale;
  std::vector<Pending> pending;

  void fill() {
    for (auto& buffer : floats) std::fill(buffer.begin(), buffer.end(), untouched);
    for (Written& w : written) {
      std::fill(w.readback.begin(), w.readback.end(), untouched);
      std::fill(w.outcome.begin(), w.outcome.end(), static_cast<Outcome>(0xEE));
    }
  }
  /// Pulse counts are the account of those that were given: wait() reads them, so they are filled after it.
  void fill_counts() {
    for (Written& w : written) std::fill(w.pulses.begin(), w.pulses.end(), untouched_count);
  }
  bool intact() const {
    const auto is = [](const auto& buffer, const auto& value) {
      return std::all_of(buffer.begin(), buffer.end(), [&](const auto& x) { return x == value; });
    };
    return std::all_of(floats.begin(), floats.end(), [&](const auto& b) { return is(b, untouched); }) &&
           std::all_of(written.begin(), written.end(), [&](const Written& w) {
             return is(w.readback, untouched) && is(w.pulses, untouched_count) && is(w.outcome, static_cast<Outcome>(0xEE));
           });
  }
};

Status submit(Bench& bench, Flight& flight, const Command& command) {
  auto pending = bench.device().submit(command, patience);
  if (!pending.ok()) return pending.status().with_context(fmt::format("command {} in flight", flight.pending.size()));
  flight.pending.push_back(std::move(*pending));
  return {};
}

/// Cancels while `flight` is under way; nothing may write into its buffers once cancel() has returned.
Status cancel_and_watch(Bench& bench, Flight& flight, const Window& at) {
  bench.device().cancel();
  flight.fill();  // after cancel: a late write shows even if it is the right answer
  for (std::size_t i = 0; i < flight.pending.size(); ++i) {
    const auto result = flight.pending[i].wait(patience);
    if (!result.ok() && result.status().code() != Code::aborted)
      return found("cancelled command {} ended as: {}", i, result.status().to_string());
  }
  flight.fill_counts();
  std::this_thread::sleep_for(std::chrono::milliseconds(20));
  SEDMA_RETURN_IF_ERROR(check_works(bench, at, "after cancel"));
  std::this_thread::sleep_for(std::chrono::milliseconds(20));
  if (!flight.intact()) return found("a buffer of a cancelled command was written after cancel() had returned");
  return {};
}

}  // namespace

Status deadline_of_products(Bench& bench) {
  SEDMA_RETURN_IF_ERROR(bench.open());
  const Window at = product_window(bench.board);
  const Drives drives = random_drives(bench, at, 64, 80);
  const std::vector<float> scale{static_cast<float>(bench.board.g_max_siemens * bench.board.read_volts.max)};
  std::vector<float> amps, siemens;
  std::vector<Reading> readings;
  const Command commands[] = {make_mvm(drives, scale, amps), make_read(bench, at, siemens, 8), SelfTest{&readings}, Idle{1e-3}};
  for (const Command& command : commands) SEDMA_RETURN_IF_ERROR(run_without_time(bench, command, no_time));
  SEDMA_RETURN_IF_ERROR(run_without_time(bench, Idle{2.0}, std::chrono::milliseconds(20)));
  return check_works(bench, at, "after missed deadlines");
}

Status deadline_of_programs(Bench& bench) {
  SEDMA_RETURN_IF_ERROR(bench.open());
  const Window at = product_window(bench.board), around = grown(bench.board, at, 2);
  SEDMA_ASSIGN_OR_RETURN(const Cells before, measure(bench, around));
  Written written;
  written.target = pattern(bench.board, at, 81);
  SEDMA_RETURN_IF_ERROR(run_without_time(bench, make_program(bench, at, written, {}), no_time));
  SEDMA_ASSIGN_OR_RETURN(const Cells after, measure(bench, around));
  SEDMA_RETURN_IF_ERROR(check_unchanged(bench, before, after, &at, "a programming without time"));
  SEDMA_RETURN_IF_ERROR(write(bench, at, pattern(bench.board, at, 82)).status());
  return check_works(bench, at, "programmed after a missed deadline");
}

Status cancel_products(Bench& bench) {
  SEDMA_RETURN_IF_ERROR(bench.open());
  constexpr std::size_t count = 64;
  Flight flight;
  flight.floats.resize(count);
  flight.drives.reserve(count);
  flight.scale.assign(1, static_cast<float>(bench.board.g_max_siemens * bench.board.read_volts.max));
  const Window at = product_window(bench.board);
  SEDMA_RETURN_IF_ERROR(submit(bench, flight, Idle{1e-3}));
  for (std::size_t i = 0; i < count; ++i) {
    const Window own = window(bench.board, 12, 7, static_cast<std::uint32_t>(i / 2) % bench.board.arrays, 3, 5);
    flight.drives.push_back(random_drives(bench, own, 32, 83 + i));
    const Command command = i % 2 == 0 ? Command(make_mvm(flight.drives.back(), flight.scale, flight.floats[i]))
                                       : Command(make_read(bench, own, flight.floats[i], 16));
    SEDMA_RETURN_IF_ERROR(submit(bench, flight, command));
  }
  return cancel_and_watch(bench, flight, at);
}

Status cancel_programs(Bench& bench) {
  SEDMA_RETURN_IF_ERROR(bench.open());
  Flight flight;
  flight.written.resize(4);
  const Window at = product_window(bench.board);
  for (std::size_t i = 0; i < flight.written.size(); ++i) {
    const Window own = window(bench.board, 12, 7, static_cast<std::uint32_t>(i) % bench.board.arrays, 3, 5);
    flight.written[i].target = pattern(bench.board, own, 90 + i);
    SEDMA_RETURN_IF_ERROR(submit(bench, flight, make_program(bench, own, flight.written[i], {})));
  }
  SEDMA_RETURN_IF_ERROR(cancel_and_watch(bench, flight, at));
  SEDMA_RETURN_IF_ERROR(write(bench, at, pattern(bench.board, at, 95)).status());
  return check_works(bench, at, "programmed after cancel");
}

}  // namespace sedma::hal::conformance
