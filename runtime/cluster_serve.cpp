#include "runtime/cluster.h"
#include "runtime/comm/worker.h"

namespace sedma::runtime {

Status Cluster::serve() {
  const Status verdict = serve_rank(job());
  close(verdict);
  return verdict;
}

}  // namespace sedma::runtime
