// Products of one of several matrices on a board.

#include <algorithm>

#include "runtime/session_impl.h"

namespace sedma::runtime {

Result<Product> Session::multiply_part(std::size_t part, std::span<const double> x, std::size_t batch) {
  Impl& s = *impl_;
  const std::vector<Part> parts = s.matrix.parts();
  if (part >= parts.size()) return fail(Code::out_of_range, "part {} is asked for; {} has {}", part, s.matrix.name(), parts.size());
  if (s.products) return Status(Code::unsupported, "correction products writes x for the whole matrix; a part of it cannot be multiplied");
  const Part& place = parts[part];
  SEDMA_RETURN_IF_ERROR(check_input(x, batch, place.cols));
  if (!s.programmed) SEDMA_RETURN_IF_ERROR(program());
  const std::size_t cols = s.matrix.cols();
  std::vector<double> whole(batch * cols, 0.0);
  for (std::size_t b = 0; b < batch; ++b) std::copy_n(x.data() + b * place.cols, place.cols, whole.data() + b * cols + place.col);
  SEDMA_RETURN_IF_ERROR(s.core->start({whole, batch, s.vectors, s.conversion, static_cast<std::uint32_t>(part)}));
  SEDMA_ASSIGN_OR_RETURN(Product product, s.finish(whole, batch, place));
  s.vectors += s.ordinals(batch);
  return product;
}

}  // namespace sedma::runtime
