#include "kernels/isa.h"

#include "kernels/simd.h"
// After simd.h.
#include <hwy/highway.h>

#include <atomic>
#include <cstdlib>
#include <string>
#include <string_view>
#include <vector>

#include "kernels/random.h"

namespace sedma::kernels {
namespace {

// What this build has code for and the processor can run, best first (Highway gives the better sets the lower bits).
std::vector<std::int64_t> find_targets() {
  std::vector<std::int64_t> targets = hwy::SupportedAndGeneratedTargets();
  if (targets.empty() || targets.back() != HWY_STATIC_TARGET) targets.push_back(HWY_STATIC_TARGET);
  return targets;
}

struct Isas {
  std::vector<std::int64_t> targets = find_targets();
  std::vector<const char*> names;
  std::atomic<std::size_t> chosen{0};

  Isas() {
    for (const std::int64_t target : targets) names.push_back(hwy::TargetName(target));
    const char* wanted = std::getenv("SEDMA_ISA");
    if (wanted == nullptr || !choose(wanted)) choose(names.front());
  }
  bool choose(std::string_view name) {
    for (std::size_t i = 0; i < names.size(); ++i) {
      if (name != names[i]) continue;
      chosen = i;
      hwy::GetChosenTarget().Update(targets[i]);
      return true;
    }
    return false;
  }
};

Isas& isas() {
  static Isas all;
  return all;
}

}  // namespace

void choose_isa() noexcept { isas(); }

const char* isa_name() noexcept { return isas().names[isas().chosen]; }

std::span<const char* const> supported_isas() noexcept { return isas().names; }

Status use_isa(std::string_view name) {
  if (isas().choose(name)) return {};
  std::string list;
  for (const char* have : isas().names) list += (list.empty() ? "" : ", ") + std::string(have);
  return fail(Code::invalid_argument, "instruction set {} is not among {}", name, list);
}

}  // namespace sedma::kernels
