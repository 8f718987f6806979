#include "calibration/file_io.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <cstdio>
#include <filesystem>
#include <new>
#include <system_error>
#include <utility>

namespace sedma::calibration {
namespace {

std::string system_reason() { return std::generic_category().message(errno); }

class Descriptor {
 public:
  explicit Descriptor(int value) : value_(value) {}
  Descriptor(Descriptor&& other) noexcept : value_(std::exchange(other.value_, -1)) {}
  Descriptor& operator=(Descriptor&&) = delete;
  ~Descriptor() {
    if (value_ >= 0) ::close(value_);
  }
  int get() const noexcept { return value_; }

 private:
  int value_;
};

std::string_view kind_of(mode_t mode) {
  if (S_ISDIR(mode)) return "directory";
  if (S_ISFIFO(mode)) return "fifo";
  if (S_ISSOCK(mode)) return "socket";
  return "device";
}

Result<Descriptor> open_regular(const std::string& path) {
  // Non-blocking, because opening a fifo nobody writes to would wait for ever.
  Descriptor file(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK));
  if (file.get() < 0) return fail(Code::unavailable, "cannot open {}: {}", path, system_reason());
  struct stat info {};
  if (::fstat(file.get(), &info) != 0) return fail(Code::unavailable, "cannot open {}: {}", path, system_reason());
  if (!S_ISREG(info.st_mode)) {
    return fail(Code::unavailable, "{} is a {}, expected a regular file", path, kind_of(info.st_mode));
  }
  return file;
}

Result<std::uint64_t> size_of(const Descriptor& file, const std::string& path) {
  struct stat info {};
  if (::fstat(file.get(), &info) != 0) return fail(Code::unavailable, "cannot read {}: {}", path, system_reason());
  return static_cast<std::uint64_t>(info.st_size);
}

Status write_all(int descriptor, std::uint64_t offset, bool append, std::string_view bytes, const std::string& path) {
  while (!bytes.empty()) {
    const ssize_t done = append ? ::write(descriptor, bytes.data(), bytes.size())
                                : ::pwrite(descriptor, bytes.data(), bytes.size(), static_cast<off_t>(offset));
    if (done < 0) {
      if (errno == EINTR) continue;
      return fail(Code::unavailable, "cannot write {}: {}", path, system_reason());
    }
    bytes.remove_prefix(static_cast<std::size_t>(done));
    offset += static_cast<std::uint64_t>(done);
  }
  return {};
}

}  // namespace

Status check_readable_file(const std::string& path) { return open_regular(path).status(); }

Result<std::uint64_t> file_size(const std::string& path) {
  SEDMA_ASSIGN_OR_RETURN(const Descriptor file, open_regular(path));
  return size_of(file, path);
}

Result<std::string> read_file(const std::string& path, std::uint64_t offset, std::uint64_t max_bytes) {
  SEDMA_ASSIGN_OR_RETURN(const Descriptor file, open_regular(path));
  SEDMA_ASSIGN_OR_RETURN(const std::uint64_t size, size_of(file, path));
  const std::uint64_t wanted = std::min(max_bytes, size > offset ? size - offset : 0);
  std::string bytes;
  try {
    bytes.resize(wanted);
  } catch (const std::exception&) {
    return fail(Code::out_of_range, "{} has {} bytes, more than memory holds", path, wanted);
  }
  std::size_t filled = 0;
  while (filled < bytes.size()) {
    const ssize_t got = ::pread(file.get(), bytes.data() + filled, bytes.size() - filled, static_cast<off_t>(offset + filled));
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) return fail(Code::unavailable, "cannot read {}: {}", path, system_reason());
    if (got == 0) break;  // the file shrank meanwhile
    filled += static_cast<std::size_t>(got);
  }
  bytes.resize(filled);
  return bytes;
}

Result<AtomicFile> AtomicFile::create(const std::string& path) {
  static std::atomic<unsigned> serial{0};
  // The rename would put a file in the place of a device or a fifo.
  std::error_code unknown;
  const auto there = std::filesystem::status(path, unknown);
  if (std::filesystem::exists(there) && !std::filesystem::is_regular_file(there))
    return fail(Code::unavailable, "cannot write {}: {}", path,
                std::filesystem::is_directory(there) ? "Is a directory" : "not a regular file");
  AtomicFile file;
  file.path_ = path;
  // Created with plain open, not mkstemp, so that the umask decides who may read the result. Process identities are reused and may
  // repeat between hosts that share a directory: a name already taken is passed over.
  for (int attempt = 0; attempt < 1000; ++attempt) {
    const std::string name = fmt::format("{}.tmp-{}-{}", path, ::getpid(), serial++);
    file.descriptor_ = ::open(name.c_str(), O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
    if (file.descriptor_ >= 0) {
      file.temporary_ = name;
      return file;
    }
    if (errno != EEXIST) break;
  }
  return fail(Code::unavailable, "cannot create {}: {}", path, system_reason());
}

AtomicFile::AtomicFile(AtomicFile&& other) noexcept
    : path_(std::move(other.path_)), temporary_(std::move(other.temporary_)), descriptor_(std::exchange(other.descriptor_, -1)) {}

AtomicFile& AtomicFile::operator=(AtomicFile&& other) noexcept {
  if (this != &other) {
    discard();
    path_ = std::move(other.path_);
    temporary_ = std::move(other.temporary_);
    descriptor_ = std::exchange(other.descriptor_, -1);
  }
  return *this;
}

AtomicFile::~AtomicFile() { discard(); }

void AtomicFile::discard() noexcept {
  if (descriptor_ < 0) return;
  ::close(std::exchange(descriptor_, -1));
  ::unlink(temporary_.c_str());
}

Status AtomicFile::write(std::string_view bytes) {
  SEDMA_CHECK(descriptor_ >= 0, path_);
  return write_all(descriptor_, 0, true, bytes, path_);
}

Status AtomicFile::write_at(std::uint64_t offset, std::string_view bytes) {
  SEDMA_CHECK(descriptor_ >= 0, path_);
  return write_all(descriptor_, offset, false, bytes, path_);
}

Status AtomicFile::commit() {
  SEDMA_CHECK(descriptor_ >= 0, path_);
  if (::fsync(descriptor_) != 0 || ::rename(temporary_.c_str(), path_.c_str()) != 0) {
    const Status failure = fail(Code::unavailable, "cannot write {}: {}", path_, system_reason());
    discard();
    return failure;
  }
  ::close(std::exchange(descriptor_, -1));
  // The rename itself survives a power cut only once the directory is on disk; some file systems refuse to sync a directory, and
  // the new file is complete either way.
  const std::filesystem::path parent = std::filesystem::path(path_).parent_path();
  const Descriptor directory(::open(parent.empty() ? "." : parent.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (directory.get() >= 0) ::fsync(directory.get());
  return {};
}

}  // namespace sedma::calibration
