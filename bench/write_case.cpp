#include "bench/write_case.h"

#include <algorithm>

#include "kernels/threads.h"

namespace sedma::bench {

WriteCase::WriteCase(std::string_view material, std::size_t side, std::uint32_t passes) : bare_(side * side), target_(side * side) {
  model_.material = kernels::find_material(material).value();
  const double low = model_.material.g_min_siemens, range = model_.material.g_max_siemens - low;
  for (std::size_t i = 0; i < target_.size(); ++i) {
    const auto words = philox({17}, kernels::Use::test, static_cast<std::uint32_t>(i), 0);
    target_[i] = static_cast<float>(low + range * kernels::uniform(words[0]));
  }
  job_.bare_siemens = {bare_.data(), side, side};
  job_.target_siemens = hal::View<const float>(target_.data(), side, side);
  job_.tolerance_siemens = static_cast<float>(range / model_.material.levels_up);
  job_.passes = passes;
  job_.max_pulses_per_cell = 1u << 20;
  job_.ids = {{18}, 0, static_cast<std::uint32_t>(side), 0};
  reset();
}

void WriteCase::reset() { std::fill(bare_.begin(), bare_.end(), static_cast<float>(model_.material.g_min_siemens)); }

void WriteCase::reach_targets() { std::copy(target_.begin(), target_.end(), bare_.begin()); }

const kernels::WriteTotals& WriteCase::run(int threads) {
  kernels::use_threads(threads);
  totals_ = kernels::write_verify(model_, job_);
  return totals_;
}

}  // namespace sedma::bench
