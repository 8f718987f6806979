#include "cli/table.h"

#include <algorithm>

#include "hal/status.h"

namespace sedma::cli {
namespace {

// Characters on a terminal: bytes that continue an UTF-8 sequence take no room.
std::size_t width(const std::string& text) {
  return static_cast<std::size_t>(
      std::count_if(text.begin(), text.end(), [](char c) { return (static_cast<unsigned char>(c) & 0xc0u) != 0x80u; }));
}

std::string line(const std::vector<Table::Column>& columns, const std::vector<std::size_t>& widths, const std::vector<std::string>& cells) {
  std::string text;
  for (std::size_t k = 0; k < cells.size(); ++k) {
    const std::string padding(widths[k] - width(cells[k]), ' ');
    if (k > 0) text += "  ";
    text += columns[k].align == Table::Align::right ? padding + cells[k] : cells[k] + padding;
  }
  text.erase(text.find_last_not_of(' ') + 1);
  return text + '\n';
}

}  // namespace

void Table::add(std::vector<std::string> cells) {
  SEDMA_CHECK(cells.size() <= columns_.size(), cells.size(), columns_.size());
  cells.resize(columns_.size());
  rows_.push_back(std::move(cells));
}

std::string Table::to_string() const {
  std::vector<std::string> titles;
  std::vector<std::size_t> widths;
  for (const Column& column : columns_) {
    titles.push_back(column.title);
    widths.push_back(width(column.title));
  }
  for (const auto& row : rows_)
    for (std::size_t k = 0; k < row.size(); ++k) widths[k] = std::max(widths[k], width(row[k]));
  std::string text;
  if (std::any_of(titles.begin(), titles.end(), [](const std::string& title) { return !title.empty(); })) {
    std::vector<std::string> rules;
    for (const std::size_t w : widths) rules.emplace_back(w, '-');
    text = line(columns_, widths, titles) + line(columns_, widths, rules);
  }
  for (const auto& row : rows_) text += line(columns_, widths, row);
  return text;
}

}  // namespace sedma::cli
