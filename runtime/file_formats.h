#pragma once
// What runtime/matrix_file.cpp puts together: one pair of functions a format. Internal; the fuzzers use it too.

#include <functional>
#include <optional>
#include <string>
#include <string_view>

#include "hal/status.h"
#include "runtime/coordinates.h"
#include "runtime/dense_file.h"
#include "runtime/matrix.h"
#include "runtime/matrix_file.h"
#include "runtime/matrix_part.h"
#include "runtime/opened_file.h"

namespace sedma::runtime {

/// Takes the next bytes of a file being written; a failure ends the writing.
using Sink = std::function<Status(std::string_view)>;

/// Collects formatted text and hands it to a sink in pieces of about 64 KiB.
class BufferedText {
 public:
  explicit BufferedText(const Sink& sink) : sink_(sink) {}
  template <class... Args>
  Status add(fmt::format_string<Args...> format, Args&&... args) {
    fmt::format_to(std::back_inserter(text_), format, std::forward<Args>(args)...);
    return text_.size() < piece_bytes ? Status() : flush();
  }
  Status flush() {
    const Status status = sink_(text_);
    text_.clear();
    return status;
  }

 private:
  static constexpr std::size_t piece_bytes = 64u << 10;
  const Sink& sink_;
  std::string text_;
};

// Readers: as parse_matrix_market and its siblings, before the entries become a Matrix or a DenseBlock.
Result<Coordinates> parse_matrix_market_entries(std::string_view bytes, const std::string& name, const ReadLimits& limits);
Result<Coordinates> parse_harwell_boeing_entries(std::string_view bytes, const std::string& name, const ReadLimits& limits);
/// As parse_npy; 1-D arrays are refused (invalid_argument) unless `vectors` is set.
Result<DenseBlock> parse_npy_values(std::string_view bytes, const std::string& name, const ReadLimits& limits, bool vectors);

/// Whether the third line is that of a Harwell-Boeing or Rutherford-Boeing header; these files have no magic.
bool looks_like_harwell_boeing(std::string_view bytes);
constexpr std::string_view npy_magic = "\x93NUMPY";
constexpr std::string_view matrix_market_magic = "%%MatrixMarket";  // in any case

// Writers. Errors: what the sink says.
Status format_matrix_market(const Matrix& matrix, const Sink& sink);
Status format_matrix_market(const DenseBlock& block, const Sink& sink);
Status format_harwell_boeing(const Matrix& matrix, const Sink& sink);
Status format_npy(const Matrix& matrix, const Sink& sink);
Status format_npy(const DenseBlock& block, const Sink& sink);

// HDF5. `dataset` empty: the only numeric one of a fitting rank.
Result<Matrix> read_hdf5_matrix(const std::string& path, const std::string& dataset, const ReadLimits& limits);
/// What a process has of a matrix in HDF5: nothing, all of it, or the scan of its own rows of a dataset that is streamed.
struct Hdf5Part {
  std::optional<Matrix> held;
  struct Streamed {
    Hdf5Dataset source;
    DenseScan scan;
  };
  std::optional<Streamed> streamed;
};
/// As MatrixPart::open().
Result<Hdf5Part> open_hdf5_part(const FileName& name, RowPart part, const ReadLimits& limits, const Watch& watch);
Result<DenseBlock> read_hdf5_block(const std::string& path, const std::string& dataset, const ReadLimits& limits);
Status write_hdf5(const std::string& path, const std::string& dataset, const Matrix& matrix);
Status write_hdf5(const std::string& path, const std::string& dataset, const DenseBlock& block);

}  // namespace sedma::runtime
