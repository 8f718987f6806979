#pragma once
// The state of one array: its cells, and whose random numbers they follow.

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "backends/emulator/options.h"
#include "hal/view.h"
#include "kernels/pulses.h"

namespace sedma::backends::emulator {

/// A rectangle of cells.
struct Rect {
  std::uint32_t row = 0, col = 0, rows = 0, cols = 0;
  bool operator==(const Rect&) const = default;
  bool covers(const Rect& other) const noexcept;
  std::size_t size() const noexcept { return static_cast<std::size_t>(rows) * cols; }
};

/// A window that was programmed with identity=tile: its cells draw from the key of that programming until another one takes them over.
struct Programmed {
  Rect rect;
  kernels::Key key;
  std::uint64_t pulsings = 0;  ///< Pulse commands since; event 0 is the programming itself
};

/// One array. Not thread-safe: its lane owns it. Cells take memory (8 bytes each) from the first write on; before it they read as G_min
/// (with d2d or stuck: as each cell's own G_min or stuck value).
class Array {
 public:
  Array(const Options& options, std::uint32_t number);

  bool written() const noexcept { return !bare_.empty(); }
  /// Gives the cells memory, at their untouched values.
  void materialise();
  /// Bare cells of a window, for writing. @pre written()
  hal::View<float> bare(const Rect& rect) noexcept;
  /// Terminal conductances of a window; those of an untouched array are made in `scratch`.
  hal::View<const float> terminal(const Rect& rect, std::vector<float>& scratch) const;
  /// To be called after every change of bare cells: brings the terminal conductances of `rect` up to date. @pre written()
  void changed(const Rect& rect);

  /// The random numbers of a Program of a window. With identity=tile the window becomes that programming's, and its cells (unless masked)
  /// are brought within the limits they now have, so that below an erase nothing of what was there before remains. @pre written()
  kernels::CellIds program(const Rect& rect, const hal::Program& program);
  /// Cuts a Pulse of `rect` by whose random numbers its cells follow: `visit(ids, owned)` per owner, owned(r, c) says whose turn it is.
  /// Owners come newest programming first, the board's own identity last.
  struct Part {
    kernels::CellIds ids;             ///< numbered for the window `rect`
    std::vector<std::uint8_t> owned;  ///< [rows, cols] of `rect`: nonzero: this part's cell; empty: all are
  };
  std::vector<Part> pulse(const Rect& rect);

  /// Sums of the conductances on the driven lines of a window, kept until the next write; empty for an untouched array.
  std::span<const double> driven_siemens(const Rect& rect, bool transpose);

  std::uint64_t products = 0, reads = 0;  ///< vectors multiplied and repeats read so far: the events of identity=board

 private:
  struct LineSums {
    Rect rect;
    bool transpose;
    std::vector<double> sums;
  };
  kernels::CellIds board_ids(const Rect& rect) const noexcept;
  void keep_within_limits(const Rect& rect, const kernels::CellIds& ids, const hal::Program& program);
  void fill_untouched(const Rect& rect, hal::View<float> cells) const;

  const Options& options_;
  kernels::Key key_;  // the board's identity of this array
  std::vector<float> bare_, terminal_;
  std::vector<Programmed> programmed_;  // oldest first
  std::uint64_t writes_ = 0;
  std::vector<LineSums> line_sums_;
};

}  // namespace sedma::backends::emulator
