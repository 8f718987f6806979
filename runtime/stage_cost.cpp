#include "runtime/stage_cost.h"

namespace sedma::runtime {

StageCost& StageCost::operator+=(const StageCost& other) noexcept {
  joules += other.joules;
  seconds += other.seconds;
  pulses += other.pulses;
  conversions += other.conversions;
  products += other.products;
  cells += other.cells;
  unconverged += other.unconverged;
  compensated += other.compensated;
  uncompensated += other.uncompensated;
  commands += other.commands;
  return *this;
}

}  // namespace sedma::runtime
