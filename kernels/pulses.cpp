#include "kernels/pulses.h"

#include <algorithm>
#include <atomic>
#include <cmath>
#include <vector>

#include "hal/status.h"
#include "kernels/pulse_law.h"
#include "kernels/pulse_rows.h"

namespace sedma::kernels {
namespace {

// A fork costs 1 to 3 us: smaller windows are not worth one.
constexpr std::size_t threads_from_cells = 256 * 256;

// The caller's `stop`, asked by one thread at a time and remembered.
class StopToken {
 public:
  explicit StopToken(const std::function<bool()>& stop) : stop_(stop) {}
  bool operator()() {
    if (!stop_) return false;
    if (said_.load(std::memory_order_relaxed)) return true;
    bool now = false;
#pragma omp critical(sedma_write_verify_stop)
    now = said_.load(std::memory_order_relaxed) || stop_();
    if (now) said_.store(true, std::memory_order_relaxed);
    return now;
  }
  bool said() const noexcept { return said_.load(); }

 private:
  const std::function<bool()>& stop_;
  std::atomic<bool> said_{false};
};

void write_rows(const WriteLaw& law, const WriteVerify& job, StopToken& stop, std::vector<RowTotals>& rows) {
  const auto count = static_cast<std::ptrdiff_t>(job.bare_siemens.rows);
#pragma omp parallel if (job.bare_siemens.size() >= threads_from_cells)
  {
    RowScratch scratch;
#pragma omp for schedule(dynamic, 4)
    for (std::ptrdiff_t r = 0; r < count; ++r) {
      if (!stop()) rows[static_cast<std::size_t>(r)] = write_row(law, row_job(job, static_cast<std::size_t>(r)), scratch);
    }
  }
}

// What one raw pulse train did to a cell.
struct Pulsed {
  float before, after, n;
  bool up;
};

Pulsed pulse_cell(const WriteLaw& law, std::uint32_t cell, std::int32_t count, bool keep, float& g) {
  const CellLaw own = moving_law(law, cell);
  const bool up = count > 0;
  const float n = std::min(std::abs(static_cast<float>(count)), poly::largest_count);
  const float before = terminal(own.range > 0 ? g : own.g_min, law.series);
  if (keep) return {before, before, n, up};
  float x = pulsed(poly::clamp((g - own.g_min) * own.inverse_range, 0.0f, 1.0f), n, up ? own.up : own.down);
  if (law.sigma > 0) x = x + (law.sigma * std::sqrt(n)) * normals4(law.key, Use::write_noise, cell, law.first_event)[0];
  g = own.g_min + poly::clamp(x, 0.0f, 1.0f) * own.range;
  return {before, terminal(g, law.series), n, up};
}

void add_pulsed(const WriteLaw& law, const Pulsed& pulsed, RowTotals& totals, float (&longest)[2]) {
  const auto n = static_cast<std::uint64_t>(pulsed.n);
  (pulsed.up ? totals.pulses_up : totals.pulses_down) += n;
  totals.pulse_energy += static_cast<double>((pulsed.up ? law.weight_up : law.weight_down) * ((pulsed.before + pulsed.after) * pulsed.n));
  float& most = longest[pulsed.up ? 0 : 1];
  most = std::max(most, pulsed.n);
}

}  // namespace

WriteTotals write_verify(const CellModel& model, const WriteVerify& job) {
  check_shapes(job);
  const WriteLaw law = make_law(model, job);
  std::vector<RowTotals> rows(job.bare_siemens.rows);
  StopToken stop(job.stop);
  write_rows(law, job, stop, rows);
  WriteTotals totals;
  totals.stopped = stop.said();
  for (const RowTotals& row : rows) add_row(row, totals);
  finish_totals(model, totals);
  return totals;
}

WriteTotals apply_pulses(const CellModel& model, const RawPulses& job) {
  const auto& cells = job.bare_siemens;
  SEDMA_CHECK(job.counts.rows == cells.rows && job.counts.cols == cells.cols, job.counts.rows, job.counts.cols, cells.rows, cells.cols);
  SEDMA_CHECK(job.stuck.empty() || (job.stuck.rows == cells.rows && job.stuck.cols == cells.cols), job.stuck.rows, job.stuck.cols);
  const WriteLaw law = make_law(model, job.ids.key, job.ids.event);
  WriteTotals totals;
  for (std::size_t r = 0; r < cells.rows; ++r) {
    RowTotals row;
    float longest[2] = {0, 0};
    for (std::size_t c = 0; c < cells.cols; ++c) {
      const std::int32_t count = job.counts(r, c);
      if (count == 0) continue;
      const std::uint32_t cell = job.ids.first + static_cast<std::uint32_t>(r) * job.ids.row_stride + static_cast<std::uint32_t>(c);
      const bool keep = !job.stuck.empty() && job.stuck(r, c) != 0;
      add_pulsed(law, pulse_cell(law, cell, count, keep, cells(r, c)), row, longest);
    }
    row.selects = (longest[0] > 0 ? 1u : 0u) + (longest[1] > 0 ? 1u : 0u);
    row.longest_pulses = static_cast<std::uint64_t>(longest[0]) + static_cast<std::uint64_t>(longest[1]);
    add_row(row, totals);
  }
  finish_totals(model, totals);
  return totals;
}

CellParameters cell_parameters(const CellModel& model, Key key, std::uint32_t cell) noexcept {
  const OwnCell own = own_cell(make_law(model, key, 0), cell);
  return {own.law.g_min, own.law.g_min + own.law.range, -own.law.up.aim, own.law.down.aim, own.stuck, own.stuck_siemens};
}

void terminal_window(const CellModel& model, hal::View<const float> bare, hal::View<float> terminal) noexcept {
  const auto series = static_cast<float>(model.series_ohms);
  for (std::size_t r = 0; r < bare.rows; ++r) {
    for (std::size_t c = 0; c < bare.cols; ++c) terminal(r, c) = kernels::terminal(bare(r, c), series);
  }
}

double pulses_between(const CellModel& model, double from_siemens, double to_siemens) noexcept {
  const Material& m = model.material;
  const auto position = [&](double t) {
    const double g = bare_siemens(t, model.series_ohms);
    return std::min(1.0, std::max(0.0, (g - m.g_min_siemens) / (m.g_max_siemens - m.g_min_siemens)));
  };
  const double from = position(from_siemens), to = position(to_siemens);
  if (from == to) return 0;
  const double a = to > from ? m.a_up_pulses : m.a_down_pulses;
  const double levels = to > from ? m.levels_up : m.levels_down;
  const double d = -1 / std::expm1(-levels / a);
  return -a * std::log1p((from - to) / (d - from));
}

}  // namespace sedma::kernels
