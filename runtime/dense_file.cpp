#include "runtime/dense_file.h"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <numeric>
#include <string_view>
#include <utility>

#include "runtime/coordinates.h"

namespace sedma::runtime {
namespace {

constexpr std::uint64_t most_kept_bytes = 128u << 20, most_row_bytes = 64u << 20;
constexpr std::uint64_t most_chunk_bands = 8;

/// The entries != 0 of dense rows.
class RowReader {
 public:
  explicit RowReader(std::size_t cols) : all_(cols) { std::iota(all_.begin(), all_.end(), 0u); }
  RowEntries entries(std::span<const double> line) {
    if (std::find(line.begin(), line.end(), 0.0) == line.end()) return {all_, line};
    columns_.clear();
    values_.clear();
    for (std::size_t col = 0; col < line.size(); ++col) {
      if (line[col] == 0) continue;
      columns_.push_back(static_cast<std::uint32_t>(col));
      values_.push_back(line[col]);
    }
    return {columns_, values_};
  }

 private:
  std::vector<std::uint32_t> all_, columns_;
  std::vector<double> values_;
};

template <class T>
void put(std::string& bytes, std::span<const T> values) {
  const std::uint64_t count = values.size();
  bytes.append(reinterpret_cast<const char*>(&count), sizeof count);
  bytes.append(reinterpret_cast<const char*>(values.data()), values.size_bytes());
}

template <class T>
bool take(std::string_view& bytes, std::vector<T>& values) {
  std::uint64_t count = 0;
  if (bytes.size() < sizeof count) return false;
  std::memcpy(&count, bytes.data(), sizeof count);
  bytes.remove_prefix(sizeof count);
  if (count > bytes.size() / sizeof(T)) return false;
  values.resize(count);
  if (count != 0) std::memcpy(values.data(), bytes.data(), count * sizeof(T));
  bytes.remove_prefix(count * sizeof(T));
  return true;
}

std::uint64_t chunk_rows(const Hdf5Dataset& source) {
  const auto& chunk = source.shape.chunk;
  return chunk.empty() ? 1 : std::clamp<std::uint64_t>(chunk.front(), 1, source.rows);
}

Bands bands_of(const Hdf5Dataset& source) { return runtime::bands_of(source.rows, source.cols, chunk_rows(source)); }

}  // namespace

void DenseScan::append(DenseScan&& next) {
  hashes.insert(hashes.end(), next.hashes.begin(), next.hashes.end());
  bounds.insert(bounds.end(), next.bounds.begin(), next.bounds.end());
  pattern.append(next.pattern);
}

std::string DenseScan::pack() const {
  std::string bytes;
  put(bytes, std::span(hashes));
  put(bytes, std::span(bounds));
  put(bytes, pattern.slots());
  put(bytes, pattern.words());
  return bytes;
}

Result<DenseScan> DenseScan::unpack(std::string_view bytes, std::uint64_t rows, std::uint64_t cols) {
  DenseScan scan;
  std::vector<std::uint32_t> slots;
  std::vector<std::uint64_t> words;
  const bool whole = take(bytes, scan.hashes) && take(bytes, scan.bounds) && take(bytes, slots) && take(bytes, words) && bytes.empty();
  if (!whole || scan.hashes.size() != rows || scan.bounds.size() != rows || slots.size() != rows ||
      std::any_of(scan.bounds.begin(), scan.bounds.end(), [](double bound) { return !(bound >= 0); }) ||
      !scan.pattern.assign(static_cast<std::uint32_t>(cols), std::move(slots), std::move(words))) {
    return fail(Code::data_corrupt, "it was changed while it was read, or is damaged");
  }
  return scan;
}

Bands bands_of(std::uint64_t rows, std::uint64_t cols, std::uint64_t chunk_rows) noexcept {
  const std::uint64_t row_bytes = cols * sizeof(double);
  const std::uint64_t budget = std::min(most_kept_bytes, rows * row_bytes / 4);
  const std::uint64_t most = std::max<std::uint64_t>(1, budget / 2 / row_bytes);
  const std::uint64_t wanted = std::max<std::uint64_t>(1, budget / 8 / row_bytes);
  const std::uint64_t aligned = (wanted + chunk_rows - 1) / chunk_rows * chunk_rows;
  const std::uint64_t band_rows = aligned <= most ? aligned : most;
  return {band_rows, std::max<std::uint64_t>(2, budget / (band_rows * row_bytes))};
}

bool is_streamed(const Hdf5Dataset& source, const ReadLimits& limits) noexcept {
  if (source.rows * source.cols <= limits.held_values || source.cols > most_row_bytes / sizeof(double)) return false;
  return chunk_rows(source) <= most_chunk_bands * (bands_of(source).rows + 1);  // one more: small ones round down
}

Result<DenseScan> scan_dense(const Hdf5Dataset& source, const RowRange& rows, const Watch& watch) {
  const Bands bands = bands_of(source);
  DenseScan scan;
  scan.pattern = RowPattern(static_cast<std::uint32_t>(source.cols));
  RowReader reader(source.cols);
  std::vector<double> values;
  for (std::uint64_t first = rows.first, count = 0; first < rows.end; first += count) {
    count = std::min(bands.rows - first % bands.rows, rows.end - first);  // up to the end of a band
    SEDMA_RETURN_IF_ERROR(source.read_finite(first, 0, count, source.cols, values));
    for (std::uint64_t i = 0; i < count; ++i) {
      const RowEntries row = reader.entries(std::span<const double>(values).subspan(i * source.cols, source.cols));
      scan.hashes.push_back(row_hash(row));
      scan.bounds.push_back(row_bound(row));
      scan.pattern.add_row(row.columns);
    }
    if (watch && !watch(first + count - rows.first, rows.count()))
      return fail(Code::aborted, "{}: stopped at row {} of {}", source.reference, first + count, source.rows);
  }
  return scan;
}

DenseFile::DenseFile(Hdf5Dataset source, DenseScan scan)
    : source_(std::move(source)), bands_(bands_of(source_)), hashes_(std::move(scan.hashes)), pattern_(std::move(scan.pattern)) {
  kept_.resize(bands_.kept);
  describe(matrix_name(source_.reference), static_cast<std::uint32_t>(source_.rows), static_cast<std::uint32_t>(source_.cols),
           pattern_.count(), hashes_, std::move(scan.bounds));
}

std::span<const std::uint32_t> DenseFile::row_columns(std::uint32_t row, std::vector<std::uint32_t>& scratch) const {
  return pattern_.columns(row, scratch);
}

Status DenseFile::read(std::uint64_t band, std::vector<double>& values) const {
  const std::uint64_t first = band * bands_.rows, count = std::min(bands_.rows, source_.rows - first), end = first + count;
  values.resize(count * source_.cols);
  const Status status = source_.reader.read_window(source_.shape.path, first, 0, count, source_.cols, std::span<double>(values));
  if (!status.ok()) return Status(Code::data_corrupt, status.message()).with_context(fmt::format("{}, rows {}..{}", name(), first, end));
  RowReader reader(source_.cols);
  for (std::uint64_t i = 0; i < count; ++i) {
    const RowEntries row = reader.entries(std::span<const double>(values).subspan(i * source_.cols, source_.cols));
    if (row_hash(row) != hashes_[first + i])
      return fail(Code::data_corrupt, "{}, rows {}..{}: row {} is not what it was when {} was opened: the file was changed or truncated",
                  name(), first, end, first + i, source_.reference);
  }
  for (double& value : values) value += 0.0;  // -0 becomes 0, as in memory
  return {};
}

Result<const double*> DenseFile::from_row(std::uint32_t row) const {
  const std::uint64_t band = row / bands_.rows;
  auto slot = std::find_if(kept_.begin(), kept_.end(), [&](const Kept& kept) { return kept.band == band; });
  if (slot == kept_.end()) {
    slot = std::min_element(kept_.begin(), kept_.end(), [](const Kept& a, const Kept& b) { return a.last_use < b.last_use; });
    slot->band = UINT64_MAX;  // should reading fail
    SEDMA_RETURN_IF_ERROR(read(band, slot->values));
    slot->band = band;
  }
  slot->last_use = ++uses_;
  return slot->values.data() + (row - band * bands_.rows) * source_.cols;
}

Status DenseFile::gather(std::span<const std::uint32_t> rows, std::span<const std::uint32_t> cols, double* out) const {
  if (rows.empty() || cols.empty()) return {};
  SEDMA_CHECK(rows.back() < this->rows() && cols.back() < this->cols(), rows.back(), cols.back());
  const bool adjacent = cols.back() - cols.front() + 1 == cols.size();
  for (const std::uint32_t row : rows) {
    SEDMA_ASSIGN_OR_RETURN(const double* line, from_row(row));
    if (adjacent) {
      out = std::copy_n(line + cols.front(), cols.size(), out);
    } else {
      for (const std::uint32_t col : cols) *out++ = line[col];
    }
  }
  return {};
}

Status DenseFile::for_each_row(const RowVisitor& visit) const {
  RowReader reader(source_.cols);
  for (std::uint32_t row = 0; row < rows(); ++row) {
    SEDMA_ASSIGN_OR_RETURN(const double* line, from_row(row));
    SEDMA_RETURN_IF_ERROR(visit(row, reader.entries({line, source_.cols})));
  }
  return {};
}

std::uint64_t DenseFile::bytes() const noexcept {
  const std::uint64_t kept = bands_.kept * bands_.rows * source_.cols * sizeof(double);
  return kept + pattern_.bytes() + rows() * (sizeof(std::uint64_t) + sizeof(double));
}

}  // namespace sedma::runtime
