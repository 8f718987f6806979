#pragma once
// The serial HDF5 C API behind RAII handles and Status: with its .cpp files the only place that includes <hdf5.h>.

#include <cstddef>
#include <cstdint>
#include <functional>
#include <span>
#include <string>
#include <vector>

#include "calibration/file_io.h"
#include "hal/status.h"

namespace sedma::calibration::hdf5 {

/// An open HDF5 object; closes itself. Move-only.
class Handle {
 public:
  Handle() = default;
  Handle(std::int64_t id, int (*closer)(std::int64_t)) : id_(id), close_(closer) {}
  Handle(Handle&& other) noexcept;
  Handle& operator=(Handle&& other) noexcept;
  ~Handle();
  std::int64_t id() const noexcept { return id_; }
  bool valid() const noexcept { return id_ >= 0; }
  /// Closes now; false if the library could not (for a file: if its last bytes could not be written).
  bool close() noexcept;

 private:
  std::int64_t id_ = -1;
  int (*close_)(std::int64_t) = nullptr;
};

struct Shape {
  std::string path;                  ///< "/group/dataset"
  std::vector<std::uint64_t> dims;   ///< one entry a dimension; none: a scalar
  std::vector<std::uint64_t> chunk;  ///< as dims, of one stored chunk; empty: stored in one piece
  std::string type;                  ///< "float64", "uint8", "string", "compound" ...
  bool numeric = false;              ///< integer or floating point
};

/// A file open for reading. Not thread-safe (serial HDF5). Datasets are numeric, stored in this file (data kept in other files is
/// refused as unsupported) and in chunks of at most 256 MiB (out_of_range).
class Reader {
 public:
  /// Errors: unavailable (no such file, directory, not readable), data_corrupt (not HDF5, or damaged).
  static Result<Reader> open(const std::string& path);
  /// Every dataset of the file, in the order of their names. Errors: data_corrupt.
  Result<std::vector<Shape>> datasets() const;
  /// Errors: invalid_argument (no such dataset: lists what there is); data_corrupt.
  Result<Shape> shape(const std::string& dataset) const;
  /// Rows [first, first+count) of a 1-D or 2-D dataset (1-D: one row), converted to T; out has count * cols elements.
  /// T: double, float, std::uint8_t, std::uint32_t, std::uint64_t, std::int64_t. Floating-point targets take the nearest value.
  /// Errors: as shape(); invalid_argument (not numeric, rank above 2, wrong size of out); out_of_range (rows beyond the end);
  /// data_corrupt (unreadable, or a value that T cannot hold).
  template <class T>
  Status read_rows(const std::string& dataset, std::uint64_t first, std::uint64_t count, std::span<T> out) const;
  /// The window [row, row+rows) x [col, col+cols) of a 1-D or 2-D dataset, row-major. Errors: as read_rows.
  template <class T>
  Status read_window(const std::string& dataset, std::uint64_t row, std::uint64_t col, std::uint64_t rows, std::uint64_t cols,
                     std::span<T> out) const;
  /// A whole 1-D or 2-D dataset, row-major. Errors: as read_rows; out_of_range if it is more than 64 MiB and more than 2048 times
  /// the size of the file (a damaged or hostile header).
  template <class T>
  Result<std::vector<T>> read_all(const std::string& dataset) const;
  /// A fixed- or variable-length string. Errors: invalid_argument (absent, or not one string), data_corrupt.
  Result<std::string> text_attribute(const std::string& object, const std::string& attribute) const;
  /// Errors: invalid_argument (absent, or not one number), data_corrupt.
  Result<double> number_attribute(const std::string& object, const std::string& attribute) const;
  bool has_attribute(const std::string& object, const std::string& attribute) const;

 private:
  explicit Reader(Handle file, std::string path) : file_(std::move(file)), path_(std::move(path)) {}
  Result<Handle> open_dataset(const std::string& dataset) const;
  Result<Handle> open_attribute(const std::string& object, const std::string& attribute) const;
  Handle file_;
  std::string path_;
};

/// A new file, written beside its final name and renamed into place by commit(); destroyed without commit() it leaves nothing behind.
/// With `sealed`, the file's first 512 bytes (the HDF5 user block) hold "SEDMA" and the xxh3-128 of the rest, so that verify_seal()
/// can check it before HDF5 touches it. Ordinary HDF5 tools read such files as they are. The same calls give the same bytes.
class Writer {
 public:
  /// Errors: unavailable (cannot create, with the system's reason).
  static Result<Writer> create(const std::string& path, bool sealed);
  Writer(Writer&&) noexcept = default;
  Writer& operator=(Writer&&) noexcept = default;
  ~Writer() = default;
  /// Writes a dataset of any rank (groups in its path are made); dims.size() >= 1. T as in Reader.
  /// Errors: invalid_argument (dims and values disagree, name taken or not absolute), unavailable (disk full ...).
  template <class T>
  Status write(const std::string& dataset, std::span<const T> values, const std::vector<std::uint64_t>& dims);
  /// Makes a float64 dataset [rows, cols] of zeros for write_rows(), deflated in chunks of at most 1 MiB. Errors: as write.
  Status create_rows(const std::string& dataset, std::uint64_t rows, std::uint64_t cols);
  /// Fills rows from `first` on; values holds whole rows. Errors: invalid_argument, out_of_range, unavailable.
  Status write_rows(const std::string& dataset, std::uint64_t first, std::span<const double> values);
  Status text_attribute(const std::string& object, const std::string& attribute, const std::string& text);
  Status number_attribute(const std::string& object, const std::string& attribute, double value);
  /// Closes, seals, fsyncs and renames. Errors: unavailable; the final name is then as it was before.
  Status commit();

 private:
  Writer() = default;
  AtomicFile target_;
  Handle file_;
  std::string path_;
  bool sealed_ = false;
};

/// Whether the file starts as a sealed one does, intact or not. Errors: unavailable.
Result<bool> has_seal(const std::string& path);

/// ok if the file carries a seal and its bytes match it: it is what SEDMA wrote. A seal finds damage, it does not authenticate.
/// Errors: unavailable; data_corrupt (no seal, or damaged, says which).
Status verify_seal(const std::string& path);

/// What the body of a child process tells its parent while it works, e.g. rows read.
using Tell = std::function<void(std::uint64_t done)>;

/// Runs `body` in a short-lived child process (fork; limits on time and memory) and returns what it returned, a failure or some bytes; a
/// crash, a hang beyond `timeout_seconds` or an over-large allocation (above 2 GiB) in it becomes data_corrupt naming `what`. For foreign
/// HDF5 files: Debian's HDF5 1.10.8 can crash on a damaged one. Call before other threads exist; what `body` prints is dropped.
/// `told` (may be empty) is called in this process with what the body tells; returning false kills the child.
/// Errors: unavailable (no process or pipe to be had), aborted (`told` returned false). Cost: about 1 ms, and copying the answer.
Result<std::string> ask_child_process(const std::string& what, double timeout_seconds,
                                      const std::function<Result<std::string>(const Tell&)>& body,
                                      const std::function<bool(std::uint64_t done)>& told = {});

/// The same for a body that has nothing to say but whether it failed.
Status in_child_process(const std::string& what, double timeout_seconds, const std::function<Status()>& body);

}  // namespace sedma::calibration::hdf5
