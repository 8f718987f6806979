#pragma once
// What `sedma sweep --over` says, and the points that it comes to.

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "cli/multiply_options.h"
#include "hal/uri.h"

namespace sedma::cli {

/// Points of one sweep at most.
inline constexpr std::uint64_t most_points = 10000;

/// One --over: a key and the values it takes. A key that names an option of the session (--slices and its like) is one; any other is an
/// option of the device's URI.
struct Axis {
  std::string key;
  bool of_session = false;
  std::vector<std::string> values;
};

/// One value for every axis.
using Point = std::vector<std::string>;

/// Parses "adc_bits=4:12", "read_noise=0:0.05:0.01", "wires=none,exact", "adc_bits=0,4:12": values and ranges from:to[:step], separated by
/// commas. The step is 1 if not given; `to` is one of the values if the steps meet it (within a millionth of a step). Numbers of a range
/// have 12 digits. Errors: invalid_argument (no key, an empty value, what is no range of numbers, over most_points values: says how many).
Result<Axis> parse_axis(std::string_view text);

/// Parses all of them. Errors: as parse_axis; invalid_argument (a key twice; a key that the device's URI has already; a key that neither
/// the session nor an emulator has: lists both kinds, other drivers say it themselves; over most_points points: says how many).
Result<std::vector<Axis>> parse_axes(const std::vector<std::string>& texts, const hal::Uri& device);

std::uint64_t count_points(const std::vector<Axis>& axes);
/// Point number `k`; the last axis changes fastest. @pre k < count_points(axes)
Point point_at(const std::vector<Axis>& axes, std::uint64_t k);
/// "adc_bits=4, slices=1"
std::string describe(const std::vector<Axis>& axes, const Point& point);

/// What `sedma multiply` would be asked at a point. Errors: invalid_argument (a value that the session's option does not take).
Result<MultiplyOptions> options_at(const std::vector<Axis>& axes, const Point& point, MultiplyOptions base);

}  // namespace sedma::cli
