// Write-verify in plain loops, cell by cell: what the vector code must equal bit for bit.

#include <cmath>
#include <vector>

#include "kernels/pulse_law.h"

namespace sedma::kernels {
namespace {

struct Cell {
  CellLaw law;
  std::uint32_t number = 0;
  float x = 0, siemens = 0;        // position; true terminal conductance
  float target = 0, target_x = 0;  // terminal; nominal position
  float read = 0;                  // the last read
  float pulses = 0, pulses_up = 0;
  float energy = 0, read_siemens = 0;
  float erase_pulses = 0;
};

float position(float g, const CellLaw& law) { return poly::clamp((g - law.g_min) * law.inverse_range, 0.0f, 1.0f); }

Cell begin(const WriteLaw& law, const RowJob& row, std::uint32_t c) {
  Cell cell;
  cell.number = row.first_cell + c;
  cell.law = moving_law(law, cell.number);
  const float g = cell.law.range > 0 ? row.bare[c] : cell.law.g_min;
  cell.x = position(g, cell.law);
  cell.siemens = terminal(g, law.series);
  cell.target = row.target[c];
  cell.target_x = position(bare(cell.target, law.series), law.nominal);
  return cell;
}

// To G_min by the number of down pulses that the cell's own law asks for.
void erase(const WriteLaw& law, Cell& cell) {
  if (!(cell.law.range > 0)) return;
  float n = poly::round_whole(pulses_to(cell.x, 0.0f, cell.law.down, cell.law.down.aim) + round_up);
  n = n > law.levels_down ? law.levels_down : n;
  if (!(n > 0)) return;
  const float after = terminal(cell.law.g_min, law.series);
  cell.energy = law.weight_down * ((cell.siemens + after) * n);
  cell.erase_pulses = n;
  cell.x = 0;
  cell.siemens = after;
}

float noise(const WriteLaw& law, Use use, const Cell& cell, std::uint32_t pass) {
  return normals4(law.key, use, cell.number, law.first_event + pass / 4)[pass % 4];
}

void read(const WriteLaw& law, Cell& cell, std::uint32_t pass) {
  cell.read = cell.siemens;
  if (law.noisy) {
    const float relative = law.read_noise * cell.siemens;
    const float sd = std::sqrt(law.read_floor * law.read_floor + relative * relative);
    cell.read = cell.siemens + sd * noise(law, Use::verify_noise, cell, pass);
  }
  cell.read_siemens = cell.read_siemens + cell.siemens;
}

// Where the controller believes the cell to be, by its last read.
float believed_position(const WriteLaw& law, const Cell& cell) {
  if (!law.own_cells && !law.noisy) return cell.x;
  const float most = terminal(law.g_max, law.series);
  return position(bare(cell.read > most ? most : cell.read, law.series), law.nominal);
}

// One step towards the target: n pulses, positive up.
float step(const WriteLaw& law, Cell& cell, float believed, std::uint32_t pass) {
  const bool up = cell.target > cell.read;
  const float aim = up ? law.aim_up : law.aim_down;
  float n = pulses_to(believed, cell.target_x, up ? law.nominal.up : law.nominal.down, aim);
  n = poly::round_whole(poly::clamp(n, 1.0f, law.budget - cell.pulses));
  float x = pulsed(cell.x, n, up ? cell.law.up : cell.law.down);
  if (law.sigma > 0) x = x + (law.sigma * std::sqrt(n)) * noise(law, Use::write_noise, cell, pass);
  cell.x = poly::clamp(x, 0.0f, 1.0f);
  const float after = terminal(cell.law.g_min + cell.x * cell.law.range, law.series);
  cell.energy = cell.energy + (up ? law.weight_up : law.weight_down) * ((cell.siemens + after) * n);
  cell.siemens = after;
  cell.pulses = cell.pulses + n;
  if (up) cell.pulses_up = cell.pulses_up + n;
  return up ? n : -n;
}

bool within(const WriteLaw& law, const Cell& cell) { return std::abs(cell.target - cell.read) <= law.tolerance; }

void write_cell(const WriteLaw& law, Cell& cell, std::vector<PassTally>& tallies) {
  for (std::uint32_t pass = 0;; ++pass) {
    PassTally& tally = tallies[pass];
    read(law, cell, pass);
    ++tally.active;
    if (pass == law.passes || within(law, cell) || !(cell.pulses < law.budget)) return;
    const float believed = believed_position(law, cell);
    if (std::abs(believed - cell.target_x) < settle_width(law, pass)) return;
    const float n = step(law, cell, believed, pass);
    if (n > tally.longest_up) tally.longest_up = n;
    if (-n > tally.longest_down) tally.longest_down = -n;
  }
}

void finish(const WriteLaw& law, const RowJob& row, std::uint32_t c, const Cell& cell, RowTotals& totals) {
  end_cell(law, row, c, {cell.x, cell.law.g_min, cell.law.range, cell.target, cell.read, cell.pulses, cell.pulses_up, cell.erase_pulses},
           totals);
  totals.pulse_energy += static_cast<double>(cell.energy);
  totals.read_siemens += static_cast<double>(cell.read_siemens);
}

}  // namespace

RowTotals write_row_reference(const WriteLaw& law, const RowJob& row) {
  RowTotals totals;
  std::vector<PassTally> tallies(law.passes + 1);
  PassTally erased;
  for (std::uint32_t c = 0; c < row.cols; ++c) {
    if (row.mask != nullptr && row.mask[c] != 0) {
      skip_cell(law, row, c, totals);
      continue;
    }
    Cell cell = begin(law, row, c);
    if (law.erase) erase(law, cell);
    if (cell.erase_pulses > erased.longest_down) erased.longest_down = cell.erase_pulses;
    write_cell(law, cell, tallies);
    finish(law, row, c, cell, totals);
  }
  add_pass(law, erased, totals);
  for (const PassTally& tally : tallies) add_pass(law, tally, totals);
  return totals;
}

WriteTotals write_verify_reference(const CellModel& model, const WriteVerify& job) {
  check_shapes(job);
  const WriteLaw law = make_law(model, job);
  WriteTotals totals;
  for (std::size_t r = 0; r < job.bare_siemens.rows && !totals.stopped; ++r) {
    totals.stopped = job.stop && job.stop();
    if (!totals.stopped) add_row(write_row_reference(law, row_job(job, r)), totals);
  }
  finish_totals(model, totals);
  return totals;
}

}  // namespace sedma::kernels
