#include "backends/replay/command_io.h"

#include <xxhash.h>

#include <bit>
#include <cstring>
#include <memory>
#include <span>
#include <type_traits>

namespace sedma::backends::replay {
namespace {

static_assert(std::endian::native == std::endian::little, "recordings are little endian");

class Digest {
 public:
  Digest() : state_(XXH3_createState(), XXH3_freeState) {
    SEDMA_CHECK(state_ != nullptr);
    XXH3_128bits_reset(state_.get());
  }
  /// Scalars one by one, so that no padding is hashed.
  template <class... T>
  void add(const T&... values) {
    (bytes(&values, sizeof(T)), ...);
  }
  template <class T>
  void add_view(const hal::View<T>& view) {
    add(static_cast<std::uint64_t>(view.rows), static_cast<std::uint64_t>(view.cols), static_cast<std::uint8_t>(view.empty() ? 0 : 1));
    if (view.empty()) return;
    for (std::size_t r = 0; r < view.rows; ++r) bytes(view.row(r), view.cols * sizeof(T));
  }
  void add_drive(const hal::Drive& d) { add(d.cell_volts, d.gate_volts, d.width_seconds, d.compliance_amps); }
  std::array<std::uint64_t, 2> result() const {
    const XXH128_hash_t hash = XXH3_128bits_digest(state_.get());
    return {hash.high64, hash.low64};
  }

 private:
  void bytes(const void* data, std::size_t size) { XXH3_128bits_update(state_.get(), data, size); }
  std::unique_ptr<XXH3_state_t, decltype(&XXH3_freeState)> state_;
};

void add(Digest& d, const hal::Program& p) {
  d.add(p.row, p.col, p.tolerance_siemens, p.passes, p.max_pulses_per_cell, p.schedule.step_fraction,
        static_cast<std::uint8_t>(p.erase ? 1 : 0), p.stream);
  d.add_view(p.siemens);
  d.add_view(p.mask);
}
void add(Digest& d, const hal::Pulse& p) {
  d.add(p.row, p.col);
  d.add_drive(p.up);
  d.add_drive(p.down);
  d.add_view(p.pulses);
}
void add(Digest& d, const hal::Read& r) {
  d.add(r.row, r.col, r.rows, r.cols, r.volts, r.repeats, r.discard, r.interval_seconds, r.stream);
}
void add(Digest& d, const hal::Mvm& m) {
  d.add(m.row, m.col, m.rows, m.cols, static_cast<std::uint8_t>(m.sense), static_cast<std::uint8_t>(m.transpose ? 1 : 0), m.stream,
        m.vector);
  d.add_view(m.volts);
  d.add_view(hal::View<const float>(m.full_scale_amps.data(), 1, m.full_scale_amps.size()));
}
void add(Digest& d, const hal::Idle& i) { d.add(i.seconds); }
void add(Digest&, const hal::SelfTest&) {}

std::string summary(const hal::Program& p) {
  return fmt::format("program of {} x {} cells at ({}, {}), stream {}", p.siemens.rows, p.siemens.cols, p.row, p.col, p.stream);
}
std::string summary(const hal::Pulse& p) {
  return fmt::format("pulse of {} x {} cells at ({}, {})", p.pulses.rows, p.pulses.cols, p.row, p.col);
}
std::string summary(const hal::Read& r) {
  return fmt::format("read of {} x {} cells at ({}, {}), {} times at {} V, stream {}", r.rows, r.cols, r.row, r.col, r.repeats, r.volts,
                     r.stream);
}
std::string summary(const hal::Mvm& m) {
  return fmt::format("mvm of {} vectors on {} x {} cells at ({}, {}), stream {}, vector {}", m.volts.rows, m.rows, m.cols, m.row, m.col,
                     m.stream, m.vector);
}
std::string summary(const hal::Idle& i) { return fmt::format("idle for {} s", i.seconds); }
std::string summary(const hal::SelfTest&) { return "self_test"; }

/// Appends outputs.
class Sink {
 public:
  template <class T>
  void view(const hal::View<T>& view) {
    for (std::size_t r = 0; !view.empty() && r < view.rows; ++r) put(view.row(r), view.cols * sizeof(T));
  }
  void text(const std::string& text) {
    const std::uint64_t size = text.size();
    put(&size, sizeof(size));
    put(text.data(), text.size());
  }
  void put(const void* data, std::size_t size) {
    const auto* first = static_cast<const std::byte*>(data);
    bytes.insert(bytes.end(), first, first + size);
  }
  std::vector<std::byte> bytes;
};

/// Reads them back; ok() turns false at the first byte that is not there.
class Source {
 public:
  explicit Source(std::span<const std::byte> bytes) : bytes_(bytes) {}
  void get(void* data, std::size_t size) {
    ok_ = ok_ && size <= bytes_.size();
    if (!ok_) return;
    if (size > 0) std::memcpy(data, bytes_.data(), size);
    bytes_ = bytes_.subspan(size);
  }
  std::string text() {
    std::uint64_t size = 0;
    get(&size, sizeof(size));
    ok_ = ok_ && size <= bytes_.size();
    std::string text(ok_ ? size : 0, '\0');
    get(text.data(), text.size());
    return text;
  }
  bool ok() const { return ok_; }
  bool exhausted() const { return ok_ && bytes_.empty(); }

 private:
  std::span<const std::byte> bytes_;
  bool ok_ = true;
};

/// Where each output of `rows` x `cols` lies in the bytes, in order.
template <class T>
void fill(const hal::View<T>& view, std::size_t rows, std::size_t cols, std::span<const std::byte>& bytes) {
  for (std::size_t r = 0; !view.empty() && r < rows; ++r) std::memcpy(view.row(r), bytes.data() + r * cols * sizeof(T), cols * sizeof(T));
  bytes = bytes.subspan(rows * cols * sizeof(T));
}

Status wrong_size(const hal::Command& command, std::size_t have, std::size_t need) {
  return fail(Code::data_corrupt, "{}: {} bytes of outputs are recorded; {} are needed", hal::name(command), have, need);
}

Status restore_program(const hal::Command& command, const hal::Program& p, std::span<const std::byte> bytes) {
  const std::size_t rows = p.siemens.rows, cols = p.siemens.cols;
  const std::size_t need = rows * cols * (sizeof(float) + sizeof(std::uint32_t) + sizeof(hal::Outcome));
  if (bytes.size() != need) return wrong_size(command, bytes.size(), need);
  for (const std::byte outcome : bytes.last(rows * cols))
    if (static_cast<std::uint8_t>(outcome) > static_cast<std::uint8_t>(hal::Outcome::out_of_budget))
      return fail(Code::data_corrupt, "program: {} is no outcome", static_cast<unsigned>(outcome));
  fill(p.readback_siemens, rows, cols, bytes);
  fill(p.pulses, rows, cols, bytes);
  fill(p.outcome, rows, cols, bytes);
  return {};
}

Status restore_floats(const hal::Command& command, const hal::View<float>& view, std::span<const std::byte> bytes) {
  const std::size_t need = view.size() * sizeof(float);
  if (bytes.size() != need) return wrong_size(command, bytes.size(), need);
  fill(view, view.rows, view.cols, bytes);
  return {};
}

Status restore_readings(std::vector<hal::Reading>& readings, std::span<const std::byte> bytes) {
  Source source(bytes);
  std::uint64_t count = 0;
  source.get(&count, sizeof(count));
  std::vector<hal::Reading> recorded;
  for (std::uint64_t i = 0; source.ok() && i < count; ++i) {
    hal::Reading reading;
    reading.name = source.text();
    source.get(&reading.value, sizeof(reading.value));
    reading.unit = source.text();
    recorded.push_back(std::move(reading));
  }
  if (!source.exhausted()) return Status(Code::data_corrupt, "self_test: the recorded readings are damaged");
  readings = std::move(recorded);
  return {};
}

}  // namespace

Fingerprint fingerprint(const hal::Command& command, std::uint32_t arrays) {
  Fingerprint print;
  print.kind = static_cast<std::uint8_t>(command.index());
  Digest digest;
  digest.add(print.kind);
  std::visit(
      [&](const auto& each) {
        if constexpr (requires { each.array; }) {
          print.lane = each.array.value;
        } else {
          print.lane = arrays;
        }
        add(digest, each);
        print.summary = summary(each);
      },
      command);
  print.hash = digest.result();
  return print;
}

std::vector<std::byte> capture(const hal::Command& command) {
  Sink sink;
  if (const auto* program = std::get_if<hal::Program>(&command)) {
    sink.view(program->readback_siemens);
    sink.view(program->pulses);
    sink.view(program->outcome);
  } else if (const auto* read = std::get_if<hal::Read>(&command)) {
    sink.view(read->siemens);
  } else if (const auto* mvm = std::get_if<hal::Mvm>(&command)) {
    sink.view(mvm->amps);
  } else if (const auto* test = std::get_if<hal::SelfTest>(&command)) {
    const std::uint64_t count = test->readings->size();
    sink.put(&count, sizeof(count));
    for (const hal::Reading& reading : *test->readings) {
      sink.text(reading.name);
      sink.put(&reading.value, sizeof(reading.value));
      sink.text(reading.unit);
    }
  }
  return std::move(sink.bytes);
}

Status restore(const hal::Command& command, const std::vector<std::byte>& bytes) {
  if (const auto* program = std::get_if<hal::Program>(&command)) return restore_program(command, *program, bytes);
  if (const auto* read = std::get_if<hal::Read>(&command)) return restore_floats(command, read->siemens, bytes);
  if (const auto* mvm = std::get_if<hal::Mvm>(&command)) return restore_floats(command, mvm->amps, bytes);
  if (const auto* test = std::get_if<hal::SelfTest>(&command)) return restore_readings(*test->readings, bytes);
  return bytes.empty() ? Status() : wrong_size(command, bytes.size(), 0);
}

}  // namespace sedma::backends::replay
