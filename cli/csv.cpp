#include "cli/csv.h"

namespace sedma::cli {

void Csv::add(const std::vector<std::string>& fields) {
  for (std::size_t k = 0; k < fields.size(); ++k) {
    if (k > 0) text_ += ',';
    const std::string& field = fields[k];
    if (field.find_first_of(",\"\r\n") == std::string::npos) {
      text_ += field;
      continue;
    }
    text_ += '"';
    for (const char c : field) text_ += c == '"' ? "\"\"" : std::string(1, c);
    text_ += '"';
  }
  text_ += "\r\n";
}

}  // namespace sedma::cli
