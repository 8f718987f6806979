#include "runtime/memory/write_trial.h"

#include <algorithm>
#include <cmath>

#include "runtime/conversion.h"

namespace sedma::runtime {
namespace {

constexpr double least_tiles = 8, most_tiles = 128;
constexpr double wanted_entries = 4000, most_cells = 1u << 17;  // of all tiles

double number(std::uint64_t count) noexcept { return static_cast<double>(count); }
double squared(double value) noexcept { return value * value; }

// Tiles at even steps of the running count of cells.
std::vector<std::uint32_t> spread_tiles(const Plan& plan) {
  const auto cells_of = [](const Tile& tile) { return number(tile.rows.size()) * number(tile.cols.size()); };
  double all = 0, seen = 0;
  for (const Tile& tile : plan.tiles) all += cells_of(tile);
  const double count = number(plan.tiles.size()), tried = std::clamp(most_cells / std::max(1.0, all) * count, least_tiles, most_tiles);
  std::vector<std::uint32_t> chosen;
  for (std::uint32_t t = 0; t < plan.tiles.size(); ++t) {
    seen += cells_of(plan.tiles[t]);
    if (count <= tried || seen >= all * (number(chosen.size()) + 0.5) / tried) chosen.push_back(t);
  }
  return chosen;
}

// The share of the word lines of each tile that is tried.
double share_of_lines(const Plan& plan, const std::vector<std::uint32_t>& chosen) {
  double entries = 0, cells = 0;
  for (const std::uint32_t t : chosen) {
    const Tile& tile = plan.tiles[t];
    entries += number(tile.nonzeros);
    cells += number(tile.cols.size()) * kernels::bit_lines(plan.choice.encoding, static_cast<std::uint32_t>(tile.rows.size()));
  }
  return std::min({1.0, wanted_entries / std::max(entries, 1.0), most_cells / cells});
}

Result<TrialTile> lines_of(const MatrixSource& matrix, const Tile& tile, double share) {
  TrialTile trial;
  trial.outputs = static_cast<std::uint32_t>(tile.rows.size());
  trial.inputs = static_cast<std::uint32_t>(tile.cols.size());
  trial.lines = std::min(trial.inputs, std::max(2u, static_cast<std::uint32_t>(std::lround(share * trial.inputs))));
  std::vector<double> all(tile.rows.size() * tile.cols.size());
  SEDMA_RETURN_IF_ERROR(matrix.gather(tile.rows, tile.cols, all.data()));
  trial.values.resize(std::size_t{trial.outputs} * (trial.lines + 1));
  double* out = trial.values.data();
  for (std::uint32_t i = 0; i < trial.outputs; ++i) {
    const double* row = all.data() + std::size_t{i} * trial.inputs;
    for (std::uint32_t k = 0; k < trial.lines; ++k)
      *out++ = row[(2 * std::uint64_t{k} + 1) * trial.inputs / (2 * std::uint64_t{trial.lines})];
    const auto larger = [](double a, double b) { return std::abs(a) < std::abs(b); };
    *out++ = std::abs(*std::max_element(row, row + trial.inputs, larger));
  }
  return trial;
}

// The largest of a whole row, where only some of its values are known: drawn from the values of all rows, in units of theirs.
void draw_largest(const kernels::EncodedTile& encoded, kernels::Key key, TrialTile& tile) {
  const std::size_t width = tile.lines + std::size_t{1};
  std::vector<double> pool;
  for (std::uint32_t i = 0; i < tile.outputs; ++i)
    for (std::uint32_t k = 0; k < tile.lines; ++k)
      pool.push_back(encoded.unit[i] > 0 ? std::abs(tile.values[i * width + k]) / encoded.unit[i] : 0.0);
  std::sort(pool.begin(), pool.end());
  for (std::uint32_t i = 0; i < tile.outputs; ++i) {
    double largest = 0;
    for (std::uint32_t k = 0; k < tile.lines; ++k) largest = std::max(largest, std::abs(tile.values[i * width + k]));
    const std::uint32_t unknown = tile.inputs - tile.lines;
    if (unknown > 0) {
      const double u = kernels::uniform(kernels::philox(key, kernels::Use::test, i, 0)[0]);
      const auto at = static_cast<std::size_t>(std::pow(u, 1.0 / unknown) * number(pool.size()));
      largest = std::max(largest, pool[std::min(at, pool.size() - 1)] * encoded.unit[i]);
    }
    tile.values[i * width + tile.lines] = largest;
  }
}

// Sizes that differ by less count as one.
double quarter_octaves(std::uint32_t size) noexcept { return std::round(4 * std::log2(size)); }

void add(const kernels::WriteTotals& part, kernels::WriteTotals& all) noexcept {
  all.pulses += part.pulses;
  all.verify_reads += part.verify_reads;
  all.unconverged += part.unconverged;
  all.pulse_joules += part.pulse_joules;
  all.bit_line_pulses_up += part.bit_line_pulses_up;
  all.bit_line_pulses_down += part.bit_line_pulses_down;
  all.word_line_selects += part.word_line_selects;
  all.pulse_seconds += part.pulse_seconds;
  all.read_joules += part.read_joules;
  all.row_reads += part.row_reads;
  all.conversion_slots += part.conversion_slots;
}

}  // namespace

Result<std::vector<TrialTile>> trial_tiles(const MatrixSource& matrix, const Plan& plan) {
  std::vector<TrialTile> tiles;
  const std::vector<std::uint32_t> chosen = spread_tiles(plan);
  const double share = chosen.empty() ? 0 : share_of_lines(plan, chosen);
  for (const std::uint32_t t : chosen) {
    SEDMA_ASSIGN_OR_RETURN(TrialTile tile, lines_of(matrix, plan.tiles[t], share));
    tiles.push_back(std::move(tile));
  }
  return tiles;
}

WriteTrial::WriteTrial(const TrialBoard& trial, const Choice& choice, const std::vector<TrialTile>& tiles, kernels::Key key)
    : slices_(choice.slices + std::size_t{1}) {
  std::vector<TrialTile> left = tiles;
  for (std::size_t s = 0; s < slices_.size(); ++s)
    for (std::size_t t = 0; t < left.size(); ++t)
      add_slice(trial, choice, left[t], kernels::derive(kernels::derive(key, s), t), slices_[s]);
}

// Leaves in `tile` what the next slice is to hold.
void WriteTrial::add_slice(const TrialBoard& trial, const Choice& choice, TrialTile& tile, kernels::Key key,
                           std::vector<SliceTrial>& slices) const {
  const std::size_t width = tile.lines + std::size_t{1};
  kernels::EncodedTile encoded;
  kernels::encode_tile({tile.values.data(), tile.outputs, width}, choice.encoding, choice.scale, trial.window(), encoded);
  const std::uint32_t bit_lines = kernels::bit_lines(choice.encoding, tile.outputs);
  const TrialCells cells = write_cells(trial, choice, {encoded.siemens.data(), tile.lines, bit_lines}, key);

  const double log_inputs = quarter_octaves(tile.inputs), log_lines = quarter_octaves(bit_lines);
  auto same = std::find_if(slices.begin(), slices.end(),
                           [&](const SliceTrial& s) { return s.log_inputs == log_inputs && s.log_lines == log_lines; });
  if (same == slices.end()) same = slices.insert(slices.end(), SliceTrial{log_inputs, log_lines, 0, 0, {}, 0});
  same->word_lines += tile.lines;
  same->cells += number(cells.written.size());
  for (const float g : cells.written) same->siemens += static_cast<double>(g);
  add(cells.totals, same->totals);

  std::vector<double> found(std::size_t{tile.outputs} * tile.lines);
  kernels::decode_tile({cells.read.data(), tile.lines, bit_lines}, choice.encoding, trial.window(), encoded.unit,
                       {found.data(), tile.outputs, tile.lines});
  for (std::uint32_t i = 0; i < tile.outputs; ++i) {
    if (tile.values[i * width + tile.lines] == 0) encoded.unit[i] = 0;  // nothing to correct
    for (std::uint32_t k = 0; k < tile.lines; ++k) {
      double& value = tile.values[i * width + k];
      value = encoded.unit[i] == 0 ? 0 : value - found[std::size_t{i} * tile.lines + k];
    }
  }
  draw_largest(encoded, key, tile);
}

const SliceTrial& WriteTrial::like(const WindowWork& window) const {
  const std::vector<SliceTrial>& slices = slices_[window.slice];
  const double log_inputs = quarter_octaves(window.word_lines), log_lines = quarter_octaves(window.bit_lines);
  const auto distance = [&](const SliceTrial& s) { return std::abs(s.log_lines - log_lines) + std::abs(s.log_inputs - log_inputs); };
  return *std::min_element(slices.begin(), slices.end(),
                           [&](const SliceTrial& a, const SliceTrial& b) { return distance(a) < distance(b); });
}

// Of all cells on one line of the window; unused ones stand at G_min.
double WriteTrial::line_siemens(const TrialBoard& trial, const WindowWork& window) const {
  const SliceTrial& s = like(window);
  return s.siemens / s.cells * window.bit_lines + (window.cols - window.bit_lines) * trial.board.g_min_siemens;
}

StageForecast WriteTrial::write(const TrialBoard& trial, const Choice& choice, const WindowWork& window) const {
  const DeviceModel& device = trial.device;
  const kernels::Material& m = device.cell.material;
  const SliceTrial& s = like(window);
  const kernels::WriteTotals& t = s.totals;
  const double cells = number(window.word_lines) * window.bit_lines / s.cells, lines = window.word_lines / s.word_lines;
  const double word_farads = device.wire_farads * trial.board.cols, bit_farads = device.wire_farads * trial.board.rows;
  const double gate_volts = std::max(std::abs(m.write_up_volts), std::abs(m.write_down_volts));
  StageForecast cost;
  cost.pulses = static_cast<std::uint64_t>(std::llround(number(t.pulses) * cells));
  cost.joules.cells = t.pulse_joules * cells;
  cost.joules.lines =
      bit_farads * cells * (t.bit_line_pulses_up * squared(m.write_up_volts) + t.bit_line_pulses_down * squared(m.write_down_volts)) +
      word_farads * squared(gate_volts) * number(t.word_line_selects) * lines;
  cost.joules.verify = (t.read_joules + number(t.verify_reads) * device.adc_joules) * cells +
                       number(t.row_reads) * lines * (device.dac_joules + word_farads * squared(m.read_volts));
  cost.seconds = lines * (t.pulse_seconds + number(t.row_reads) * m.read_seconds + number(t.conversion_slots) * device.adc_seconds);
  // Reading back: line by line, or by unit vectors where lines have resistance.
  const double reads = number(choice.read_repeats) * window.rows;
  const std::uint32_t share = std::min(window.cols, device.columns_per_adc);
  cost.joules.cells +=
      choice.read_repeats * squared(trial.board.read_volts.max) * m.read_seconds * window.word_lines * line_siemens(trial, window);
  cost.joules.lines += reads * word_farads * squared(trial.board.read_volts.max);
  cost.joules.dac += reads * device.dac_joules * (trial.board.has(hal::Feature::line_drop) ? window.rows : 1);
  cost.joules.adc += reads * window.cols * device.adc_joules;
  cost.seconds += reads * (m.read_seconds + share * device.adc_seconds);
  return cost;
}

StageForecast WriteTrial::multiply(const TrialBoard& trial, const Choice& choice, const WindowWork& window, StageForecast overhead,
                                   double mean_square_volts) const {
  double squares = 0;
  for (std::uint32_t k = 0; k < choice.conversion.repeats; ++k) squares += squared(repeat_scale(choice.conversion, k));
  squares *= mean_square_volts * squared(trial.board.read_volts.max) * window.word_lines;
  overhead.joules.cells += squares * line_siemens(trial, window) * trial.device.cell.material.read_seconds;
  overhead.joules.lines += squares * trial.device.wire_farads * trial.board.cols;
  return overhead;
}

double WriteTrial::unconverged() const noexcept {
  double missed = 0, cells = 0;
  for (const auto& slice : slices_)
    for (const SliceTrial& s : slice) {
      missed += number(s.totals.unconverged);
      cells += s.cells;
    }
  return cells > 0 ? missed / cells : 0;
}

}  // namespace sedma::runtime
