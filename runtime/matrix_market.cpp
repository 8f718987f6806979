// Matrix Market exchange format: Boisvert, Pozo, Remington, "The Matrix Market Exchange Formats: Initial Design", NISTIR 5935 (1996).

#include <algorithm>
#include <string>
#include <utility>

#include "runtime/file_formats.h"
#include "runtime/text_scan.h"

namespace sedma::runtime {
namespace {

enum class Field { real, integer, pattern };

struct Banner {
  bool array = false;
  Field field = Field::real;
  Symmetry symmetry = Symmetry::general;
};

/// The lines of one file, with messages that say where they are.
class Text {
 public:
  Text(std::string_view bytes, const std::string& name) : lines_(bytes), name_(name) {}

  std::optional<std::string_view> first_line() { return lines_.next(); }
  /// The next line that is neither blank nor a comment.
  std::optional<std::string_view> next_data_line() {
    while (const auto line = lines_.next()) {
      const std::string_view text = trimmed(*line);
      if (!text.empty() && text.front() != '%') return line;
    }
    return std::nullopt;
  }
  std::size_t bytes_left() const { return lines_.bytes_left(); }

  Status here(const Status& status) const { return status.with_context(fmt::format("{}:{}", name_, lines_.number())); }
  template <class... Args>
  Status corrupt(fmt::format_string<Args...> format, Args&&... args) const {
    return here(fail(Code::data_corrupt, format, std::forward<Args>(args)...));
  }

 private:
  Lines lines_;
  const std::string& name_;
};

Status parse_format(const std::string& word, Banner& banner) {
  if (word == "array" || word == "coordinate") {
    banner.array = word == "array";
    return {};
  }
  return fail(Code::data_corrupt, "expected format 'coordinate' or 'array', found {}", in_quotes(word));
}

Status parse_field(const std::string& word, Banner& banner) {
  if (word == "complex") return fail(Code::unsupported, "complex values; SEDMA multiplies real matrices");
  if (word == "real" || word == "double") {
    banner.field = Field::real;
  } else if (word == "integer") {
    banner.field = Field::integer;
  } else if (word == "pattern") {
    banner.field = Field::pattern;
  } else {
    return fail(Code::data_corrupt, "expected field 'real', 'double', 'integer' or 'pattern', found {}", in_quotes(word));
  }
  return {};
}

Status parse_symmetry(const std::string& word, Banner& banner) {
  if (word == "hermitian")
    return fail(Code::unsupported, "Hermitian symmetry, which is for complex values; SEDMA multiplies real matrices");
  if (word == "general") {
    banner.symmetry = Symmetry::general;
  } else if (word == "symmetric") {
    banner.symmetry = Symmetry::symmetric;
  } else if (word == "skew-symmetric") {
    banner.symmetry = Symmetry::skew;
  } else {
    return fail(Code::data_corrupt, "expected symmetry 'general', 'symmetric' or 'skew-symmetric', found {}", in_quotes(word));
  }
  return {};
}

Result<Banner> parse_banner(Text& text) {
  const std::optional<std::string_view> line = text.first_line();
  if (!line) return text.corrupt("the file is empty");
  const Words words = split(*line);
  if (words.count == 0 || lower(words.word[0]) != lower(matrix_market_magic)) {
    return text.corrupt("expected the banner '{} matrix ...', found {}", matrix_market_magic, in_quotes(*line));
  }
  if (words.count != 5) {
    return text.corrupt("expected a banner of 5 words ('{} matrix coordinate real general'), found {}", matrix_market_magic, words.count);
  }
  if (lower(words.word[1]) != "matrix") {
    return text.here(fail(Code::unsupported, "object {}; only 'matrix' is read", in_quotes(words.word[1])));
  }
  Banner banner;
  SEDMA_RETURN_IF_ERROR(text.here(parse_format(lower(words.word[2]), banner)));
  SEDMA_RETURN_IF_ERROR(text.here(parse_field(lower(words.word[3]), banner)));
  SEDMA_RETURN_IF_ERROR(text.here(parse_symmetry(lower(words.word[4]), banner)));
  if (banner.field == Field::pattern && (banner.array || banner.symmetry == Symmetry::skew)) {
    return text.corrupt("a pattern has no values, so it cannot be {}", banner.array ? "an array" : "skew-symmetric");
  }
  return banner;
}

struct Size {
  std::uint32_t rows = 0, cols = 0;
  std::uint64_t stored = 0;  // lines that follow
};

std::uint64_t stored_in_array(std::uint64_t rows, std::uint64_t cols, Symmetry symmetry) {
  if (symmetry == Symmetry::symmetric) return rows * (rows + 1) / 2;
  if (symmetry == Symmetry::skew) return rows * (rows - 1) / 2;
  return rows * cols;
}

/// Refuses what the limits exclude or the bytes that follow cannot hold, before anything is allocated.
Status check_size(const Banner& banner, const Size& size, const ReadLimits& limits, std::uint64_t bytes_left) {
  if (banner.symmetry != Symmetry::general && size.rows != size.cols) {
    return fail(Code::data_corrupt, "a symmetric or skew-symmetric matrix is square, found {} x {}", size.rows, size.cols);
  }
  if (size.stored > limits.max_entries) {
    return fail(Code::out_of_range, "the header asks for {} entries; the limit is {}", size.stored, limits.max_entries);
  }
  // "1", "1 1" and "1 1 1" with their line ends; the last line may lack it.
  const std::uint64_t least = banner.array ? 2 : banner.field == Field::pattern ? 4 : 6;
  if (size.stored > (bytes_left + 1) / least) {
    return fail(Code::data_corrupt, "the header asks for {} entries, at least {} bytes, but only {} follow: truncated, or a wrong header",
                size.stored, size.stored * least - 1, bytes_left);
  }
  return {};
}

Result<Size> parse_size(Text& text, const Banner& banner, const ReadLimits& limits, std::uint64_t file_bytes) {
  const std::size_t expected = banner.array ? 2 : 3;
  const char* wording = banner.array ? "'rows columns'" : "'rows columns entries'";
  const std::optional<std::string_view> line = text.next_data_line();
  if (!line) return text.corrupt("expected the size line {}, found the end of the file", wording);
  const Words words = split(*line);
  if (words.count != expected) return text.corrupt("expected the size line {}, found {}", wording, in_quotes(*line));
  std::uint64_t number[3] = {0, 0, 0};
  for (std::size_t i = 0; i < expected; ++i) {
    const Result<std::uint64_t> count = parse_count(words.word[i]);
    if (!count.ok()) return text.here(count.status().with_context(fmt::format("size line {}", wording)));
    number[i] = *count;
  }
  SEDMA_RETURN_IF_ERROR(text.here(check_shape(number[0], number[1], limits, file_bytes)));
  Size size{static_cast<std::uint32_t>(number[0]), static_cast<std::uint32_t>(number[1]), number[2]};
  if (banner.array) size.stored = stored_in_array(size.rows, size.cols, banner.symmetry);
  SEDMA_RETURN_IF_ERROR(text.here(check_size(banner, size, limits, text.bytes_left())));
  return size;
}

Result<double> parse_value(std::string_view word, Field field) { return field == Field::integer ? parse_integer(word) : parse_real(word); }

Result<std::uint32_t> parse_index(std::string_view word, const char* what, std::uint32_t count) {
  Result<std::uint64_t> index = parse_count(word);
  if (!index.ok()) return Status(Code::data_corrupt, index.status().message()).with_context(fmt::format("{} index", what));
  if (*index == 0 || *index > count) return fail(Code::data_corrupt, "{} index {} is outside 1..{}", what, *index, count);
  return static_cast<std::uint32_t>(*index - 1);
}

Status add_coordinate_line(const Words& words, const Banner& banner, const Size& size, Expander& expander) {
  const std::size_t expected = banner.field == Field::pattern ? 2 : 3;
  if (words.count != expected) {
    return fail(Code::data_corrupt, "expected '{}', found {} words", expected == 2 ? "row column" : "row column value", words.count);
  }
  SEDMA_ASSIGN_OR_RETURN(const std::uint32_t row, parse_index(words.word[0], "row", size.rows));
  SEDMA_ASSIGN_OR_RETURN(const std::uint32_t col, parse_index(words.word[1], "column", size.cols));
  double value = 1;
  if (expected == 3) {
    SEDMA_ASSIGN_OR_RETURN(value, parse_value(words.word[2], banner.field));
  }
  return expander.add(row, col, value);
}

Status read_coordinates(Text& text, const Banner& banner, const Size& size, Expander& expander) {
  for (std::uint64_t i = 0; i < size.stored; ++i) {
    const std::optional<std::string_view> line = text.next_data_line();
    if (!line) return text.corrupt("expected {} entries, found {}: truncated", size.stored, i);
    SEDMA_RETURN_IF_ERROR(text.here(add_coordinate_line(split(*line), banner, size, expander)));
  }
  return {};
}

Status read_array(Text& text, const Banner& banner, const Size& size, Expander& expander) {
  std::uint64_t found = 0;
  for (std::uint32_t col = 0; col < size.cols; ++col) {
    const std::uint32_t first = banner.symmetry == Symmetry::general ? 0 : banner.symmetry == Symmetry::skew ? col + 1 : col;
    for (std::uint32_t row = first; row < size.rows; ++row, ++found) {
      const std::optional<std::string_view> line = text.next_data_line();
      if (!line) return text.corrupt("expected {} values, found {}: truncated", size.stored, found);
      const Words words = split(*line);
      if (words.count != 1) return text.corrupt("expected one value a line, column after column, found {} words", words.count);
      const Result<double> value = parse_value(words.word[0], banner.field);
      if (!value.ok()) return text.here(value.status());
      SEDMA_RETURN_IF_ERROR(text.here(expander.add(row, col, *value)));
    }
  }
  return {};
}

}  // namespace

Result<Coordinates> parse_matrix_market_entries(std::string_view bytes, const std::string& name, const ReadLimits& limits) {
  Text text(bytes, name);
  SEDMA_ASSIGN_OR_RETURN(const Banner banner, parse_banner(text));
  SEDMA_ASSIGN_OR_RETURN(const Size size, parse_size(text, banner, limits, bytes.size()));
  Expander expander(size.rows, size.cols, banner.symmetry, limits.max_entries);
  expander.reserve(size.stored);
  SEDMA_RETURN_IF_ERROR(banner.array ? read_array(text, banner, size, expander) : read_coordinates(text, banner, size, expander));
  if (const auto line = text.next_data_line()) {
    return text.corrupt("expected the end of the file after {} entries, found {}", size.stored, in_quotes(*line));
  }
  return expander.take();
}

Result<Matrix> parse_matrix_market(std::string_view bytes, const std::string& name, const ReadLimits& limits) {
  SEDMA_ASSIGN_OR_RETURN(Coordinates coordinates, parse_matrix_market_entries(bytes, name, limits));
  return to_matrix(std::move(coordinates), name);
}

Status format_matrix_market(const Matrix& matrix, const Sink& sink) {
  BufferedText text(sink);
  SEDMA_RETURN_IF_ERROR(text.add("{} matrix coordinate real general\n", matrix_market_magic));
  SEDMA_RETURN_IF_ERROR(text.add("{} {} {}\n", matrix.rows(), matrix.cols(), matrix.nonzeros()));
  const auto offsets = matrix.row_offsets();
  for (std::size_t row = 0; row < matrix.rows(); ++row) {
    for (std::size_t k = offsets[row]; k < offsets[row + 1]; ++k) {
      SEDMA_RETURN_IF_ERROR(text.add("{} {} {}\n", row + 1, std::uint64_t{matrix.columns()[k]} + 1, matrix.values()[k]));
    }
  }
  return text.flush();
}

Status format_matrix_market(const DenseBlock& block, const Sink& sink) {
  BufferedText text(sink);
  SEDMA_RETURN_IF_ERROR(text.add("{} matrix array real general\n{} {}\n", matrix_market_magic, block.rows, block.cols));
  for (std::size_t col = 0; col < block.cols; ++col) {
    for (std::size_t row = 0; row < block.rows; ++row) {
      SEDMA_RETURN_IF_ERROR(text.add("{}\n", block.values[row * block.cols + col]));
    }
  }
  return text.flush();
}

}  // namespace sedma::runtime
