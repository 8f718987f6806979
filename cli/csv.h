#pragma once
// Comma-separated values, RFC 4180.

#include <string>
#include <vector>

namespace sedma::cli {

/// Lines end with CR LF; a field that holds a comma, a quote or a line end stands in quotes, its quotes doubled.
class Csv {
 public:
  void add(const std::vector<std::string>& fields);
  const std::string& text() const noexcept { return text_; }

 private:
  std::string text_;
};

}  // namespace sedma::cli
