#include "bench/ablation_boards.h"

#include <fmt/format.h>

#include "kernels/random.h"

namespace sedma::bench {
namespace {

std::string joined(const std::string& head, const std::string& options) {
  return options.empty() ? head : head + (head.find('?') == std::string::npos ? "?" : "&") + options;
}

}  // namespace

Result<TrueBoard> TrueBoard::make(const hal::Registry& registry, const std::string& material, const std::string& nominal,
                                  const std::string& differing, std::uint64_t seed) {
  TrueBoard board;
  board.registry_ = &registry;
  board.material_ = material;
  board.seed_ = seed;
  SEDMA_ASSIGN_OR_RETURN(const cli::Board taken_for, cli::open_board(registry, {joined("emulator:" + material, nominal), {}, seed}));
  SEDMA_ASSIGN_OR_RETURN(board.model_, cli::device_model(taken_for));
  board.differing_ = joined("emulator:" + material, differing);
  SEDMA_ASSIGN_OR_RETURN(hal::Uri uri, hal::Uri::parse(board.differing_));
  SEDMA_ASSIGN_OR_RETURN(const hal::Uri common, hal::Uri::parse(taken_for.uri));
  for (const auto& [key, value] : common.options()) uri.set_default(key, value);
  board.uri_ = uri.to_string();
  SEDMA_ASSIGN_OR_RETURN(const std::unique_ptr<hal::Device> truly, board.open(0));
  board.capabilities_ = truly->capabilities();
  return board;
}

Result<std::unique_ptr<hal::Device>> TrueBoard::open(std::uint64_t draw) const {
  SEDMA_ASSIGN_OR_RETURN(hal::Uri uri, hal::Uri::parse(differing_));
  uri.set_default("seed", fmt::format("{}", kernels::derive(kernels::derive({seed_}, 0x64726177), draw).value));
  SEDMA_ASSIGN_OR_RETURN(const hal::Uri common, hal::Uri::parse(uri_));
  for (const auto& [key, value] : common.options()) uri.set_default(key, value);
  return registry_->open(uri.to_string());
}

}  // namespace sedma::bench
