// sense_outputs by the chosen instruction set.

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "kernels/sense_lines.cpp"
#include "kernels/simd.h"
// These two in this order.
#include <hwy/foreach_target.h>
#include <hwy/highway.h>

#include <cmath>
#include <cstddef>

#include "kernels/convert-inl.h"
#include "kernels/isa.h"
#include "kernels/sense_lines.h"

HWY_BEFORE_NAMESPACE();
namespace sedma::kernels {
namespace HWY_NAMESPACE {

using hal::Sense;

// What all outputs of a vector share.
template <class M>
struct Common {
  M reference = 0;         // mean of the reference line
  float shared_noise = 0;  // of the reference line
  float line_noise = 0;    // sd of an output's noise where all lines have the same
};

template <class M, class V>
float sd_of(const SenseJob<M, V>& job, V variance) {
  return std::sqrt(static_cast<float>(variance * job.variance_factor + job.variance_floor)) * job.noise_amps;
}
template <class M, class V>
float sd_of_pair(const SenseJob<M, V>& job, V plus, V minus) {
  return std::sqrt(static_cast<float>((plus + minus) * job.variance_factor + (job.variance_floor + job.variance_floor))) * job.noise_amps;
}

template <class M, class V>
Common<M> common_of(const SenseJob<M, V>& job) {
  Common<M> common;
  if (job.sense == Sense::reference) common.reference = job.mean[job.outputs];
  if (job.normals == nullptr) return common;
  const bool each = job.variance != nullptr;
  if (job.sense == Sense::reference) common.shared_noise = sd_of(job, each ? job.variance[job.outputs] : V{0}) * job.shared_normal;
  if (!each) common.line_noise = job.sense == Sense::pair ? sd_of_pair(job, V{0}, V{0}) : sd_of(job, V{0});
  return common;
}

// One output in plain code: the tail, and targets without vectors.
template <class M, class V>
float sense_one(const SenseJob<M, V>& job, const Common<M>& common, std::size_t begin, std::size_t j) {
  const bool pair = job.sense == Sense::pair;
  const M mean = pair ? job.mean[2 * j] - job.mean[2 * j + 1] : job.mean[j] - common.reference;
  auto amps = static_cast<float>(mean * job.mean_amps);
  if (job.normals != nullptr) {
    float sd = common.line_noise;
    if (job.variance != nullptr) sd = pair ? sd_of_pair(job, job.variance[2 * j], job.variance[2 * j + 1]) : sd_of(job, job.variance[j]);
    amps = amps + (sd * job.normals[j - begin] - common.shared_noise);
  }
  const float full_scale = job.full_scale == nullptr ? 0.0f : job.full_scale[job.one_full_scale ? 0 : j];
  if (job.gain_error != nullptr) amps = amps + amps * job.gain_error[j];
  if (job.offset != nullptr) amps = amps + job.offset[j] * full_scale;
  return job.adc_bits == 0 ? amps : convert(amps, full_scale, half_codes(job.adc_bits));
}

#if HWY_TARGET == HWY_SCALAR || HWY_TARGET == HWY_EMU128
template <class M, class V>
std::size_t sense_whole(const SenseJob<M, V>&, const Common<M>&, std::size_t begin, std::size_t) {
  return begin;
}
#else
using F = hn::ScalableTag<float>;
using VF = hn::Vec<F>;
inline constexpr std::size_t lanes = HWY_MAX_BYTES / sizeof(float);

// A vector of floats from two of doubles, or from itself.
template <class T>
struct Wide;
template <>
struct Wide<float> {
  VF v;
  template <class Each>
  HWY_INLINE static Wide of(Each each) {
    return {each(F(), std::size_t{0})};
  }
  HWY_INLINE VF rounded(float factor, float floor) const { return hn::Add(hn::Mul(v, hn::Set(F(), factor)), hn::Set(F(), floor)); }
  HWY_INLINE VF rounded(float factor) const { return hn::Mul(v, hn::Set(F(), factor)); }
};
template <>
struct Wide<double> {
  using D = hn::RepartitionToWide<F>;
  hn::Vec<D> low, high;
  template <class Each>
  HWY_INLINE static Wide of(Each each) {
    return {each(D(), std::size_t{0}), each(D(), lanes / 2)};
  }
  HWY_INLINE static VF join(hn::Vec<D> a, hn::Vec<D> b) {
    const hn::Half<F> half;
    return hn::Combine(F(), hn::DemoteTo(half, b), hn::DemoteTo(half, a));
  }
  HWY_INLINE VF rounded(double factor, double floor) const {
    const auto k = hn::Set(D(), factor), add = hn::Set(D(), floor);
    return join(hn::Add(hn::Mul(low, k), add), hn::Add(hn::Mul(high, k), add));
  }
  HWY_INLINE VF rounded(double factor) const {
    const auto k = hn::Set(D(), factor);
    return join(hn::Mul(low, k), hn::Mul(high, k));
  }
};

template <class M, class V>
HWY_INLINE Wide<M> means_of(const SenseJob<M, V>& job, const Common<M>& common, std::size_t j) {
  return Wide<M>::of([&](auto d, std::size_t offset) HWY_ATTR {
    if (job.sense == Sense::pair) {
      hn::Vec<decltype(d)> plus, minus;
      hn::LoadInterleaved2(d, job.mean + 2 * (j + offset), plus, minus);
      return hn::Sub(plus, minus);
    }
    return hn::Sub(hn::LoadU(d, job.mean + j + offset), hn::Set(d, common.reference));
  });
}

template <class M, class V>
HWY_INLINE VF sds_of(const SenseJob<M, V>& job, std::size_t j) {
  const bool pair = job.sense == Sense::pair;
  const auto variance = Wide<V>::of([&](auto d, std::size_t offset) HWY_ATTR {
    if (pair) {
      hn::Vec<decltype(d)> plus, minus;
      hn::LoadInterleaved2(d, job.variance + 2 * (j + offset), plus, minus);
      return hn::Add(plus, minus);
    }
    return hn::LoadU(d, job.variance + j + offset);
  });
  const V floor = pair ? job.variance_floor + job.variance_floor : job.variance_floor;
  return hn::Mul(hn::Sqrt(variance.rounded(job.variance_factor, floor)), hn::Set(F(), job.noise_amps));
}

// Whole vectors of outputs from `j` on; returns the first output that is left.
template <class M, class V>
std::size_t sense_whole(const SenseJob<M, V>& job, const Common<M>& common, std::size_t begin, std::size_t end) {
  const F f;
  std::size_t j = begin;
  for (; j + lanes <= end; j += lanes) {
    VF amps = means_of(job, common, j).rounded(job.mean_amps);
    if (job.normals != nullptr) {
      const VF sd = job.variance != nullptr ? sds_of(job, j) : hn::Set(f, common.line_noise);
      amps = hn::Add(amps, hn::Sub(hn::Mul(sd, hn::LoadU(f, job.normals + (j - begin))), hn::Set(f, common.shared_noise)));
    }
    VF full_scale = hn::Zero(f);
    if (job.full_scale != nullptr) full_scale = job.one_full_scale ? hn::Set(f, job.full_scale[0]) : hn::LoadU(f, job.full_scale + j);
    if (job.gain_error != nullptr) amps = hn::Add(amps, hn::Mul(amps, hn::LoadU(f, job.gain_error + j)));
    if (job.offset != nullptr) amps = hn::Add(amps, hn::Mul(hn::LoadU(f, job.offset + j), full_scale));
    if (job.adc_bits != 0) {
      const VF codes = hn::Set(f, half_codes(job.adc_bits));
      amps = hn::Mul(hn::Div(convert_codes(amps, full_scale, codes), codes), full_scale);
    }
    hn::StoreU(amps, f, job.amps + j);
  }
  return j;
}
#endif

template <class M, class V>
HWY_INLINE void sense_range(const SenseJob<M, V>& job, std::size_t begin, std::size_t end) {
  const Common<M> common = common_of(job);
  for (std::size_t j = sense_whole(job, common, begin, end); j < end; ++j) job.amps[j] = sense_one(job, common, begin, j);
}

void sense_doubles(const SenseJob<double, double>& job, std::size_t begin, std::size_t end) { sense_range(job, begin, end); }
void sense_floats(const SenseJob<float, float>& job, std::size_t begin, std::size_t end) { sense_range(job, begin, end); }
void sense_mixed(const SenseJob<float, double>& job, std::size_t begin, std::size_t end) { sense_range(job, begin, end); }

}  // namespace HWY_NAMESPACE
}  // namespace sedma::kernels
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace sedma::kernels {
namespace {
HWY_EXPORT(sense_doubles);
HWY_EXPORT(sense_floats);
HWY_EXPORT(sense_mixed);
}  // namespace

void sense_outputs(const SenseJob<double, double>& job, std::size_t begin, std::size_t end) noexcept {
  choose_isa();
  HWY_DYNAMIC_DISPATCH(sense_doubles)(job, begin, end);
}
void sense_outputs(const SenseJob<float, float>& job, std::size_t begin, std::size_t end) noexcept {
  choose_isa();
  HWY_DYNAMIC_DISPATCH(sense_floats)(job, begin, end);
}
void sense_outputs(const SenseJob<float, double>& job, std::size_t begin, std::size_t end) noexcept {
  choose_isa();
  HWY_DYNAMIC_DISPATCH(sense_mixed)(job, begin, end);
}

}  // namespace sedma::kernels
#endif  // HWY_ONCE
