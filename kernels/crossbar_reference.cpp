// The plain product that the fast one is compared with: one output at a time, in double, no library.
#include <cmath>

#include "kernels/crossbar.h"

namespace sedma::kernels {
namespace {

// Current and its variance (in units of F^2) of one sensed line for one vector.
struct Line {
  double amps = 0, variance = 0;
};

double siemens_of(const ProductJob& job, std::size_t driven, std::size_t sensed) {
  return static_cast<double>(job.transpose ? job.siemens(sensed, driven) : job.siemens(driven, sensed));
}

Line sense_line(const ProductJob& job, std::size_t vector, std::size_t sensed) {
  Line line;
  for (std::size_t i = 0; i < job.volts.cols; ++i) {
    const double volts = static_cast<double>(quantize(job.volts(vector, i), job.converters.volts_max, job.converters.dac_bits));
    const double amps = volts * siemens_of(job, i, sensed);
    line.amps += amps;
    line.variance += amps * amps;
  }
  return line;
}

double normal(const ProductJob& job, std::size_t vector, std::size_t number) {
  const auto four = normals4(job.key, Use::read_noise, static_cast<std::uint32_t>(number / 4), job.vector + vector);
  return static_cast<double>(four[number % 4]);
}

double output(const ProductJob& job, std::size_t vector, std::size_t j) {
  const std::size_t outputs = job.amps.cols;
  switch (job.sense) {
    case hal::Sense::pair: {
      const Line plus = sense_line(job, vector, 2 * j), minus = sense_line(job, vector, 2 * j + 1);
      const double noise = job.read_noise * std::sqrt(plus.variance + minus.variance) * normal(job, vector, j);
      return plus.amps - minus.amps + noise;
    }
    case hal::Sense::reference: {
      const Line line = sense_line(job, vector, j), reference = sense_line(job, vector, outputs);
      const double noise = job.read_noise * std::sqrt(line.variance) * normal(job, vector, j);
      const double shared = job.read_noise * std::sqrt(reference.variance) * normal(job, vector, outputs);
      return line.amps - reference.amps + noise - shared;
    }
    case hal::Sense::single: break;
  }
  const Line line = sense_line(job, vector, j);
  return line.amps + job.read_noise * std::sqrt(line.variance) * normal(job, vector, j);
}

void add_energy(const ProductJob& job, std::size_t vector, ProductTotals& totals) {
  const std::size_t lines = job.transpose ? job.siemens.rows : job.siemens.cols;
  for (std::size_t i = 0; i < job.volts.cols; ++i) {
    const double volts = static_cast<double>(quantize(job.volts(vector, i), job.converters.volts_max, job.converters.dac_bits));
    totals.volts_squared += volts * volts;
    for (std::size_t j = 0; j < lines; ++j) totals.volts_squared_conductance += volts * volts * siemens_of(job, i, j);
  }
}

}  // namespace

ProductTotals crossbar_product_reference(const ProductJob& job) {
  ProductTotals totals;
  for (std::size_t v = 0; v < job.volts.rows; ++v) {
    for (std::size_t j = 0; j < job.amps.cols; ++j) {
      const auto amps = static_cast<float>(output(job, v, j));
      const bool ideal = job.converters.adc_bits == 0;
      const float full_scale = ideal ? 0.0f : job.full_scale_amps[job.full_scale_amps.size() == 1 ? 0 : j];
      job.amps(v, j) = quantize(amps, full_scale, job.converters.adc_bits);
    }
    add_energy(job, v, totals);
  }
  totals.driven_rows = job.volts.rows * job.volts.cols;
  totals.conversions = job.amps.rows * job.amps.cols;
  return totals;
}

}  // namespace sedma::kernels
