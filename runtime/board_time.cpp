#include "runtime/board_time.h"

#include <algorithm>

namespace sedma::runtime {

double BoardTime::finish() {
  double total = 0;
  for (double& seconds : seconds_) {
    total = parallel_ ? std::max(total, seconds) : total + seconds;
    seconds = 0;
  }
  return total;
}

}  // namespace sedma::runtime
