#include "runtime/saved_cells.h"

#include <fmt/format.h>

#include <span>
#include <string_view>
#include <type_traits>

#include "calibration/hdf5.h"

namespace sedma::runtime {
namespace {

namespace hdf5 = calibration::hdf5;

constexpr std::string_view format = "SEDMA saved cells";
constexpr double version = 2;

/// Calls `visit` with the name and the place in a slice of everything that is one number of each slice.
template <class Visit>
Status each_number(Visit&& visit) {
  SEDMA_RETURN_IF_ERROR(visit(
      "/slices/block_row", [](auto& s) -> auto& { return s.block_row; }));
  SEDMA_RETURN_IF_ERROR(visit(
      "/slices/block_col", [](auto& s) -> auto& { return s.block_col; }));
  SEDMA_RETURN_IF_ERROR(visit(
      "/slices/slice", [](auto& s) -> auto& { return s.slice; }));
  SEDMA_RETURN_IF_ERROR(visit(
      "/slices/ordinal", [](auto& s) -> auto& { return s.ordinal; }));
  SEDMA_RETURN_IF_ERROR(visit(
      "/slices/hash_low", [](auto& s) -> auto& { return s.hash.low; }));
  SEDMA_RETURN_IF_ERROR(visit(
      "/slices/hash_high", [](auto& s) -> auto& { return s.hash.high; }));
  SEDMA_RETURN_IF_ERROR(visit(
      "/slices/array", [](auto& s) -> auto& { return s.array; }));
  return visit(
      "/slices/turn", [](auto& s) -> auto& { return s.turn; });
}

/// The same for everything that is a list of its own length in each slice.
template <class Visit>
Status each_list(Visit&& visit) {
  SEDMA_RETURN_IF_ERROR(visit("/word_lines", &SavedSlice::word_lines));
  SEDMA_RETURN_IF_ERROR(visit("/bit_lines", &SavedSlice::bit_lines));
  SEDMA_RETURN_IF_ERROR(visit("/target_siemens", &SavedSlice::target_siemens));
  SEDMA_RETURN_IF_ERROR(visit("/found_siemens", &SavedSlice::found_siemens));
  SEDMA_RETURN_IF_ERROR(visit("/unit", &SavedSlice::unit));
  SEDMA_RETURN_IF_ERROR(visit("/full_scale_amps", &SavedSlice::full_scale_amps));
  SEDMA_RETURN_IF_ERROR(visit("/write_variance", &SavedSlice::write_variance));
  SEDMA_RETURN_IF_ERROR(visit("/own_write_variance", &SavedSlice::own_write_variance));
  return visit("/sum_of_squares", &SavedSlice::sum_of_squares);
}

template <class T>
Status write_column(hdf5::Writer& writer, const std::string& name, const std::vector<T>& values) {
  return writer.write(name, std::span<const T>(values), {values.size()});
}

/// All lists of one kind after one another, and where each ends: thousands of slices in a handful of datasets.
template <class T>
Status write_lists(hdf5::Writer& writer, const std::string& name, const std::vector<SavedSlice>& slices,
                   std::vector<T> SavedSlice::*member) {
  std::vector<std::uint64_t> ends;
  ends.reserve(slices.size());
  std::uint64_t count = 0;
  for (const SavedSlice& slice : slices) ends.push_back(count += (slice.*member).size());
  std::vector<T> values;
  values.reserve(count);
  for (const SavedSlice& slice : slices) values.insert(values.end(), (slice.*member).begin(), (slice.*member).end());
  SEDMA_RETURN_IF_ERROR(write_column(writer, name + "/ends", ends));
  return write_column(writer, name + "/values", values);
}

/// The values of a column that must have `count` of them.
template <class T>
Result<std::vector<T>> read_column(const hdf5::Reader& reader, const std::string& name, std::size_t count) {
  SEDMA_ASSIGN_OR_RETURN(std::vector<T> values, reader.read_all<T>(name));
  if (values.size() != count) return fail(Code::data_corrupt, "{} has {} values, expected {}", name, values.size(), count);
  return values;
}

template <class T>
Status read_lists(const hdf5::Reader& reader, const std::string& name, std::vector<SavedSlice>& slices,
                  std::vector<T> SavedSlice::*member) {
  SEDMA_ASSIGN_OR_RETURN(const std::vector<std::uint64_t> ends, read_column<std::uint64_t>(reader, name + "/ends", slices.size()));
  SEDMA_ASSIGN_OR_RETURN(const std::vector<T> values, reader.read_all<T>(name + "/values"));
  std::uint64_t begin = 0;
  for (std::size_t i = 0; i < slices.size(); ++i) {
    if (ends[i] < begin || ends[i] > values.size())
      return fail(Code::data_corrupt, "{} of slice {} is said to be [{}, {}) of {} values", name, i, begin, ends[i], values.size());
    const std::span<const T> part = std::span(values).subspan(begin, ends[i] - begin);
    (slices[i].*member).assign(part.begin(), part.end());
    begin = ends[i];
  }
  if (begin != values.size()) return fail(Code::data_corrupt, "{} has {} values, its slices {}", name, values.size(), begin);
  return {};
}

/// Whether conductances fit their lines.
Status check_shapes(const std::vector<SavedSlice>& slices, Code code) {
  for (std::size_t i = 0; i < slices.size(); ++i) {
    const SavedSlice& s = slices[i];
    const std::size_t cells = s.word_lines.size() * s.bit_lines.size();
    if (s.target_siemens.size() != cells || (!s.found_siemens.empty() && s.found_siemens.size() != cells))
      return fail(code, "slice {} has {} targets and {} read conductances on {} word and {} bit lines", i, s.target_siemens.size(),
                  s.found_siemens.size(), s.word_lines.size(), s.bit_lines.size());
  }
  return {};
}

Status check_text(const char* what, const std::string& text) {
  if (text.find('\0') == std::string::npos) return {};
  return fail(Code::invalid_argument, "the {} '{}' holds a zero byte", what, text.substr(0, text.find('\0')));
}

Status read_board(const hdf5::Reader& reader, SavedCells& cells) {
  SEDMA_ASSIGN_OR_RETURN(cells.board_id, reader.text_attribute("/", "board_id"));
  SEDMA_ASSIGN_OR_RETURN(cells.material, reader.text_attribute("/", "material"));
  SEDMA_ASSIGN_OR_RETURN(const double physical, reader.number_attribute("/", "physical"));
  cells.physical = physical != 0;
  SEDMA_ASSIGN_OR_RETURN(const std::vector<std::uint64_t> content, read_column<std::uint64_t>(reader, "/content", 1));
  cells.content = content.front();
  return {};
}

Status read_slices(const hdf5::Reader& reader, std::vector<SavedSlice>& slices) {
  SEDMA_ASSIGN_OR_RETURN(const std::vector<std::uint64_t> ordinals, reader.read_all<std::uint64_t>("/slices/ordinal"));
  slices.resize(ordinals.size());
  SEDMA_RETURN_IF_ERROR(each_number([&](const char* name, auto place) -> Status {
    using T = std::remove_reference_t<decltype(place(slices.front()))>;
    SEDMA_ASSIGN_OR_RETURN(const std::vector<T> values, read_column<T>(reader, name, slices.size()));
    for (std::size_t i = 0; i < slices.size(); ++i) place(slices[i]) = values[i];
    return {};
  }));
  SEDMA_RETURN_IF_ERROR(each_list([&](const char* name, auto member) { return read_lists(reader, name, slices, member); }));
  return check_shapes(slices, Code::data_corrupt);
}

/// ok if the sealed file is one of these and not newer than this program.
Status check_format(const hdf5::Reader& reader) {
  SEDMA_ASSIGN_OR_RETURN(const std::string found, reader.text_attribute("/", "format"));
  if (found != format) return fail(Code::data_corrupt, "its format is '{}', expected '{}'", found, format);
  SEDMA_ASSIGN_OR_RETURN(const double number, reader.number_attribute("/", "version"));
  if (number > version) return fail(Code::unsupported, "its version is {}, this SEDMA reads up to {}: use a newer one", number, version);
  if (number != version) return fail(Code::data_corrupt, "its version is {}, expected {}", number, version);
  return {};
}

}  // namespace

Status write_saved_cells(const std::string& path, const SavedCells& cells) {
  SEDMA_RETURN_IF_ERROR(check_text("board identity", cells.board_id));
  SEDMA_RETURN_IF_ERROR(check_text("material", cells.material));
  SEDMA_RETURN_IF_ERROR(check_shapes(cells.slices, Code::invalid_argument));
  SEDMA_ASSIGN_OR_RETURN(hdf5::Writer writer, hdf5::Writer::create(path, true));
  SEDMA_RETURN_IF_ERROR(writer.text_attribute("/", "format", std::string(format)));
  SEDMA_RETURN_IF_ERROR(writer.number_attribute("/", "version", version));
  SEDMA_RETURN_IF_ERROR(writer.text_attribute("/", "board_id", cells.board_id));
  SEDMA_RETURN_IF_ERROR(writer.text_attribute("/", "material", cells.material));
  SEDMA_RETURN_IF_ERROR(writer.number_attribute("/", "physical", cells.physical ? 1 : 0));
  SEDMA_RETURN_IF_ERROR(write_column(writer, "/content", std::vector<std::uint64_t>{cells.content}));
  SEDMA_RETURN_IF_ERROR(each_number([&](const char* name, auto place) {
    std::vector<std::remove_cvref_t<decltype(place(cells.slices.front()))>> values;
    values.reserve(cells.slices.size());
    for (const SavedSlice& slice : cells.slices) values.push_back(place(slice));
    return write_column(writer, name, values);
  }));
  SEDMA_RETURN_IF_ERROR(each_list([&](const char* name, auto member) { return write_lists(writer, name, cells.slices, member); }));
  return writer.commit();
}

Result<SavedCells> read_saved_cells(const std::string& path) {
  SEDMA_RETURN_IF_ERROR(hdf5::verify_seal(path));
  SEDMA_ASSIGN_OR_RETURN(const hdf5::Reader reader, hdf5::Reader::open(path));
  SavedCells cells;
  Status status = check_format(reader);
  if (status.ok()) status = read_board(reader, cells);
  if (status.ok()) status = read_slices(reader, cells.slices);
  if (status.ok()) return cells;
  // What it lacks or holds too much of is not what the caller asked for wrongly: the file is not what it claims to be.
  const Code code = status.code() == Code::unsupported ? Code::unsupported : Code::data_corrupt;
  return Status(code, status.message()).with_context(fmt::format("no cells can be taken from {}", path));
}

}  // namespace sedma::runtime
