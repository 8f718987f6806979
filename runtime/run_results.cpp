#include "runtime/run_results.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/uio.h>
#include <unistd.h>
#include <xxhash.h>

#include <algorithm>
#include <array>
#include <bit>
#include <cerrno>
#include <charconv>
#include <cstring>
#include <filesystem>
#include <string_view>
#include <system_error>

#include "calibration/file_io.h"

namespace sedma::runtime {
namespace {

static_assert(std::endian::native == std::endian::little, "records are read as they lie in the file");

constexpr std::string_view prefix = "results-";

/// Before the values of each record.
struct Header {
  std::uint64_t magic, first, count, hash_low, hash_high;  // count: of doubles
};
static_assert(sizeof(Header) == 40);
constexpr std::uint64_t magic = 0x31595F414D444553;  // "SEDMA_Y1"

XXH128_hash_t hash_of(std::uint64_t first, std::uint64_t count, const void* values) {
  const std::array<std::uint64_t, 2> place = {first, count};
  return XXH3_128bits_withSeed(values, count * sizeof(double), XXH3_64bits(place.data(), sizeof place));
}

std::string system_reason() { return std::generic_category().message(errno); }

Status write_fully(int descriptor, std::uint64_t offset, std::array<iovec, 2> parts, const std::string& path) {
  while (parts[0].iov_len + parts[1].iov_len > 0) {
    const ssize_t done = ::pwritev(descriptor, parts.data(), static_cast<int>(parts.size()), static_cast<off_t>(offset));
    if (done < 0 && errno == EINTR) continue;
    if (done < 0) return fail(Code::unavailable, "cannot write {}: {}", path, system_reason());
    offset += static_cast<std::uint64_t>(done);
    std::size_t left = static_cast<std::size_t>(done);
    for (iovec& part : parts) {
      const std::size_t taken = std::min(left, part.iov_len);
      part.iov_base = static_cast<char*>(part.iov_base) + taken;
      part.iov_len -= taken;
      left -= taken;
    }
  }
  return {};
}

}  // namespace

std::string results_path(const std::string& directory, std::uint64_t start) { return fmt::format("{}/{}{:06}", directory, prefix, start); }

Result<std::vector<std::uint64_t>> results_present(const std::string& directory) {
  std::vector<std::uint64_t> starts;
  std::error_code error;
  for (std::filesystem::directory_iterator entry(directory, error), end; !error && entry != end; entry.increment(error)) {
    const std::string name = entry->path().filename().string();
    std::uint64_t start = 0;
    if (!name.starts_with(prefix)) continue;
    const auto [rest, failed] = std::from_chars(name.data() + prefix.size(), name.data() + name.size(), start);
    if (failed == std::errc() && rest == name.data() + name.size()) starts.push_back(start);
  }
  if (error) return fail(Code::unavailable, "cannot read the directory {}: {}", directory, error.message());
  std::sort(starts.begin(), starts.end());
  return starts;
}

Result<std::unique_ptr<RunLog::Results>> RunLog::Results::create(const std::string& directory, std::uint64_t start,
                                                                 std::uint64_t vectors_done) {
  const std::string path = results_path(directory, start);
  const int descriptor = ::open(path.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
  if (descriptor < 0 && errno == EEXIST) return fail(Code::aborted, "another process has just taken over the run in {}", directory);
  if (descriptor < 0) return fail(Code::unavailable, "cannot create {}: {}", path, system_reason());
  auto results = std::make_unique<Results>(descriptor, path);
  SEDMA_RETURN_IF_ERROR(results->append(vectors_done, {}));
  return results;
}

RunLog::Results::~Results() { ::close(descriptor_); }

Status RunLog::Results::append(std::uint64_t first, std::span<const double> y) {
  const XXH128_hash_t hash = hash_of(first, y.size(), y.data());
  Header header = {magic, first, y.size(), hash.low64, hash.high64};
  // pwritev() only reads what it is given.
  const std::array<iovec, 2> parts = {{{&header, sizeof header}, {const_cast<double*>(y.data()), y.size_bytes()}}};
  SEDMA_RETURN_IF_ERROR(write_fully(descriptor_, end_, parts, path_));
  if (::fdatasync(descriptor_) != 0) return fail(Code::unavailable, "cannot write {}: {}", path_, system_reason());
  end_ += sizeof header + y.size_bytes();
  return {};
}

namespace {

/// The record at `offset`, or what is wrong with it. Errors: unavailable.
struct Record {
  std::uint64_t first = 0;
  std::string values, wrong;
};

Result<Record> read_record(const std::string& path, std::uint64_t offset, std::uint64_t size) {
  Record record;
  Header header{};
  SEDMA_ASSIGN_OR_RETURN(const std::string head, calibration::read_file(path, offset, sizeof header));
  if (head.size() == sizeof header) std::memcpy(&header, head.data(), sizeof header);
  if (header.magic != magic || header.count > (size - offset - sizeof header) / sizeof(double)) {
    record.wrong = fmt::format("{}: the record at byte {} is torn or damaged", path, offset);
    return record;
  }
  record.first = header.first;
  SEDMA_ASSIGN_OR_RETURN(record.values, calibration::read_file(path, offset + sizeof header, header.count * sizeof(double)));
  const XXH128_hash_t hash = hash_of(header.first, record.values.size() / sizeof(double), record.values.data());
  if (hash.low64 != header.hash_low || hash.high64 != header.hash_high)
    record.wrong = fmt::format("{}: the record at byte {} does not match its checksum", path, offset);
  return record;
}

}  // namespace

Result<std::string> take_results(const std::string& path, std::uint64_t rows, std::span<double> y, std::vector<bool>& present) {
  SEDMA_ASSIGN_OR_RETURN(const std::uint64_t size, calibration::file_size(path));
  const std::uint64_t vectors = present.size(), vector_bytes = rows * sizeof(double);
  for (std::uint64_t offset = 0; offset < size;) {
    SEDMA_ASSIGN_OR_RETURN(const Record record, read_record(path, offset, size));
    const bool first = offset == 0;
    if (!record.wrong.empty() && first && size > sizeof(Header)) return Status(Code::data_corrupt, record.wrong);
    if (!record.wrong.empty()) return record.wrong;
    if (first != record.values.empty() || record.values.size() % vector_bytes != 0)
      return fail(Code::data_corrupt, "{}: the record at byte {} holds {} bytes, expected products of {} rows", path, offset,
                  record.values.size(), rows);
    if (first) std::fill(present.begin() + static_cast<std::ptrdiff_t>(std::min(record.first, vectors)), present.end(), false);
    for (std::uint64_t i = 0; i < record.values.size() / vector_bytes && record.first + i < vectors; ++i) {
      std::memcpy(&y[(record.first + i) * rows], &record.values[i * vector_bytes], vector_bytes);
      present[record.first + i] = true;
    }
    offset += sizeof(Header) + record.values.size();
  }
  return std::string();
}

}  // namespace sedma::runtime
