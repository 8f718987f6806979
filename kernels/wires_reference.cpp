#include <algorithm>
#include <cstddef>
#include <vector>

#include "hal/status.h"
#include "kernels/wires.h"

namespace sedma::kernels {
namespace {

// Nodes and the conductances between them, solved by eliminating one node after the other: Gaussian elimination of the nodal equations in
// the form of star-mesh transformations, which only add and so lose no digits whatever the ratio of the conductances.
class Network {
 public:
  // Only nodes whose numbers are at most `reach` apart are joined.
  Network(std::size_t count, std::size_t reach) : count_(count), reach_(reach), band_(count * (reach + 1)), ground_(count), star_(count) {}

  void join(std::size_t node, std::size_t later, double siemens) { between(node, later) += siemens; }
  void ground(std::size_t node, double siemens) { ground_[node] += siemens; }

  // Every node's star of conductances to the later ones becomes a mesh between those.
  void eliminate() {
    for (std::size_t k = 0; k < count_; ++k) {
      const std::size_t end = end_of(k);
      star_[k] = ground_[k];
      for (std::size_t i = k + 1; i < end; ++i) star_[k] += between(k, i);
      for (std::size_t i = k + 1; i < end; ++i) {
        const double share = between(k, i) / star_[k];
        ground_[i] += share * ground_[k];
        for (std::size_t j = i + 1; j < end; ++j) between(i, j) += share * between(k, j);
      }
    }
  }

  // Amps into the nodes become their volts.
  void solve(std::vector<double>& x) const {
    for (std::size_t k = 0; k < count_; ++k) {
      for (std::size_t i = k + 1; i < end_of(k); ++i) x[i] += between(k, i) / star_[k] * x[k];
    }
    for (std::size_t k = count_; k-- > 0;) {
      for (std::size_t i = k + 1; i < end_of(k); ++i) x[k] += between(k, i) * x[i];
      x[k] /= star_[k];
    }
  }

 private:
  std::size_t end_of(std::size_t node) const { return std::min(count_, node + reach_ + 1); }
  double& between(std::size_t node, std::size_t later) { return band_[node * (reach_ + 1) + (later - node)]; }
  double between(std::size_t node, std::size_t later) const { return band_[node * (reach_ + 1) + (later - node)]; }

  std::size_t count_, reach_;
  std::vector<double> band_, ground_, star_;
};

}  // namespace

void effective_matrix_reference(hal::View<const float> siemens, const Wires& wires, hal::View<double> transfer) {
  const std::size_t rows = siemens.rows, cols = siemens.cols;
  SEDMA_CHECK(rows > 0 && cols > 0 && transfer.rows == rows && transfer.cols == cols, rows, cols, transfer.rows, transfer.cols);
  const double source_siemens = 1 / (wires.source_ohms + wires.word_ohms_per_cell);
  const double sense_siemens = 1 / (wires.sense_ohms + wires.bit_ohms_per_cell);
  // Every cell has a node on its word line and the next one on its bit line.
  const auto word_node = [&](std::size_t i, std::size_t j) { return 2 * (i * cols + j); };
  const auto bit_node = [&](std::size_t i, std::size_t j) { return word_node(i, j) + 1; };
  Network network(2 * rows * cols, 2 * cols);
  for (std::size_t i = 0; i < rows; ++i) {
    network.ground(word_node(i, 0), source_siemens);
    for (std::size_t j = 0; j < cols; ++j) {
      network.join(word_node(i, j), bit_node(i, j), static_cast<double>(siemens(i, j)));
      if (j + 1 < cols) network.join(word_node(i, j), word_node(i, j + 1), 1 / wires.word_ohms_per_cell);
      if (i + 1 < rows) network.join(bit_node(i, j), bit_node(i + 1, j), 1 / wires.bit_ohms_per_cell);
    }
  }
  for (std::size_t j = 0; j < cols; ++j) network.ground(bit_node(rows - 1, j), sense_siemens);
  network.eliminate();
  std::vector<double> volts;
  for (std::size_t i = 0; i < rows; ++i) {
    volts.assign(2 * rows * cols, 0.0);
    volts[word_node(i, 0)] = source_siemens;  // amps of 1 V behind the source
    network.solve(volts);
    for (std::size_t j = 0; j < cols; ++j) transfer(i, j) = sense_siemens * volts[bit_node(rows - 1, j)];
  }
}

}  // namespace sedma::kernels
