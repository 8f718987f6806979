#include "runtime/memory/working.h"

#include <algorithm>
#include <cmath>

#include "hal/status.h"

namespace sedma::runtime {
namespace {

// Of the cumulative sum, in standard deviations: steps of twice `slack` are found soonest. Together: one false alarm in 2,900 products of
// normal scatter, simulated (tests/runtime/working_test.cpp).
constexpr double slack = 0.5, alarm = 7.0;
constexpr double most_surprise = 4.0;   // no single product is an alarm
constexpr double least_scatter = 0.01;  // of a product's log(error): smaller changes are nobody's concern
constexpr std::size_t learning = 4;     // products before the first comparison
constexpr double forgetting = 0.933;    // half of the weight on 10 products

double median(std::vector<double>& values) {
  const auto middle = values.begin() + static_cast<std::ptrdiff_t>(values.size() / 2);
  std::nth_element(values.begin(), middle, values.end());
  if (values.size() % 2 == 1) return *middle;
  return 0.5 * (*middle + *std::max_element(values.begin(), middle));
}

/// A normal number as improbable as Student's t (Wallace 1959).
double as_normal(double t, double degrees) {
  return std::copysign((8 * degrees + 1) / (8 * degrees + 3) * std::sqrt(degrees * std::log1p(t * t / degrees)), t);
}

struct Mean {
  double mean = 0, variance = 0;  // variance of the mean
};
Mean mean_of(const double* values, std::size_t count) {
  Mean result;
  for (std::size_t i = 0; i < count; ++i) result.mean += values[i] / static_cast<double>(count);
  if (count < 2) return result;
  for (std::size_t i = 0; i < count; ++i) result.variance += (values[i] - result.mean) * (values[i] - result.mean);
  result.variance /= static_cast<double>(count - 1) * static_cast<double>(count);
  return result;
}

}  // namespace

void WorkingMemory::remember(const Moment& moment) {
  moments_[next_] = moment;
  next_ = (next_ + 1) % capacity;
  size_ = std::min(size_ + 1, capacity);
  ++settled_;
  ++up_.since;
  ++down_.since;
  if (moment.checked > 0 && moment.error > 0 && std::isfinite(moment.error)) watch(moment);
}

void WorkingMemory::watch(const Moment& moment) noexcept {
  const auto vectors = static_cast<double>(moment.checked);
  double away = std::log(moment.error) - level_;
  if (compared_ >= learning) {
    // scatter_ is a sum over products, each weighted by its vectors: per vector.
    const double degrees = static_cast<double>(compared_ - 1);
    const double product_variance = std::max(scatter_ / degrees / vectors, least_scatter * least_scatter);
    const double scale = std::sqrt(product_variance * (1 + vectors / weight_));
    const double z = std::clamp(as_normal(away / scale, degrees), -most_surprise, most_surprise);
    newest_z_ = z;
    up_.value = std::max(0.0, up_.value + z - slack);
    down_.value = std::max(0.0, down_.value - z - slack);
    if (up_.value == 0) up_.since = 0;
    if (down_.value == 0) down_.since = 0;
    away = std::clamp(away, -3 * scale, 3 * scale);  // a step must not become its own yardstick
  } else {
    up_.since = down_.since = 0;
  }
  ++compared_;
  weight_ += vectors;
  scatter_ += away * away * vectors * (1 - vectors / weight_);
  level_ += away * vectors / weight_;
}

void WorkingMemory::settle() noexcept {
  settled_ = steady();
  compared_ = 0;
  weight_ = level_ = scatter_ = newest_z_ = 0;
  up_ = down_ = {};
}

void WorkingMemory::clear() noexcept {
  next_ = size_ = 0;
  settle();
  settled_ = 0;
}

const Moment& WorkingMemory::newest(std::size_t back) const {
  SEDMA_CHECK(back < size_, back, size_);
  return moments_[(next_ + capacity - 1 - back) % capacity];
}

bool WorkingMemory::confirm_leap() noexcept {
  if (std::abs(newest_z_) < most_surprise) return false;
  (newest_z_ > 0 ? up_ : down_) = {alarm + most_surprise, 1};
  return true;
}

bool WorkingMemory::stepped() const noexcept { return std::max(up_.value, down_.value) > alarm; }

std::size_t WorkingMemory::steady() const noexcept {
  const std::size_t products = !stepped() ? settled_ : up_.value > down_.value ? up_.since : down_.since;
  return std::min(products, size_);
}

double WorkingMemory::off_target(std::size_t products) const {
  std::uint64_t checked = 0, off = 0;
  for (std::size_t i = 0; i < std::min(products, size_); ++i) {
    checked += newest(i).checked;
    off += newest(i).off_target;
  }
  return checked == 0 ? 0 : static_cast<double>(off) / static_cast<double>(checked);
}

template <class Value, class Used>
Trend WorkingMemory::trend(const Value& value, const Used& used) const {
  std::vector<double> at, values;  // oldest first
  for (std::size_t back = size_; back-- > 0;)
    if (const Moment& moment = newest(back); used(moment)) {
      at.push_back(static_cast<double>(size_ - back));
      values.push_back(value(moment));
    }
  Trend result;
  const std::size_t count = values.size();
  if (count == 0) return result;
  double weights = 0;
  for (const double v : values) {
    result.level = forgetting * result.level + (1 - forgetting) * v;
    weights = forgetting * weights + (1 - forgetting);
  }
  result.level /= weights;
  if (count < 2) return result;
  std::vector<double> slopes;
  slopes.reserve(count * (count - 1) / 2);
  for (std::size_t i = 0; i < count; ++i)
    for (std::size_t j = i + 1; j < count; ++j) slopes.push_back((values[j] - values[i]) / (at[j] - at[i]));
  result.slope_per_product = median(slopes);
  const std::size_t last = std::clamp<std::size_t>(count / 4, 1, 10);
  const Mean now = mean_of(values.data() + count - last, last), before = mean_of(values.data(), count - last);
  if (before.mean != 0) result.change = now.mean / before.mean;
  const double error = std::sqrt(now.variance + before.variance);
  if (error > 0) result.z = (now.mean - before.mean) / error;
  return result;
}

Trend WorkingMemory::error() const {
  return trend([](const Moment& m) { return m.error; }, [](const Moment& m) { return m.checked > 0; });
}
Trend WorkingMemory::noise() const {
  return trend([](const Moment& m) { return m.noise; }, [](const Moment&) { return true; });
}
Trend WorkingMemory::load() const {
  return trend([](const Moment& m) { return m.load; }, [](const Moment&) { return true; });
}

}  // namespace sedma::runtime
