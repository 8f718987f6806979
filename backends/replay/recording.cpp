#include "backends/replay/recording.h"

#include <bit>
#include <charconv>
#include <cmath>
#include <limits>
#include <optional>
#include <span>

#include "calibration/hdf5.h"

namespace sedma::backends::replay {
namespace {

namespace hdf5 = calibration::hdf5;

constexpr std::string_view format = "SEDMA recording";
constexpr double version = 2;
constexpr const char* root = "/";
constexpr const char* words_path = "/commands/words";
constexpr const char* values_path = "/commands/values";
constexpr const char* text_path = "/commands/text";
constexpr const char* outputs_path = "/commands/outputs";
constexpr const char* word_names =
    "kind lane hash_high hash_low code refused pulses conversions begin_utc_ns end_utc_ns unconverged summary_end message_end output_end";
constexpr const char* value_names =
    "seconds cells_joules lines_joules dac_joules adc_joules verify_joules device_time_seconds temperature_kelvin";
constexpr std::size_t word_count = 14, value_count = 8;

/// Calls visit(name, field) for every number of the capabilities, so that writing and reading cannot disagree.
template <class Board, class Visit>
void each_number(Board& b, Visit visit) {
  visit("cell", b.cell), visit("unselected", b.unselected), visit("arrays", b.arrays), visit("rows", b.rows), visit("cols", b.cols);
  visit("levels", b.levels), visit("erase_pulses", b.erase_pulses), visit("g_min_siemens", b.g_min_siemens),
      visit("g_max_siemens", b.g_max_siemens);
  visit("dac_bits", b.dac_bits), visit("adc_bits", b.adc_bits), visit("features", b.features);
  const auto range = [&](const std::string& name, auto& r) {
    visit(name + ".min", r.min), visit(name + ".max", r.max), visit(name + ".step", r.step);
  };
  range("cell_volts", b.cell_volts), range("gate_volts", b.gate_volts), range("read_volts", b.read_volts);
  range("width_seconds", b.width_seconds), range("compliance_amps", b.compliance_amps);
}

template <class L, class Visit>
void each_limit(L& l, Visit visit) {
  visit("max_cell_volts", l.max_cell_volts), visit("max_gate_volts", l.max_gate_volts), visit("max_read_volts", l.max_read_volts);
  visit("max_width_seconds", l.max_width_seconds), visit("max_compliance_amps", l.max_compliance_amps),
      visit("max_line_amps", l.max_line_amps);
  visit("max_pulses_per_cell", l.max_pulses_per_cell), visit("max_total_pulses", l.max_total_pulses);
}

/// The columns of a file.
struct Columns {
  std::vector<std::uint64_t> words;
  std::vector<double> values;
  std::vector<std::uint8_t> text, outputs;

  void append(const Entry& e) {
    const auto add_text = [&](const std::string& s) { text.insert(text.end(), s.begin(), s.end()); };
    const hal::Stats& s = e.completion.stats;
    const hal::Joules& j = s.joules;
    words.insert(words.end(), {e.print.kind, e.print.lane, e.print.hash[0], e.print.hash[1], static_cast<std::uint64_t>(e.status.code()),
                               e.refused ? 1u : 0u, s.pulses, s.conversions, std::bit_cast<std::uint64_t>(s.begin_utc_ns),
                               std::bit_cast<std::uint64_t>(s.end_utc_ns), e.completion.unconverged});
    add_text(e.print.summary);
    words.push_back(text.size());
    add_text(e.status.message());
    words.push_back(text.size());
    const auto* bytes = reinterpret_cast<const std::uint8_t*>(e.outputs.data());
    outputs.insert(outputs.end(), bytes, bytes + e.outputs.size());
    words.push_back(outputs.size());
    values.insert(values.end(),
                  {s.seconds, j.cells, j.lines, j.dac, j.adc, j.verify, s.device_time_seconds, e.completion.temperature_kelvin});
  }
};

Status write_board(hdf5::Writer& writer, const Recording& recording) {
  Status status = writer.text_attribute(root, "board_id", recording.capabilities.board_id);
  const auto keep = [&](Status next) {
    if (status.ok()) status = std::move(next);
  };
  keep(writer.text_attribute(root, "material", recording.capabilities.material));
  each_number(recording.capabilities,
              [&](const std::string& name, const auto& value) { keep(writer.number_attribute(root, name, static_cast<double>(value))); });
  each_limit(recording.limits, [&](const std::string& name, const auto& limit) {
    // As text: a count of pulses may need more digits than a double has.
    if (limit) keep(writer.text_attribute(root, name, fmt::format("{}", *limit)));
  });
  return status;
}

template <class T>
Status write_column(hdf5::Writer& writer, const char* path, const std::vector<T>& values, std::size_t cols, const char* names) {
  std::vector<std::uint64_t> dims{values.size() / cols};
  if (cols > 1) dims.push_back(cols);
  SEDMA_RETURN_IF_ERROR(writer.write(path, std::span<const T>(values), dims));
  return writer.text_attribute(path, "columns", names);
}

/// A reader's answer about a file whose seal is whole: whatever is wrong with it, it is not the file that was meant.
Status foreign(const std::string& path, const Status& status) {
  return fail(Code::data_corrupt, "'{}' is no recording of this version: {}", path, status.message());
}

template <class T>
void assign(T& field, double value, bool& fits) {
  if constexpr (std::is_floating_point_v<T>) {
    field = value;
  } else {
    const double most =
        std::is_enum_v<T> ? 3 : static_cast<double>(std::numeric_limits<std::conditional_t<std::is_enum_v<T>, std::uint8_t, T>>::max());
    fits = fits && value >= 0 && value <= most && value == std::floor(value);
    if (fits) field = static_cast<T>(static_cast<std::uint64_t>(value));
  }
}

template <class T>
void assign(std::optional<T>& field, const std::string& text, bool& fits) {
  T value{};
  const auto [stop, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  fits = fits && error == std::errc() && stop == text.data() + text.size();
  field = value;
}

Status read_board(const hdf5::Reader& reader, Recording& recording) {
  SEDMA_ASSIGN_OR_RETURN(recording.capabilities.board_id, reader.text_attribute(root, "board_id"));
  SEDMA_ASSIGN_OR_RETURN(recording.capabilities.material, reader.text_attribute(root, "material"));
  Status status;
  bool fits = true;
  each_number(recording.capabilities, [&](const std::string& name, auto& field) {
    const auto value = reader.number_attribute(root, name);
    if (value.ok())
      assign(field, *value, fits);
    else
      status = value.status();
  });
  each_limit(recording.limits, [&](const std::string& name, auto& field) {
    if (!reader.has_attribute(root, name)) return;
    const auto text = reader.text_attribute(root, name);
    if (text.ok())
      assign(field, *text, fits);
    else
      status = text.status();
  });
  if (status.ok() && !fits) status = Status(Code::data_corrupt, "its capabilities or limits hold a value that cannot be");
  return status;
}

/// Where one entry's text or outputs lie.
class Cuts {
 public:
  explicit Cuts(const std::vector<std::uint8_t>& bytes) : bytes_(bytes) {}
  std::span<const std::uint8_t> next(std::uint64_t end) {
    ok_ = ok_ && end >= begin_ && end <= bytes_.size();
    if (!ok_) return {};
    const auto part = std::span(bytes_).subspan(begin_, end - begin_);
    begin_ = end;
    return part;
  }
  bool ok() const { return ok_; }

 private:
  const std::vector<std::uint8_t>& bytes_;
  std::uint64_t begin_ = 0;
  bool ok_ = true;
};

std::string text_of(std::span<const std::uint8_t> bytes) { return {bytes.begin(), bytes.end()}; }

/// One entry; false if it cannot be one.
bool decode(const std::uint64_t* w, const double* v, std::uint32_t arrays, Cuts& text, Cuts& outputs, Entry& e) {
  if (w[0] >= std::variant_size_v<hal::Command> || w[1] > arrays || w[4] > static_cast<std::uint64_t>(Code::internal) || w[5] > 1)
    return false;
  e.print.kind = static_cast<std::uint8_t>(w[0]);
  e.print.lane = static_cast<std::uint32_t>(w[1]);
  e.print.hash = {w[2], w[3]};
  e.refused = w[5] != 0;
  hal::Stats& s = e.completion.stats;
  s.pulses = w[6];
  s.conversions = w[7];
  s.begin_utc_ns = std::bit_cast<std::int64_t>(w[8]);
  s.end_utc_ns = std::bit_cast<std::int64_t>(w[9]);
  e.completion.unconverged = w[10];
  e.print.summary = text_of(text.next(w[11]));
  e.status = Status(static_cast<Code>(w[4]), text_of(text.next(w[12])));
  const auto bytes = std::as_bytes(outputs.next(w[13]));
  e.outputs.assign(bytes.begin(), bytes.end());
  s.seconds = v[0];
  s.joules = {v[1], v[2], v[3], v[4], v[5]};
  s.device_time_seconds = v[6];
  e.completion.temperature_kelvin = v[7];
  return text.ok() && outputs.ok() && (!e.refused || !e.status.ok());
}

Status read_commands(const hdf5::Reader& reader, Recording& recording) {
  SEDMA_ASSIGN_OR_RETURN(const double count, reader.number_attribute(root, "commands"));
  if (count == 0) return {};
  SEDMA_ASSIGN_OR_RETURN(const std::vector<std::uint64_t> words, reader.read_all<std::uint64_t>(words_path));
  SEDMA_ASSIGN_OR_RETURN(const std::vector<double> values, reader.read_all<double>(values_path));
  SEDMA_ASSIGN_OR_RETURN(const std::vector<std::uint8_t> text, reader.read_all<std::uint8_t>(text_path));
  SEDMA_ASSIGN_OR_RETURN(const std::vector<std::uint8_t> outputs, reader.read_all<std::uint8_t>(outputs_path));
  const std::size_t n = words.size() / word_count;
  if (static_cast<double>(n) != count || words.size() != n * word_count || values.size() != n * value_count)
    return fail(Code::data_corrupt, "{} commands, {} words, {} values", count, words.size(), values.size());
  Cuts text_cuts(text), output_cuts(outputs);
  recording.entries.resize(n);
  for (std::size_t i = 0; i < n; ++i)
    if (!decode(&words[i * word_count], &values[i * value_count], recording.capabilities.arrays, text_cuts, output_cuts,
                recording.entries[i]))
      return fail(Code::data_corrupt, "command {} cannot be", i);
  return {};
}

}  // namespace

Status save(const Recording& recording, const std::string& path) {
  SEDMA_ASSIGN_OR_RETURN(hdf5::Writer writer, hdf5::Writer::create(path, true));
  SEDMA_RETURN_IF_ERROR(writer.text_attribute(root, "format", std::string(format)));
  SEDMA_RETURN_IF_ERROR(writer.number_attribute(root, "version", version));
  SEDMA_RETURN_IF_ERROR(writer.number_attribute(root, "commands", static_cast<double>(recording.entries.size())));
  SEDMA_RETURN_IF_ERROR(write_board(writer, recording));
  if (!recording.entries.empty()) {
    Columns columns;
    for (const Entry& entry : recording.entries) columns.append(entry);
    columns.outputs.push_back(0);  // a dataset of no bytes is not portable
    SEDMA_RETURN_IF_ERROR(write_column(writer, words_path, columns.words, word_count, word_names));
    SEDMA_RETURN_IF_ERROR(write_column(writer, values_path, columns.values, value_count, value_names));
    SEDMA_RETURN_IF_ERROR(write_column(writer, text_path, columns.text, 1, "summary and message of each command"));
    SEDMA_RETURN_IF_ERROR(write_column(writer, outputs_path, columns.outputs, 1, "outputs of each command"));
  }
  return writer.commit();
}

Result<Recording> load(const std::string& path) {
  SEDMA_RETURN_IF_ERROR(hdf5::verify_seal(path));
  SEDMA_ASSIGN_OR_RETURN(const hdf5::Reader reader, hdf5::Reader::open(path));
  const auto found = reader.text_attribute(root, "format");
  if (!found.ok() || *found != format)
    return foreign(path, Status(Code::data_corrupt, found.ok() ? fmt::format("it says '{}'", *found) : found.status().message()));
  const auto number = reader.number_attribute(root, "version");
  if (!number.ok() || *number != version)
    return foreign(path, Status(Code::data_corrupt, number.ok() ? fmt::format("it has version {}", *number) : number.status().message()));
  Recording recording;
  if (const Status status = read_board(reader, recording); !status.ok()) return foreign(path, status);
  if (const Status status = read_commands(reader, recording); !status.ok()) return foreign(path, status);
  return recording;
}

}  // namespace sedma::backends::replay
