#pragma once
// Whole files and atomic replacement: what every file format of SEDMA stands on.

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "hal/status.h"

namespace sedma::calibration {

/// ok if `path` is a regular file that this process may read. A fifo or device is refused without opening it for longer than a look,
/// so nothing can block. Errors: unavailable (absent, a directory, a fifo, not readable: with the system's reason).
Status check_readable_file(const std::string& path);

/// Bytes of a regular file. Errors: as check_readable_file.
Result<std::uint64_t> file_size(const std::string& path);

/// Up to `max_bytes` bytes from byte `offset` on; shorter only at the end of the file.
/// Errors: as check_readable_file; unavailable (read error); out_of_range (more than memory holds).
Result<std::string> read_file(const std::string& path, std::uint64_t offset = 0, std::uint64_t max_bytes = UINT64_MAX);

/// A file that replaces `path` as a whole or not at all: written beside it, renamed into place by commit(); destroyed without
/// commit() it leaves nothing behind. Permissions follow the umask. Move-only, not thread-safe.
class AtomicFile {
 public:
  AtomicFile() = default;
  /// Errors: unavailable (cannot create, with the system's reason).
  static Result<AtomicFile> create(const std::string& path);
  AtomicFile(AtomicFile&& other) noexcept;
  AtomicFile& operator=(AtomicFile&& other) noexcept;
  ~AtomicFile();

  /// Where the bytes are until commit().
  const std::string& temporary_path() const noexcept { return temporary_; }
  int descriptor() const noexcept { return descriptor_; }
  /// Appends. Errors: unavailable (disk full ..., with the system's reason).
  Status write(std::string_view bytes);
  /// Overwrites from byte `offset` on. Errors: as write.
  Status write_at(std::uint64_t offset, std::string_view bytes);
  /// fsync, rename, fsync of the directory. Errors: unavailable; `path` is then as it was before.
  Status commit();

 private:
  void discard() noexcept;
  std::string path_, temporary_;
  int descriptor_ = -1;
};

}  // namespace sedma::calibration
