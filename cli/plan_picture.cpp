#include <algorithm>
#include <array>
#include <map>
#include <string_view>
#include <vector>

#include "cli/plan_facts.h"

namespace sedma::cli {
namespace {

constexpr std::string_view letters = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ";
constexpr std::size_t side_by_side = 4;

using Picture = std::vector<std::string>;

std::string gap(std::size_t width) { return std::string(width, ' '); }

// Arrays next to each other, with their numbers above.
std::string in_a_line(const std::vector<std::pair<std::uint32_t, Picture>>& arrays) {
  std::string text;
  for (const auto& [array, picture] : arrays) {
    const std::string title = "array " + std::to_string(array);
    text += title + gap(std::max(picture.front().size() + 2, title.size() + 2) - title.size());
  }
  text.erase(text.find_last_not_of(' ') + 1);
  text += '\n';
  for (std::size_t line = 0; line < arrays.front().second.size(); ++line) {
    std::string row;
    for (const auto& [array, picture] : arrays) {
      const std::size_t width = std::max(picture.front().size(), std::string("array ").size() + std::to_string(array).size()) + 2;
      row += picture[line] + gap(width - picture[line].size());
    }
    row.erase(row.find_last_not_of(' ') + 1);
    text += row + '\n';
  }
  return text;
}

}  // namespace

std::string plan_picture(const PlanFacts& facts, const hal::Capabilities& board, std::uint32_t step, std::uint32_t most) {
  const auto marks = [&](std::uint32_t lines) { return (lines + step - 1) / step; };
  std::map<std::uint32_t, Picture> pictures;
  for (const runtime::Placement& p : facts.layout.placements) {
    if (p.turn > 0 || (pictures.count(p.array) == 0 && pictures.size() == most)) continue;
    Picture& picture = pictures.try_emplace(p.array, marks(board.rows), std::string(marks(board.cols), '.')).first->second;
    for (std::uint32_t row = p.word_lines.front() / step; row <= p.word_lines.back() / step; ++row)
      for (std::uint32_t col = p.bit_lines.front() / step; col <= p.bit_lines.back() / step; ++col)
        picture[row][col] = letters[p.tile % letters.size()];
  }
  std::string text;
  std::vector<std::pair<std::uint32_t, Picture>> line;
  for (auto& [array, picture] : pictures) {
    line.emplace_back(array, std::move(picture));
    if (line.size() < side_by_side && array != pictures.rbegin()->first) continue;
    text += (text.empty() ? "" : "\n") + in_a_line(line);
    line.clear();
  }
  return text;
}

}  // namespace sedma::cli
