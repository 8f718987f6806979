#pragma once
// Boards of an ablation: what a board is taken for, and what it truly is.

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "cli/board.h"
#include "runtime/device_model.h"

namespace sedma::bench {

/// An emulated board of a material whose cells may differ from its profile.
class TrueBoard {
 public:
  /// `nominal`: options of emulator:MATERIAL that both have; `differing`: those that only the true one has (they replace nominal ones).
  /// Errors: invalid_argument (the URI).
  static Result<TrueBoard> make(const hal::Registry& registry, const std::string& material, const std::string& nominal,
                                const std::string& differing, std::uint64_t seed);

  const std::string& material() const noexcept { return material_; }
  const std::string& uri() const noexcept { return uri_; }  ///< of the true one: names everything that decides what comes out
  std::uint64_t seed() const noexcept { return seed_; }
  const runtime::DeviceModel& model() const noexcept { return model_; }  ///< of the nominal one: what a tuner is told
  const hal::Capabilities& capabilities() const noexcept { return capabilities_; }
  /// A true one with nothing written, whose writing and reading noise no other draw has: what is lucky on one is not on the next.
  Result<std::unique_ptr<hal::Device>> open(std::uint64_t draw) const;

 private:
  const hal::Registry* registry_ = nullptr;
  std::string material_, uri_, differing_;
  std::uint64_t seed_ = 0;
  runtime::DeviceModel model_;
  hal::Capabilities capabilities_;
};

}  // namespace sedma::bench
