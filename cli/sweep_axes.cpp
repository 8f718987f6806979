#include "cli/sweep_axes.h"

#include <fmt/ranges.h>

#include <algorithm>
#include <charconv>
#include <cmath>
#include <optional>

#include "cli/devices.h"
#include "cli/multiply_flags.h"
#include "cli/units.h"

namespace sedma::cli {
namespace {

constexpr double largest_whole = 9007199254740992;  // 2^53: beyond it a double skips whole numbers

std::vector<std::string_view> split(std::string_view text, char separator) {
  std::vector<std::string_view> parts;
  for (;;) {
    const std::size_t end = text.find(separator);
    parts.push_back(text.substr(0, end));
    if (end == std::string_view::npos) return parts;
    text.remove_prefix(end + 1);
  }
}

std::optional<double> number(std::string_view text) {
  double value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || end != text.data() + text.size() || !(std::abs(value) <= largest_whole)) return std::nullopt;
  return value;
}

// 0.1 * 3 is 0.3, and 256 is not 2.56e+02.
std::string number_text(double value) { return std::floor(value) == value ? fmt::format("{:.0f}", value) : fmt::format("{:.12g}", value); }

Status too_many(std::string_view text, double points) {
  return fail(Code::invalid_argument, "--over {}: {:.0f} points; at most {} are possible", text, points, count(most_points));
}

// from:to[:step]
Status add_range(std::string_view text, std::string_view range, std::vector<std::string>& values) {
  const auto parts = split(range, ':');
  const auto from = number(parts[0]), to = parts.size() > 1 ? number(parts[1]) : std::nullopt;
  const auto step = parts.size() > 2 ? number(parts[2]) : std::optional<double>(1);
  if (parts.size() > 3 || !from || !to || !step || !(*step > 0) || *to < *from)
    return fail(Code::invalid_argument, "--over {}: '{}' is no range from:to[:step] of numbers, upwards and with a step above 0", text,
                range);
  const double steps = std::floor((*to - *from) / *step + 1e-6);
  if (steps + 1 > static_cast<double>(most_points)) return too_many(text, steps + 1);
  for (double k = 0; k <= steps; ++k) values.push_back(number_text(*from + k * *step));
  return {};
}

Status check_key(const Axis& axis, const hal::Uri& device) {
  if (axis.of_session) return {};
  if (device.options().count(axis.key) > 0)
    return fail(Code::invalid_argument, "--over {} varies what --device sets already: {}={}", axis.key, axis.key,
                device.options().at(axis.key));
  const auto known = emulator_option_keys();
  if (device.scheme() != "emulator" || std::find(known.begin(), known.end(), axis.key) != known.end()) return {};
  return fail(Code::invalid_argument, "--over {}: there is no such key; of the emulator: {}; of the product: {}", axis.key,
              fmt::join(known, ", "), fmt::join(session_option_keys(), ", "));
}

}  // namespace

Result<Axis> parse_axis(std::string_view text) {
  const std::size_t equals = text.find('=');
  if (equals == 0 || equals == std::string_view::npos)
    return fail(Code::invalid_argument, "--over {}: expected key=from:to[:step] or key=value,value", text);
  Axis axis;
  axis.key = text.substr(0, equals);
  const auto session = session_option_keys();
  axis.of_session = std::find(session.begin(), session.end(), axis.key) != session.end();
  for (const std::string_view part : split(text.substr(equals + 1), ',')) {
    if (part.empty()) return fail(Code::invalid_argument, "--over {}: a value is missing", text);
    if (part.find(':') == std::string_view::npos) {
      axis.values.emplace_back(part);
    } else {
      SEDMA_RETURN_IF_ERROR(add_range(text, part, axis.values));
    }
  }
  return axis;
}

Result<std::vector<Axis>> parse_axes(const std::vector<std::string>& texts, const hal::Uri& device) {
  std::vector<Axis> axes;
  double points = 1;
  for (const std::string& text : texts) {
    SEDMA_ASSIGN_OR_RETURN(Axis axis, parse_axis(text));
    SEDMA_RETURN_IF_ERROR(check_key(axis, device));
    if (std::any_of(axes.begin(), axes.end(), [&](const Axis& other) { return other.key == axis.key; }))
      return fail(Code::invalid_argument, "--over {} is given twice", axis.key);
    points *= static_cast<double>(axis.values.size());
    axes.push_back(std::move(axis));
  }
  if (points > static_cast<double>(most_points)) return too_many(fmt::format("{}", fmt::join(texts, " --over ")), points);
  return axes;
}

std::uint64_t count_points(const std::vector<Axis>& axes) {
  std::uint64_t points = 1;
  for (const Axis& axis : axes) points *= axis.values.size();
  return points;
}

Point point_at(const std::vector<Axis>& axes, std::uint64_t k) {
  Point point(axes.size());
  for (std::size_t a = axes.size(); a-- > 0; k /= axes[a].values.size()) point[a] = axes[a].values[k % axes[a].values.size()];
  return point;
}

std::string describe(const std::vector<Axis>& axes, const Point& point) {
  std::string text;
  for (std::size_t a = 0; a < axes.size(); ++a) text += fmt::format("{}{}={}", a == 0 ? "" : ", ", axes[a].key, point[a]);
  return text;
}

Result<MultiplyOptions> options_at(const std::vector<Axis>& axes, const Point& point, MultiplyOptions base) {
  SEDMA_ASSIGN_OR_RETURN(hal::Uri device, hal::Uri::parse(base.device));
  for (std::size_t a = 0; a < axes.size(); ++a) {
    if (axes[a].of_session) {
      SEDMA_RETURN_IF_ERROR(set_session_option(base, axes[a].key, point[a]));
    } else {
      device.set_default(axes[a].key, point[a]);
    }
  }
  base.device = device.to_string();
  return base;
}

}  // namespace sedma::cli
