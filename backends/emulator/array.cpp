#include "backends/emulator/array.h"

#include <algorithm>

namespace sedma::backends::emulator {
namespace {

// More programmed windows than this on one array are forgotten, oldest first; their cells then follow the physical cell in a Pulse.
constexpr std::size_t most_windows = 4096;

hal::View<float> window(std::vector<float>& cells, const Rect& rect, std::size_t cols) noexcept {
  return {cells.data() + rect.row * cols + rect.col, rect.rows, rect.cols, cols};
}

}  // namespace

Array::Array(const Options& options, std::uint32_t number)
    : options_(options), number_(number), key_(kernels::derive(options.seed(), number)) {}

kernels::CellIds Array::board_ids(const Rect& rect) const noexcept { return {key_, rect.row * options_.cols + rect.col, options_.cols, 0}; }

// Without spread and stuck cells all cells are alike; with them each has its own value from its counters.
void Array::fill_untouched(const Rect& rect, hal::View<float> cells) const {
  const kernels::CellIds ids = board_ids(rect);
  const bool alike = options_.model.device_to_device == 0 && options_.model.stuck_fraction == 0;
  const float same = static_cast<float>(options_.model.material.g_min_siemens);
  for (std::uint32_t r = 0; r < rect.rows; ++r) {
    float* const row = cells.row(r);
    if (alike) {
      std::fill_n(row, rect.cols, same);
      continue;
    }
    for (std::uint32_t c = 0; c < rect.cols; ++c) {
      const auto cell = kernels::cell_parameters(options_.model, ids.key, ids.first + r * ids.row_stride + c);
      row[c] = cell.stuck ? cell.stuck_siemens : cell.g_min;
    }
  }
}

void Array::materialise() {
  if (!bare_.empty()) return;
  std::vector<float> bare(options_.cells());
  if (options_.ages()) writings_ = Writings(options_.rows, options_.cols, {key_, 0, options_.cols, 0, 0, false});
  bare_.swap(bare);
  fill_untouched(all(), window(bare_, all(), options_.cols));
}

hal::View<float> Array::bare(const Rect& rect) noexcept { return window(bare_, rect, options_.cols); }

// A cell lower than a hundredth of a pulse above its G_min is at G_min for an erase, which gives whole pulses and would give it none.
void Array::keep_within_limits(const Rect& rect, const kernels::CellIds& ids, const hal::Program& program) {
  const kernels::CellModel& model = options_.model;
  const bool alike = model.device_to_device == 0;
  if (alike && !program.erase) return;
  const kernels::Material& material = model.material;
  const kernels::CellParameters nominal{static_cast<float>(material.g_min_siemens), static_cast<float>(material.g_max_siemens), 0, 0};
  const hal::View<float> cells = bare(rect);
  for (std::uint32_t r = 0; r < rect.rows; ++r) {
    for (std::uint32_t c = 0; c < rect.cols; ++c) {
      if (!program.mask.empty() && program.mask(r, c) != 0) continue;
      const auto own = alike ? nominal : kernels::cell_parameters(model, ids.key, ids.first + r * ids.row_stride + c);
      const float low = program.erase ? own.g_min + 1e-4f * (own.g_max - own.g_min) : own.g_min;
      cells(r, c) = cells(r, c) < low ? own.g_min : std::min(cells(r, c), own.g_max);
    }
  }
}

kernels::CellIds Array::program(const Rect& rect, const hal::Program& program, const Moment& moment) {
  if (!writings_.empty()) settle(rect, program.mask, moment);
  changed();
  if (options_.identity == Identity::board) {
    kernels::CellIds ids = board_ids(rect);
    ids.event = writes_++;
    return ids;
  }
  const kernels::Key key = kernels::derive(options_.seed(), program.stream);
  std::erase_if(programmed_, [&](const Programmed& old) { return rect.covers(old.rect); });
  if (programmed_.size() == most_windows) programmed_.erase(programmed_.begin());
  programmed_.push_back({rect, key, 0});
  const kernels::CellIds ids{key, 0, rect.cols, 0};
  keep_within_limits(rect, ids, program);
  return ids;
}

std::vector<Array::Part> Array::pulse(const Rect& rect) {
  std::vector<Part> parts;
  std::vector<std::uint8_t> left;  // cells that no newer programming has claimed; empty: all
  for (auto owner = programmed_.rbegin(); owner != programmed_.rend(); ++owner) {
    const Rect& whole = owner->rect;
    const std::uint32_t top = std::max(rect.row, whole.row), bottom = std::min(rect.row + rect.rows, whole.row + whole.rows);
    const std::uint32_t first = std::max(rect.col, whole.col), last = std::min(rect.col + rect.cols, whole.col + whole.cols);
    if (top >= bottom || first >= last) continue;
    // Numbers are those of the programmed window, counted from the corner of `rect`, which may lie outside it: modulo 2^32 the cells
    // inside both come out right.
    Part part{{owner->key, (rect.row - whole.row) * whole.cols + (rect.col - whole.col), whole.cols, 0}, {}};
    if (left.empty() && whole.covers(rect)) {
      part.ids.event = ++owner->pulsings;
      parts.push_back(std::move(part));
      return parts;
    }
    if (left.empty()) left.assign(rect.size(), 1);
    part.owned.assign(rect.size(), 0);
    bool any = false;
    for (std::uint32_t r = top; r < bottom; ++r) {
      for (std::uint32_t c = first; c < last; ++c) {
        const std::size_t i = std::size_t{r - rect.row} * rect.cols + (c - rect.col);
        any = any || left[i] != 0;
        part.owned[i] = std::exchange(left[i], std::uint8_t{0});
      }
    }
    if (!any) continue;
    part.ids.event = ++owner->pulsings;
    parts.push_back(std::move(part));
  }
  Part rest{board_ids(rect), std::move(left)};
  rest.ids.event = writes_++;
  parts.push_back(std::move(rest));
  return parts;
}

}  // namespace sedma::backends::emulator
