#include "bench/wires_case.h"

#include <vector>

#include "bench/cells.h"
#include "kernels/wires.h"

namespace sedma::bench {

struct WiresCase::Impl {
  std::size_t side;
  std::vector<float> siemens;
  std::vector<double> transfer;
  kernels::WireScratch scratch{};
};

WiresCase::WiresCase(std::size_t side) : impl_(new Impl{side, make_cells(side, side), std::vector<double>(side * side)}) {}

WiresCase::~WiresCase() = default;

void WiresCase::run() {
  const kernels::Wires wires{kernels::wire_ohms_per_cell, kernels::wire_ohms_per_cell, 0, 0};
  kernels::effective_matrix({impl_->siemens.data(), impl_->side, impl_->side}, wires, {impl_->transfer.data(), impl_->side, impl_->side},
                            impl_->scratch);
}

}  // namespace sedma::bench
