#include "cli/memory_file.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <limits>

#include "calibration/hdf5.h"
#include "cli/csv.h"
#include "runtime/memory/fields.h"

namespace sedma::cli {
namespace {

using calibration::hdf5::Reader;
using calibration::hdf5::Writer;
using runtime::Field;
using runtime::FieldType;
using runtime::FieldValue;
using runtime::Pattern;

constexpr double form_version = 1;
constexpr std::uint64_t most_patterns = 1'000'000, longest_text = 256;

using Rows = std::vector<std::vector<FieldValue>>;  // [pattern][field]

Status write_field(Writer& writer, const std::string& name, const Field& field, const Rows& rows, std::size_t k) {
  const std::uint64_t count = rows.size();
  if (field.type == FieldType::integer) {
    std::vector<std::int64_t> values(count);
    for (std::size_t row = 0; row < count; ++row) values[row] = std::get<std::int64_t>(rows[row][k]);
    return writer.write<std::int64_t>(name, values, {count});
  }
  if (field.type == FieldType::number) {
    std::vector<double> values(count, std::numeric_limits<double>::quiet_NaN());  // unknown
    for (std::size_t row = 0; row < count; ++row)
      if (const auto* number = std::get_if<double>(&rows[row][k])) values[row] = *number;
    return writer.write<double>(name, values, {count});
  }
  std::uint64_t width = 1;
  for (const auto& row : rows) width = std::max<std::uint64_t>(width, std::get<std::string>(row[k]).size());
  std::vector<std::uint8_t> bytes(count * width, 0);
  for (std::size_t row = 0; row < count; ++row) {
    const std::string& text = std::get<std::string>(rows[row][k]);
    std::copy(text.begin(), text.end(), bytes.begin() + static_cast<std::ptrdiff_t>(row * width));
  }
  return writer.write<std::uint8_t>(name, bytes, {count, width});
}

Status read_field(const Reader& reader, const std::string& name, const Field& field, Rows& rows, std::size_t k) {
  SEDMA_ASSIGN_OR_RETURN(const auto shape, reader.shape(name));
  const bool text = field.type == FieldType::text;
  const std::uint64_t width = text && shape.dims.size() == 2 ? shape.dims[1] : 1;
  if (shape.dims.size() != (text ? 2u : 1u) || shape.dims[0] != rows.size() || width > longest_text)
    return fail(Code::data_corrupt, "{} must have {} rows", name, rows.size());
  if (text) {
    SEDMA_ASSIGN_OR_RETURN(const auto bytes, reader.read_all<std::uint8_t>(name));
    for (std::size_t row = 0; row < rows.size(); ++row) {
      const auto first = bytes.begin() + static_cast<std::ptrdiff_t>(row * width), last = first + static_cast<std::ptrdiff_t>(width);
      rows[row][k] = std::string(first, std::find(first, last, 0));
    }
  } else if (field.type == FieldType::integer) {
    SEDMA_ASSIGN_OR_RETURN(const auto values, reader.read_all<std::int64_t>(name));
    for (std::size_t row = 0; row < rows.size(); ++row) rows[row][k] = values[row];
  } else {
    SEDMA_ASSIGN_OR_RETURN(const auto values, reader.read_all<double>(name));
    for (std::size_t row = 0; row < rows.size(); ++row)
      if (!std::isnan(values[row])) rows[row][k] = values[row];
  }
  return {};
}

Result<Rows> read_rows(const Reader& reader) {
  const auto& fields = runtime::pattern_fields();
  SEDMA_ASSIGN_OR_RETURN(const double version, reader.number_attribute("/", "sedma_patterns"));
  if (version != form_version) return fail(Code::unsupported, "form {} of pattern files; this SEDMA knows {}", version, form_version);
  SEDMA_ASSIGN_OR_RETURN(const auto shape, reader.shape("/patterns/evidence"));
  if (shape.dims.size() != 1 || shape.dims[0] == 0 || shape.dims[0] > most_patterns)
    return fail(Code::data_corrupt, "/patterns/evidence must be one column of 1 to {} patterns", most_patterns);
  Rows rows(shape.dims[0], std::vector<FieldValue>(fields.size()));
  for (std::size_t k = 0; k < fields.size(); ++k)
    SEDMA_RETURN_IF_ERROR(read_field(reader, "/patterns/" + fields[k].name, fields[k], rows, k));
  return rows;
}

}  // namespace

Status write_patterns_hdf5(const std::string& path, std::span<const Pattern> patterns) {
  if (patterns.empty()) return fail(Code::invalid_argument, "there are no patterns to export");
  const auto& fields = runtime::pattern_fields();
  Rows rows;
  rows.reserve(patterns.size());
  for (const Pattern& pattern : patterns) rows.push_back(runtime::fields_from(pattern));
  SEDMA_ASSIGN_OR_RETURN(Writer writer, Writer::create(path, true));
  for (std::size_t k = 0; k < fields.size(); ++k) {
    const std::string name = "/patterns/" + fields[k].name;
    SEDMA_RETURN_IF_ERROR(write_field(writer, name, fields[k], rows, k));
    const bool text = fields[k].type == FieldType::text;
    SEDMA_RETURN_IF_ERROR(writer.text_attribute(name, "unit", text ? "UTF-8 text" : fields[k].unit.empty() ? "1" : fields[k].unit));
  }
  SEDMA_RETURN_IF_ERROR(writer.number_attribute("/", "sedma_patterns", form_version));
  return writer.commit();
}

Result<std::vector<Pattern>> read_patterns_hdf5(const std::string& path) {
  SEDMA_RETURN_IF_ERROR(calibration::hdf5::verify_seal(path));  // HDF5 can crash on what is not its own
  SEDMA_ASSIGN_OR_RETURN(const Reader reader, Reader::open(path));
  auto read = read_rows(reader);
  if (!read.ok()) {
    const Status& why = read.status();  // that something is absent is the file's fault, not the caller's
    return Status(why.code() == Code::invalid_argument ? Code::data_corrupt : why.code(), why.message()).with_context(path);
  }
  std::vector<Pattern> patterns;
  patterns.reserve(read->size());
  for (std::size_t row = 0; row < read->size(); ++row) {
    auto pattern = runtime::pattern_from((*read)[row]);
    if (!pattern.ok()) return pattern.status().with_context(fmt::format("{}: pattern {}", path, row));
    patterns.push_back(std::move(pattern).value());
  }
  return patterns;
}

std::string patterns_csv(std::span<const Pattern> patterns) {
  Csv csv;
  std::vector<std::string> line = {"pattern_key"};
  for (const Field& field : runtime::pattern_fields()) line.push_back(field.name);
  csv.add(line);
  for (const Pattern& pattern : patterns) {
    line = {runtime::key_of(pattern.context, pattern.choice).hex()};
    for (const FieldValue& value : runtime::fields_from(pattern)) {
      if (const auto* text = std::get_if<std::string>(&value))
        line.push_back(*text);
      else if (const auto* whole = std::get_if<std::int64_t>(&value))
        line.push_back(fmt::format("{}", *whole));
      else if (const auto* number = std::get_if<double>(&value))
        line.push_back(fmt::format("{}", *number));
      else
        line.emplace_back();
    }
    csv.add(line);
  }
  return csv.text();
}

}  // namespace sedma::cli
