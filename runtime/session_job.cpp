// Sessions on the boards of all ranks.

#include <utility>

#include "runtime/session_impl.h"

namespace sedma::runtime {

Result<Session> Session::open(const Job& job, const MatrixSource& matrix, const SessionOptions& options) {
  SEDMA_RETURN_IF_ERROR(check_session_options(options));
  SEDMA_RETURN_IF_ERROR(check_lambda(options.lambda, false));
  if (options.products)
    return fail(Code::unsupported, "correction products: x is written on the board of one process; {} ranks take part",
                job.transport.size());
  SEDMA_ASSIGN_OR_RETURN(std::unique_ptr<SessionCore> core, open_cluster_core(job, matrix, options));
  return Session(std::make_unique<Impl>(matrix, options, std::move(core)));
}

}  // namespace sedma::runtime
