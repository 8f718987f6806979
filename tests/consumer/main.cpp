#include <cstdio>
#include <string_view>
#include <vector>

#include "backends/backends.h"
#include "hal/version.h"
#include "runtime/cluster.h"
#include "runtime/mpi_environment.h"
#include "runtime/session.h"

#if SEDMA_VERSION_MAJOR == 0 && SEDMA_VERSION_MINOR < 1
#error "headers older than what CMake was asked for"
#endif

int main() {
  if (std::string_view(sedma::version()) != SEDMA_VERSION_STRING) return 1;  // headers of one version, library of another
  sedma::hal::Registry registry;
  sedma::backends::register_all(registry);
  const auto board = registry.open("emulator:TaOx-HfOx?arrays=4&seed=7").value();  // or your own
  const auto matrix = sedma::runtime::Matrix::from_dense("A", 2, 3, std::vector<double>{1, 2, 3, 4, 5, 6}).value();
  sedma::runtime::SessionOptions options;
  options.choice.slices = 1;  // write the error of the first writing beside it
  auto session = sedma::runtime::Session::open(*board, matrix, options).value();
  const auto y = session.multiply(std::vector<double>{1, -1, 0.5}, 1).value().y;  // exactly: 0.5, 2
  std::printf("y = %.3f %.3f for %.3g J\n", y[0], y[1], session.multiplying().joules.total());

  // The same under mpirun, on the boards of all ranks; without mpirun there is one.
  auto mpi = sedma::runtime::MpiEnvironment::start().value();
  sedma::runtime::LocalRank local;
  local.device = board.get();
  auto cluster = sedma::runtime::Cluster::open(mpi.world(), local, {}).value();
  std::printf("rank %d of %d on host %s, board of %u arrays\n", cluster.rank(), cluster.size(), cluster.ranks()[0].host.c_str(),
              cluster.ranks()[0].capabilities.arrays);
  cluster.close({});
  mpi.finish(cluster.intact(), 0);
}
