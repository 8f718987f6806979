// Harwell-Boeing and Rutherford-Boeing files: Duff, Grimes, Lewis, "Users' Guide for the Harwell-Boeing Sparse Matrix Collection",
// TR/PA/92/86, CERFACS (1992). Compressed columns in fixed-width Fortran fields.

#include <algorithm>
#include <array>
#include <string>
#include <utility>
#include <vector>

#include "runtime/file_formats.h"
#include "runtime/fortran_format.h"
#include "runtime/text_scan.h"

namespace sedma::runtime {
namespace {

struct Header {
  char values = 'R';  // R real, I integer, P pattern
  Symmetry symmetry = Symmetry::general;
  std::uint32_t rows = 0, cols = 0;
  std::uint64_t stored = 0;
  std::uint64_t total_lines = 0, pointer_lines = 0, index_lines = 0, value_lines = 0, rhs_lines = 0;
  FortranFormat pointer_format, index_format, value_format;
};

class Text {
 public:
  Text(std::string_view bytes, const std::string& name) : lines_(bytes), name_(name) {}

  Result<std::string_view> line(std::string_view expected) {
    if (const auto next = lines_.next()) return *next;
    return corrupt("expected {}, found the end of the file: truncated", expected);
  }
  std::optional<std::string_view> any_line() { return lines_.next(); }
  Status here(const Status& status) const { return status.with_context(fmt::format("{}:{}", name_, lines_.number())); }
  template <class... Args>
  Status corrupt(fmt::format_string<Args...> format, Args&&... args) const {
    return here(fail(Code::data_corrupt, format, std::forward<Args>(args)...));
  }

 private:
  Lines lines_;
  const std::string& name_;
};

/// The counts of one header line; those that are missing at its end are zero. Errors: data_corrupt, out_of_range.
Status parse_counts(const Text& text, const Words& words, std::size_t first, std::size_t required, std::span<std::uint64_t> counts) {
  for (std::size_t i = 0; i < counts.size(); ++i) {
    counts[i] = 0;
    if (first + i >= words.count) {
      if (i >= required) continue;
      return text.corrupt("expected at least {} counts, found {}", required, words.count - std::min(first, words.count));
    }
    const Result<std::uint64_t> count = parse_count(words.word[first + i]);
    if (!count.ok()) return text.here(count.status());
    counts[i] = *count;
  }
  return {};
}

Status parse_type(std::string_view type, Header& header) {
  const std::string code = lower(type);
  if (code.size() != 3) return fail(Code::data_corrupt, "expected a matrix type of 3 letters such as RUA, found {}", in_quotes(type));
  if (code[0] == 'c' || code[0] == 'q') return fail(Code::unsupported, "type {}: complex values; SEDMA multiplies real matrices", type);
  if (code[1] == 'h') return fail(Code::unsupported, "type {}: Hermitian symmetry; SEDMA multiplies real matrices", type);
  if (code[2] == 'e') return fail(Code::unsupported, "type {}: unassembled finite elements; assemble the matrix first", type);
  const bool known = (code[0] == 'r' || code[0] == 'i' || code[0] == 'p') &&
                     (code[1] == 'u' || code[1] == 'r' || code[1] == 's' || code[1] == 'z') && code[2] == 'a';
  if (!known) return fail(Code::data_corrupt, "expected a matrix type such as RUA, RSA or PUA, found {}", in_quotes(type));
  if (code[0] == 'p' && code[1] == 'z') return fail(Code::data_corrupt, "type {}: a pattern has no values to be skew-symmetric", type);
  header.values = static_cast<char>(code[0] - 'a' + 'A');
  header.symmetry = code[1] == 's' ? Symmetry::symmetric : code[1] == 'z' ? Symmetry::skew : Symmetry::general;
  return {};
}

/// Line 4: the formats in parentheses, one after the other.
Status parse_formats(std::string_view line, Header& header) {
  const std::array<FortranFormat*, 3> formats{&header.pointer_format, &header.index_format, &header.value_format};
  const std::size_t needed = header.values == 'P' ? 2 : 3;
  for (std::size_t i = 0; i < needed; ++i) {
    const std::size_t open = line.find('(');
    const std::size_t close = line.find(')');
    if (open == std::string_view::npos || close == std::string_view::npos || close < open) {
      return fail(Code::data_corrupt, "expected {} Fortran formats in parentheses, found {}", needed, i);
    }
    SEDMA_ASSIGN_OR_RETURN(*formats[i], parse_fortran_format(line.substr(open, close - open + 1)));
    line.remove_prefix(close + 1);
  }
  if (!header.pointer_format.integer() || !header.index_format.integer()) {
    return fail(Code::data_corrupt, "expected integer formats for pointers and row indices, such as (10I8)");
  }
  if (header.values == 'I' && !header.value_format.integer()) {
    return fail(Code::data_corrupt, "expected an integer format for the values of an integer matrix");
  }
  return {};
}

Status check_lines(const char* what, std::uint64_t lines, std::uint64_t fields, const FortranFormat& format) {
  const std::uint64_t expected = fields / format.repeat + (fields % format.repeat != 0 ? 1 : 0);
  if (lines == expected) return {};
  return fail(Code::data_corrupt, "{} {} at {} a line take {} lines, but line 2 says {}", fields, what, format.repeat, expected, lines);
}

/// Refuses counts that contradict each other or the size of the file, before anything is allocated.
Status check_header(const Header& header, const ReadLimits& limits, std::uint64_t file_bytes) {
  SEDMA_RETURN_IF_ERROR(check_shape(header.rows, header.cols, limits, file_bytes));
  if (header.symmetry != Symmetry::general && header.rows != header.cols) {
    return fail(Code::data_corrupt, "a symmetric or skew-symmetric matrix is square, found {} x {}", header.rows, header.cols);
  }
  if (header.stored > limits.max_entries) {
    return fail(Code::out_of_range, "the header asks for {} entries; the limit is {}", header.stored, limits.max_entries);
  }
  if (header.cols > file_bytes || header.stored > file_bytes - header.cols) {  // each field has at least one character
    return fail(Code::data_corrupt, "the header asks for {} columns and {} entries in a file of {} bytes: truncated, or a wrong header",
                header.cols, header.stored, file_bytes);
  }
  SEDMA_RETURN_IF_ERROR(check_lines("column pointers", header.pointer_lines, std::uint64_t{header.cols} + 1, header.pointer_format));
  SEDMA_RETURN_IF_ERROR(check_lines("row indices", header.index_lines, header.stored, header.index_format));
  return header.values == 'P' ? Status() : check_lines("values", header.value_lines, header.stored, header.value_format);
}

Result<Header> read_header(Text& text, const ReadLimits& limits, std::uint64_t file_bytes) {
  Header header;
  SEDMA_RETURN_IF_ERROR(text.line("the title (line 1)").status());
  SEDMA_ASSIGN_OR_RETURN(const std::string_view counts_line, text.line("the line counts (line 2)"));
  std::array<std::uint64_t, 5> lines{};
  SEDMA_RETURN_IF_ERROR(parse_counts(text, split(counts_line), 0, 3, lines));
  header.total_lines = lines[0];
  header.pointer_lines = lines[1];
  header.index_lines = lines[2];
  header.value_lines = lines[3];
  header.rhs_lines = lines[4];
  for (const std::uint64_t count : lines) {
    if (count > file_bytes) return text.corrupt("expected line counts below the {} bytes of the file, found {}", file_bytes, count);
  }
  if (header.total_lines != lines[1] + lines[2] + lines[3] + lines[4]) {
    return text.corrupt("expected a total of {} + {} + {} + {} lines, found {}", lines[1], lines[2], lines[3], lines[4], lines[0]);
  }

  SEDMA_ASSIGN_OR_RETURN(const std::string_view shape_line, text.line("the matrix type and shape (line 3)"));
  const Words words = split(shape_line);
  if (words.count == 0) return text.corrupt("expected the matrix type and shape, found a blank line");
  SEDMA_RETURN_IF_ERROR(text.here(parse_type(words.word[0], header)));
  std::array<std::uint64_t, 4> shape{};
  SEDMA_RETURN_IF_ERROR(parse_counts(text, words, 1, 3, shape));
  SEDMA_RETURN_IF_ERROR(text.here(check_shape(shape[0], shape[1], limits, file_bytes)));
  header.rows = static_cast<std::uint32_t>(shape[0]);
  header.cols = static_cast<std::uint32_t>(shape[1]);
  header.stored = shape[2];

  SEDMA_ASSIGN_OR_RETURN(const std::string_view formats_line, text.line("the Fortran formats (line 4)"));
  SEDMA_RETURN_IF_ERROR(text.here(parse_formats(formats_line, header)));
  if (header.rhs_lines > 0) SEDMA_RETURN_IF_ERROR(text.line("the kind of right-hand sides (line 5)").status());
  SEDMA_RETURN_IF_ERROR(text.here(check_header(header, limits, file_bytes)));
  return header;
}

/// Hands out the fields of a section, line after line.
class Fields {
 public:
  Fields(Text& text, const FortranFormat& format, std::uint64_t count, const char* what)
      : text_(text), format_(format), count_(count), what_(what) {}

  Result<std::string_view> next() {
    const std::size_t column = static_cast<std::size_t>(index_ % format_.repeat) * format_.width;
    if (column == 0) {
      const auto line = text_.any_line();
      if (!line) return text_.corrupt("expected {} {}, found {}: truncated", count_, what_, index_);
      line_ = *line;
    }
    const std::string_view field = column < line_.size() ? trimmed(line_.substr(column, format_.width)) : std::string_view();
    if (field.empty()) return text_.corrupt("expected {} {}, found a blank field after {}", count_, what_, index_);
    ++index_;
    return field;
  }

 private:
  Text& text_;
  const FortranFormat& format_;
  std::uint64_t count_, index_ = 0;
  const char* what_;
  std::string_view line_;
};

/// `count` integers within [least, most].
Result<std::vector<std::uint64_t>> read_integers(Text& text, const FortranFormat& format, std::uint64_t count, const char* what,
                                                 std::uint64_t least, std::uint64_t most) {
  std::vector<std::uint64_t> values;
  values.reserve(count);
  Fields fields(text, format, count, what);
  while (values.size() < count) {
    SEDMA_ASSIGN_OR_RETURN(const std::string_view field, fields.next());
    const Result<std::uint64_t> value = parse_count(field);
    if (!value.ok()) return text.here(Status(Code::data_corrupt, value.status().message()));
    if (*value < least || *value > most) {
      return text.corrupt("number {} of the {} is {}, outside {}..{}", values.size() + 1, what, *value, least, most);
    }
    values.push_back(*value);
  }
  return values;
}

Result<std::vector<std::uint64_t>> read_pointers(Text& text, const Header& header) {
  const std::uint64_t end = header.stored + 1;
  SEDMA_ASSIGN_OR_RETURN(std::vector<std::uint64_t> pointers,
                         read_integers(text, header.pointer_format, std::uint64_t{header.cols} + 1, "column pointers", 1, end));
  if (pointers.front() != 1) return text.corrupt("expected the first column pointer to be 1, found {}", pointers.front());
  if (pointers.back() != end) return text.corrupt("expected the last column pointer to be {}, found {}", end, pointers.back());
  const auto drop = std::is_sorted_until(pointers.begin(), pointers.end());
  if (drop != pointers.end()) return text.corrupt("expected ascending column pointers, found {} after {}", *drop, *(drop - 1));
  return pointers;
}

Status add_columns(Text& text, const Header& header, const std::vector<std::uint64_t>& pointers,
                   const std::vector<std::uint64_t>& row_indices, Expander& expander) {
  Fields fields(text, header.value_format, header.stored, "values");
  for (std::uint32_t col = 0; col < header.cols; ++col) {
    for (std::uint64_t k = pointers[col] - 1; k < pointers[std::size_t{col} + 1] - 1; ++k) {
      double value = 1;
      if (header.values != 'P') {
        SEDMA_ASSIGN_OR_RETURN(const std::string_view field, fields.next());
        const Result<double> number = parse_fortran_real(field, header.value_format);
        if (!number.ok()) return text.here(number.status());
        value = *number;
      }
      SEDMA_RETURN_IF_ERROR(text.here(expander.add(static_cast<std::uint32_t>(row_indices[k] - 1), col, value)));
    }
  }
  return {};
}

}  // namespace

bool looks_like_harwell_boeing(std::string_view bytes) {
  Lines lines(bytes);
  if (!lines.next() || !lines.next()) return false;
  const auto third = lines.next();
  if (!third || third->size() < 4 || (*third)[3] != ' ') return false;
  const std::string type = lower(third->substr(0, 3));
  return std::string_view("rcipq").find(type[0]) != std::string_view::npos &&
         std::string_view("suhzr").find(type[1]) != std::string_view::npos && (type[2] == 'a' || type[2] == 'e');
}

Result<Coordinates> parse_harwell_boeing_entries(std::string_view bytes, const std::string& name, const ReadLimits& limits) {
  if (bytes.empty()) return fail(Code::data_corrupt, "{}: the file is empty", name);
  Text text(bytes, name);
  SEDMA_ASSIGN_OR_RETURN(const Header header, read_header(text, limits, bytes.size()));
  SEDMA_ASSIGN_OR_RETURN(const std::vector<std::uint64_t> pointers, read_pointers(text, header));
  SEDMA_ASSIGN_OR_RETURN(const std::vector<std::uint64_t> row_indices,
                         read_integers(text, header.index_format, header.stored, "row indices", 1, header.rows));
  Expander expander(header.rows, header.cols, header.symmetry, limits.max_entries);
  expander.reserve(header.stored);
  SEDMA_RETURN_IF_ERROR(add_columns(text, header, pointers, row_indices, expander));
  if (header.rhs_lines > 0 || (header.values == 'P' && header.value_lines > 0)) return expander.take();
  while (const auto line = text.any_line()) {
    if (!trimmed(*line).empty()) {
      return text.corrupt("expected the end of the file after {} entries, found {}", header.stored, in_quotes(*line));
    }
  }
  return expander.take();
}

Result<Matrix> parse_harwell_boeing(std::string_view bytes, const std::string& name, const ReadLimits& limits) {
  SEDMA_ASSIGN_OR_RETURN(Coordinates coordinates, parse_harwell_boeing_entries(bytes, name, limits));
  return to_matrix(std::move(coordinates), name);
}

}  // namespace sedma::runtime
