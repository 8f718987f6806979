#pragma once
// The state of one array: its cells, whose random numbers they follow, and the matrix that it multiplies by.

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "backends/emulator/options.h"
#include "backends/emulator/writings.h"
#include "hal/view.h"
#include "kernels/product_matrix.h"
#include "kernels/pulses.h"

namespace sedma::backends::emulator {

/// A window that was programmed with identity=tile: its cells draw from the key of that programming until another one takes them over.
struct Programmed {
  Rect rect;
  kernels::Key key;
  std::uint64_t pulsings = 0;  ///< Pulse commands since; event 0 is the programming itself
};

/// When cells are looked at: their ages follow from `seconds`, their slow noise from `noise_seconds`.
struct Moment {
  double seconds = 0, noise_seconds = 0;
};

/// One array. Not thread-safe: its lane owns it. Cells take memory (Options::bytes_per_cell) from the first write or product on; before it
/// they read as G_min (with d2d or stuck: as each cell's own G_min or stuck value).
class Array {
 public:
  Array(const Options& options, std::uint32_t number);

  /// Gives the cells memory, at their untouched values.
  void materialise();
  /// Bare cells of a window, for writing. @pre materialised
  hal::View<float> bare(const Rect& rect) noexcept;
  /// To be called after every change of bare cells.
  void changed() noexcept { matrix_known_ = false; }

  /// Terminal conductances of a window at a moment, without white noise.
  void look(const Rect& rect, const Moment& moment, hal::View<float> terminal) const;
  /// The matrix of the whole array at a moment, kept until cells are written, age or change their slow noise. With wires=exact it is the
  /// transfer matrix of the network, O(n^3) to make. @pre materialised
  const kernels::ProductMatrix& matrix(const Moment& moment);
  /// Sums of the matrix's entries on the driven lines of a window, kept with it. @pre matrix() at this moment
  std::span<const double> driven_siemens(const Rect& rect, bool transpose);

  /// Before a Program of a window: the cells take their present, relaxed values, and the random numbers are chosen. With identity=tile the
  /// window becomes that programming's, and its cells (unless masked) are brought within the limits they now have, so that below an erase
  /// nothing of what was there before remains. @pre materialised
  kernels::CellIds program(const Rect& rect, const hal::Program& program, const Moment& moment);
  /// Cuts a Pulse of `rect` by whose random numbers its cells follow. Owners come newest programming first, the board's own identity last.
  struct Part {
    kernels::CellIds ids;             ///< numbered for the window `rect`
    std::vector<std::uint8_t> owned;  ///< [rows, cols] of `rect`: nonzero: this part's cell; empty: all are
  };
  std::vector<Part> pulse(const Rect& rect);
  /// Before pulses: the cells of a window take their present, relaxed values, but for those that are nonzero in `left_alone` (may be
  /// empty).
  void settle(const Rect& rect, hal::View<const std::uint8_t> left_alone, const Moment& moment);
  /// After a write by `ids` (numbered for `rect`): its cells, but for those that are nonzero in `left_alone` (may be empty), age from
  /// `seconds` on. Errors: unavailable (more writings than are told apart).
  Status begin_aging(const Rect& rect, hal::View<const std::uint8_t> left_alone, const kernels::CellIds& ids, double seconds);

  std::uint64_t products = 0, reads = 0;  ///< vectors multiplied and repeats read so far: the events of identity=board
  std::uint32_t number() const noexcept { return number_; }

 private:
  struct LineSums {
    Rect rect;
    bool transpose;
    std::vector<double> sums;
  };
  Rect all() const noexcept { return {0, 0, options_.rows, options_.cols}; }
  kernels::CellIds board_ids(const Rect& rect) const noexcept;
  void keep_within_limits(const Rect& rect, const kernels::CellIds& ids, const hal::Program& program);
  void fill_untouched(const Rect& rect, hal::View<float> cells) const;
  double age(const Writing& writing, const Moment& moment) const noexcept;
  void relax(const Rect& rect, const Moment& moment, hal::View<float> bare) const;
  void fluctuate(const Rect& rect, const Moment& moment, hal::View<float> terminal) const;
  bool holds(const Moment& moment) const noexcept;
  double holds_until(const Moment& moment) const;
  void multiply_by_cells(const Moment& moment);
  void multiply_by_network(const Moment& moment);

  const Options& options_;
  std::uint32_t number_;
  kernels::Key key_;  // the board's identity of this array
  std::vector<float> bare_;
  Writings writings_;                   // empty where nothing ages
  std::vector<Programmed> programmed_;  // oldest first
  std::uint64_t writes_ = 0;
  kernels::ProductMatrix matrix_;
  bool matrix_known_ = false;
  double matrix_until_ = 0;         // the array's clock until when no cell's age changes it
  std::uint64_t matrix_epoch_ = 0;  // of the slow noise in it
  std::vector<LineSums> line_sums_;
};

}  // namespace sedma::backends::emulator
