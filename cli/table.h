#pragma once
// Aligned columns of text.

#include <string>
#include <vector>

namespace sedma::cli {

/// A table: a header (unless all titles are empty), a rule, rows. Columns are as wide as their widest cell.
class Table {
 public:
  enum class Align { left, right };
  struct Column {
    std::string title;
    Align align = Align::left;
  };

  explicit Table(std::vector<Column> columns) : columns_(std::move(columns)) {}
  /// Two columns without a header: names and what they are.
  static Table of_facts() { return Table({{}, {}}); }

  /// Missing cells are empty. @pre no more cells than columns
  void add(std::vector<std::string> cells);
  /// With a line end after every line, none with spaces at its end.
  std::string to_string() const;

 private:
  std::vector<Column> columns_;
  std::vector<std::vector<std::string>> rows_;
};

}  // namespace sedma::cli
