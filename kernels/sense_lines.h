#pragma once
// From the sums on the lines to what the converters tell: subtraction, read noise, gain, offset, quantisation. Internal to kernels.

#include <cstddef>
#include <cstdint>

#include "hal/commands.h"

namespace sedma::kernels {

/// One vector. M and V, of means and variances: double: sums of whole numbers, exact; float: amps and their squares.
template <class M, class V>
struct SenseJob {
  hal::Sense sense = hal::Sense::single;
  std::size_t outputs = 0;
  const M* mean = nullptr;                    ///< of every line
  const V* variance = nullptr;                ///< of every line; null: the same on all, `variance_floor`
  M mean_amps = 1;                            ///< amps that 1 of `mean` stands for
  V variance_factor = 0, variance_floor = 0;  ///< a line's variance is factor * variance + floor, in units of noise_amps^2
  float noise_amps = 0;
  const float* normals = nullptr;  ///< of outputs [begin, end); null: no noise
  float shared_normal = 0;         ///< of the reference line
  const float* gain_error = nullptr;
  const float* offset = nullptr;
  const float* full_scale = nullptr;
  bool one_full_scale = true;  ///< for all outputs
  unsigned adc_bits = 0;
  float* amps = nullptr;  ///< [outputs]
};

/// Outputs [begin, end). Operations + - * / sqrt in one order: the same bits at every instruction set.
void sense_outputs(const SenseJob<double, double>& job, std::size_t begin, std::size_t end) noexcept;
void sense_outputs(const SenseJob<float, float>& job, std::size_t begin, std::size_t end) noexcept;
void sense_outputs(const SenseJob<float, double>& job, std::size_t begin, std::size_t end) noexcept;

}  // namespace sedma::kernels
