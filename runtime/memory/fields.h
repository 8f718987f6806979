#pragma once
// What a pattern consists of, field by field, in one place: keys, tables of a store, files and listings are all made from here.

#include <cstdint>
#include <functional>
#include <span>
#include <string>
#include <variant>
#include <vector>

#include "hal/status.h"
#include "runtime/memory/pattern.h"

namespace sedma::runtime {

/// Nothing (an unknown temperature), a whole number, a number, or a text.
using FieldValue = std::variant<std::monostate, std::int64_t, double, std::string>;

enum class FieldType : std::uint8_t { integer, number, text };

struct Field {
  std::string name;  ///< with its unit, as in a store's columns: found_vector_joules
  std::string unit;  ///< "J", "s", "K"; empty: a text, a count or a share
  FieldType type = FieldType::number;
};

/// The fields of a pattern, in the order of fields_from().
const std::vector<Field>& pattern_fields();
/// One value for every field. Whole numbers beyond 2^63 are kept as their bits.
std::vector<FieldValue> fields_from(const Pattern& pattern);
/// The inverse, bit for bit. Errors: invalid_argument (a value of another type, out of its member's range, an unknown name of an enum, or
/// as validate(): names the field).
Result<Pattern> pattern_from(std::span<const FieldValue> values);

/// ok if every number is finite (but for the temperature, which may be unknown) and in its range, and every text is UTF-8 without control
/// characters, of at most 256 bytes. Errors: invalid_argument (names the field, what it is and what it may be).
Status validate(const Pattern& pattern);

}  // namespace sedma::runtime
