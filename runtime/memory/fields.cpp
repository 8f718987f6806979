#include "runtime/memory/fields.h"

#include <fmt/format.h>

#include <array>
#include <charconv>
#include <cmath>
#include <limits>
#include <optional>
#include <string_view>
#include <type_traits>

#include "runtime/memory/pattern_visit.h"

namespace sedma::runtime {
namespace {

using detail::Bounds;
using detail::Name64;

constexpr std::array<std::string_view, 3> partition_names = {"fixed", "grid", "clustered"};
constexpr std::array<std::string_view, 2> encoding_names = {"pair", "offset"};
constexpr std::array<std::string_view, 2> scale_names = {"output", "tile"};
constexpr std::size_t longest_text = 256;

std::span<const std::string_view> names_of(const Partition&) { return partition_names; }
std::span<const std::string_view> names_of(const kernels::Encoding&) { return encoding_names; }
std::span<const std::string_view> names_of(const kernels::Scale&) { return scale_names; }

struct Describe {
  std::vector<Field>& fields;
  void operator()(const std::string& name, const char* unit, const std::string&, Bounds) const {
    fields.push_back({name, unit, FieldType::text});
  }
  template <class T>
  void operator()(const std::string& name, const char* unit, Name64<T>, Bounds) const {
    fields.push_back({name, unit, FieldType::text});
  }
  template <class T>
  void operator()(const std::string& name, const char* unit, const T&, Bounds) const {
    fields.push_back({name, unit, std::is_enum_v<T> ? FieldType::text : std::is_integral_v<T> ? FieldType::integer : FieldType::number});
  }
};

struct Take {
  std::vector<FieldValue>& values;
  void operator()(const std::string&, const char*, const std::string& text, Bounds) const { values.emplace_back(text); }
  template <class T>
  void operator()(const std::string&, const char*, Name64<T> name, Bounds) const {
    values.emplace_back(fmt::format("{:016x}", name.value));
  }
  template <class T>
  void operator()(const std::string&, const char*, const T& member, Bounds) const {
    if constexpr (std::is_enum_v<T>)
      values.emplace_back(std::string(names_of(member)[static_cast<std::size_t>(member)]));
    else if constexpr (std::is_integral_v<T>)
      values.emplace_back(static_cast<std::int64_t>(member));
    else if (std::isnan(member))
      values.emplace_back();
    else
      values.emplace_back(static_cast<double>(member));
  }
};

/// Fills members; the first failure stays.
class Give {
 public:
  explicit Give(std::span<const FieldValue> values) : values_(values) {}

  void operator()(const std::string& name, const char*, std::string& text, Bounds) {
    if (const auto* value = next<std::string>(name, "a text")) text = *value;
  }
  template <class T>
  void operator()(const std::string& name, const char*, Name64<T> number, Bounds) {
    const auto* value = next<std::string>(name, "a text");
    if (value == nullptr) return;
    const char* end = value->data() + value->size();
    const auto read = std::from_chars(value->data(), end, number.value, 16);
    if (value->size() != 16 || read.ec != std::errc() || read.ptr != end) refuse(name, "16 hexadecimal digits");
  }
  template <class T>
  void operator()(const std::string& name, const char*, T& member, Bounds) {
    if constexpr (std::is_enum_v<T>) {
      const auto* value = next<std::string>(name, "a text");
      if (value == nullptr) return;
      const auto names = names_of(member);
      for (std::size_t k = 0; k < names.size(); ++k)
        if (names[k] == *value) return static_cast<void>(member = static_cast<T>(k));
      refuse(name, fmt::format("one of {}", fmt::join(names, ", ")).c_str());
    } else if constexpr (std::is_integral_v<T>) {
      const auto* value = next<std::int64_t>(name, "a whole number");
      if (value == nullptr) return;
      constexpr bool narrow = sizeof(T) < 8;
      if (narrow && (*value < 0 || *value > static_cast<std::int64_t>(std::numeric_limits<T>::max())))
        return refuse(name, fmt::format("0 to {}", std::numeric_limits<T>::max()).c_str());
      member = static_cast<T>(*value);
    } else {
      if (at_ < values_.size() && std::holds_alternative<std::monostate>(values_[at_])) {
        ++at_;
        member = std::numeric_limits<T>::quiet_NaN();
      } else if (const auto* value = next<double>(name, "a number")) {
        member = static_cast<T>(*value);
      }
    }
  }
  Status status() const { return status_; }

 private:
  template <class T>
  const T* next(const std::string& name, const char* what) {
    const T* value = at_ < values_.size() ? std::get_if<T>(&values_[at_]) : nullptr;
    if (value == nullptr) refuse(name, what);
    ++at_;
    return value;
  }
  void refuse(const std::string& name, const char* wanted) {
    if (status_.ok()) status_ = fail(Code::invalid_argument, "{} of a pattern must be {}", name, wanted);
  }
  std::span<const FieldValue> values_;
  std::size_t at_ = 0;
  Status status_;
};

// RFC 3629, without control characters.
bool is_plain_utf8(std::string_view text) {
  for (std::size_t k = 0; k < text.size();) {
    const auto lead = static_cast<unsigned char>(text[k]);
    if (lead < 0x20 || lead == 0x7f) return false;
    const std::size_t more = lead < 0x80 ? 0 : (lead & 0xe0u) == 0xc0 ? 1 : (lead & 0xf0u) == 0xe0 ? 2 : (lead & 0xf8u) == 0xf0 ? 3 : 4;
    if (more == 4 || k + more >= text.size()) return false;
    std::uint32_t point = more == 0 ? lead : lead & (0x3fu >> more);
    for (std::size_t i = 1; i <= more; ++i) {
      const auto byte = static_cast<unsigned char>(text[k + i]);
      if ((byte & 0xc0u) != 0x80) return false;
      point = point << 6 | (byte & 0x3fu);
    }
    constexpr std::array<std::uint32_t, 4> least = {0, 0x80, 0x800, 0x10000};
    if (point < least[more] || point > 0x10ffff || (point >= 0xd800 && point < 0xe000)) return false;
    k += more + 1;
  }
  return true;
}

struct Check {
  Status& status;
  void operator()(const std::string& name, const char*, const std::string& text, Bounds) const {
    if (status.ok() && (text.size() > longest_text || !is_plain_utf8(text)))
      status =
          fail(Code::invalid_argument, "{} of a pattern must be UTF-8 without control characters, of at most {} bytes", name, longest_text);
  }
  template <class T>
  void operator()(const std::string&, const char*, Name64<T>, Bounds) const {}
  template <class T>
  void operator()(const std::string& name, const char* unit, const T& member, Bounds bounds) const {
    if (!status.ok()) return;
    const char* space = *unit == '\0' ? "" : " ";
    if constexpr (std::is_floating_point_v<T>) {
      const bool unknown = std::isnan(member) && name == "temperature_kelvin";
      if (!unknown && !(static_cast<double>(member) >= bounds.low && static_cast<double>(member) <= bounds.high))
        status = fail(Code::invalid_argument, "{} of a pattern is {}{}{}; it must lie in [{}, {}]", name, member, space, unit, bounds.low,
                      bounds.high);
    } else if constexpr (std::is_enum_v<T>) {
      if (static_cast<std::size_t>(member) >= names_of(member).size())
        status = fail(Code::invalid_argument, "{} of a pattern is none of {}", name, fmt::join(names_of(member), ", "));
    } else if constexpr (sizeof(T) == 8) {
      if (static_cast<std::int64_t>(member) < 0)
        status = fail(Code::invalid_argument, "{} of a pattern is {}; it must be below 2^63", name, member);
    }
  }
};

}  // namespace

const std::vector<Field>& pattern_fields() {
  static const std::vector<Field> fields = [] {
    std::vector<Field> list;
    const Pattern pattern;
    detail::visit_pattern(pattern, Describe{list});
    return list;
  }();
  return fields;
}

std::vector<FieldValue> fields_from(const Pattern& pattern) {
  std::vector<FieldValue> values;
  values.reserve(pattern_fields().size());
  detail::visit_pattern(pattern, Take{values});
  return values;
}

Result<Pattern> pattern_from(std::span<const FieldValue> values) {
  if (values.size() != pattern_fields().size())
    return fail(Code::invalid_argument, "a pattern has {} fields, not {}", pattern_fields().size(), values.size());
  Pattern pattern;
  Give give(values);
  detail::visit_pattern(pattern,
                        [&](const std::string& name, const char* unit, auto&& member, Bounds bounds) { give(name, unit, member, bounds); });
  SEDMA_RETURN_IF_ERROR(give.status());
  SEDMA_RETURN_IF_ERROR(validate(pattern));
  return pattern;
}

Status validate(const Pattern& pattern) {
  Status status;
  detail::visit_pattern(pattern, Check{status});
  return status;
}

}  // namespace sedma::runtime
