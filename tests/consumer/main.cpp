#include <cstdio>
#include <vector>

#include "backends/backends.h"
#include "runtime/session.h"

int main() {
  sedma::hal::Registry registry;
  sedma::backends::register_all(registry);
  const auto board = registry.open("emulator:TaOx-HfOx?arrays=4&seed=7").value();  // or your own
  const auto matrix = sedma::runtime::Matrix::from_dense("A", 2, 3, std::vector<double>{1, 2, 3, 4, 5, 6}).value();
  sedma::runtime::SessionOptions options;
  options.choice.slices = 1;  // write the error of the first writing beside it
  auto session = sedma::runtime::Session::open(*board, matrix, options).value();
  const auto y = session.multiply(std::vector<double>{1, -1, 0.5}, 1).value().y;  // exactly: 0.5, 2
  std::printf("y = %.3f %.3f for %.3g J\n", y[0], y[1], session.multiplying().joules.total());
}
