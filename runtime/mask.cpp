#include "runtime/mask.h"

#include <array>
#include <nlohmann/json.hpp>

#include "calibration/file_io.h"

namespace sedma::runtime {
namespace {

using nlohmann::json;

Status check_index(const char* what, std::uint32_t index, std::uint32_t count) {
  if (index < count) return {};
  return fail(Code::out_of_range, "the mask names {} {}; the board has {} (numbered from 0)", what, index, count);
}

// What was found, for a message. Not dump() of anything: that recurses, and a hostile file may nest deeper than the stack.
std::string describe(const json& found) {
  if (found.is_number()) return found.dump();
  if (found.is_array()) return fmt::format("a list of {}", found.size());
  return found.type_name();
}

// Reads list[i] = [a, b(, c)] of small non-negative integers.
template <std::size_t N>
Result<std::vector<std::array<std::uint32_t, N>>> read_tuples(const json& object, const char* key, const std::string& name) {
  std::vector<std::array<std::uint32_t, N>> tuples;
  if (!object.contains(key)) return tuples;
  const json& list = object[key];
  if (!list.is_array()) return fail(Code::data_corrupt, "{}: {} must be a list, found {}", name, key, list.type_name());
  for (std::size_t i = 0; i < list.size(); ++i) {
    std::array<std::uint32_t, N> tuple{};
    if (!list[i].is_array() || list[i].size() != N)
      return fail(Code::data_corrupt, "{}: {}[{}] must be a list of {} whole numbers, found {}", name, key, i, N, describe(list[i]));
    for (std::size_t k = 0; k < N; ++k) {
      const json& number = list[i][k];
      if (!number.is_number_unsigned() || number.get<std::uint64_t>() > UINT32_MAX)
        return fail(Code::data_corrupt, "{}: {}[{}][{}] must be a whole number >= 0 (at most 4294967295), found {}", name, key, i, k,
                    describe(number));
      tuple[k] = number.get<std::uint32_t>();
    }
    tuples.push_back(tuple);
  }
  return tuples;
}

}  // namespace

Status Mask::validate(const hal::Capabilities& capabilities) const {
  if (!board_id.empty() && board_id != capabilities.board_id)
    return fail(Code::invalid_argument, "the mask is of board '{}', this board is '{}'", board_id, capabilities.board_id);
  for (const auto& [array, line] : word_lines) {
    SEDMA_RETURN_IF_ERROR(check_index("array", array, capabilities.arrays));
    SEDMA_RETURN_IF_ERROR(check_index("word line", line, capabilities.rows));
  }
  for (const auto& [array, line] : bit_lines) {
    SEDMA_RETURN_IF_ERROR(check_index("array", array, capabilities.arrays));
    SEDMA_RETURN_IF_ERROR(check_index("bit line", line, capabilities.cols));
  }
  for (const auto& [array, row, col] : cells) {
    SEDMA_RETURN_IF_ERROR(check_index("array", array, capabilities.arrays));
    SEDMA_RETURN_IF_ERROR(check_index("word line", row, capabilities.rows));
    SEDMA_RETURN_IF_ERROR(check_index("bit line", col, capabilities.cols));
  }
  return {};
}

std::vector<std::uint32_t> Mask::good_word_lines(std::uint32_t array, std::uint32_t count) const {
  std::vector<std::uint32_t> good;
  for (std::uint32_t line = 0; line < count; ++line)
    if (!word_lines.contains({array, line})) good.push_back(line);
  return good;
}

std::vector<std::uint32_t> Mask::good_bit_lines(std::uint32_t array, std::uint32_t count, bool in_pairs) const {
  const auto bad = [&](std::uint32_t line) { return bit_lines.contains({array, line}); };
  std::vector<std::uint32_t> good;
  if (!in_pairs) {
    for (std::uint32_t line = 0; line < count; ++line)
      if (!bad(line)) good.push_back(line);
    return good;
  }
  for (std::uint32_t line = 0; line + 1 < count; line += 2)
    if (!bad(line) && !bad(line + 1)) good.insert(good.end(), {line, line + 1});
  return good;
}

Result<Mask> parse_mask(std::string_view text, const std::string& name) {
  json object;
  try {
    object = json::parse(text);
  } catch (const json::exception& error) {
    return fail(Code::data_corrupt, "{}: not JSON: {}", name, error.what());
  }
  if (!object.is_object()) return fail(Code::data_corrupt, "{}: expected a JSON object, found {}", name, object.type_name());
  for (const auto& item : object.items())
    if (item.key() != "board_id" && item.key() != "bad_word_lines" && item.key() != "bad_bit_lines" && item.key() != "bad_cells")
      return fail(Code::data_corrupt, "{}: unknown key '{}'; known: board_id, bad_word_lines, bad_bit_lines, bad_cells", name, item.key());
  Mask mask;
  if (object.contains("board_id")) {
    if (!object["board_id"].is_string()) return fail(Code::data_corrupt, "{}: board_id must be a string", name);
    mask.board_id = object["board_id"].get<std::string>();
  }
  SEDMA_ASSIGN_OR_RETURN(const auto rows, read_tuples<2>(object, "bad_word_lines", name));
  SEDMA_ASSIGN_OR_RETURN(const auto cols, read_tuples<2>(object, "bad_bit_lines", name));
  SEDMA_ASSIGN_OR_RETURN(const auto cells, read_tuples<3>(object, "bad_cells", name));
  for (const auto& [array, line] : rows) mask.word_lines.insert({array, line});
  for (const auto& [array, line] : cols) mask.bit_lines.insert({array, line});
  for (const auto& [array, row, col] : cells) mask.cells.insert({array, row, col});
  return mask;
}

Result<Mask> read_mask(const std::string& path) {
  SEDMA_ASSIGN_OR_RETURN(const std::string bytes, calibration::read_file(path));
  return parse_mask(bytes, path);
}

}  // namespace sedma::runtime
