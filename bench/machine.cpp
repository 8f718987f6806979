#include "bench/machine.h"

#include <fmt/chrono.h>
#include <fmt/format.h>
#include <sched.h>
#include <sys/utsname.h>

#include <algorithm>
#include <array>
#include <cstdlib>
#include <ctime>
#include <fstream>

#include "bench/blas_reference.h"
#include "hal/version.h"
#include "kernels/random.h"

namespace sedma::bench {
namespace {

std::string first_line(const std::string& path) {
  std::ifstream file(path);
  std::string line;
  std::getline(file, line);
  return line;
}

std::string cpu_model() {
  std::ifstream file("/proc/cpuinfo");
  for (std::string line; std::getline(file, line);) {
    if (line.rfind("model name", 0) != 0) continue;
    const std::size_t colon = line.find(": ");
    if (colon != std::string::npos) return line.substr(colon + 2);
  }
  return "unknown";
}

unsigned usable_cores() {
  cpu_set_t set;
  CPU_ZERO(&set);
  return sched_getaffinity(0, sizeof set, &set) == 0 ? static_cast<unsigned>(CPU_COUNT(&set)) : 1u;
}

std::size_t size_of(const std::string& text) {  // "1024K"
  if (text.empty()) return 0;
  const std::size_t number = std::strtoull(text.c_str(), nullptr, 10);
  if (text.back() == 'K') return number << 10;
  return text.back() == 'M' ? number << 20 : number;
}

std::vector<Cache> caches_of_core_0() {
  std::vector<Cache> caches;
  for (int index = 0; index < 8; ++index) {
    const std::string folder = fmt::format("/sys/devices/system/cpu/cpu0/cache/index{}/", index);
    const std::string type = first_line(folder + "type");
    const Cache cache{static_cast<unsigned>(std::strtoul(first_line(folder + "level").c_str(), nullptr, 10)),
                      size_of(first_line(folder + "size"))};
    if ((type == "Data" || type == "Unified") && cache.bytes > 0) caches.push_back(cache);
  }
  std::sort(caches.begin(), caches.end(), [](const Cache& a, const Cache& b) { return a.level < b.level; });
  return caches;
}

std::string kernel_version() {
  utsname names{};
  return uname(&names) == 0 ? fmt::format("{} {} {}", names.sysname, names.release, names.machine) : "unknown";
}

constexpr const char* compiler =
#ifdef __clang__
    "clang " __clang_version__;
#else
    "g++ " __VERSION__;
#endif

std::vector<std::pair<std::string, std::string>> steering() {
  std::vector<std::pair<std::string, std::string>> set;
  for (const char* key :
       {"OPENBLAS_CORETYPE", "OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS", "OMP_WAIT_POLICY", "OMP_PROC_BIND", "SEDMA_ISA"}) {
    if (const char* value = std::getenv(key)) set.emplace_back(key, value);
  }
  return set;
}

}  // namespace

Machine this_machine() {
  Machine machine;
  machine.cpu = cpu_model();
  machine.kernel = kernel_version();
  machine.compiler = compiler;
  machine.governor = first_line("/sys/devices/system/cpu/cpu0/cpufreq/scaling_governor");
  machine.cores = usable_cores();
  machine.caches = caches_of_core_0();
  machine.isa = kernels::isa_name();
  machine.blas_config = blas_config();
  machine.blas_core = blas_core();
  machine.environment = steering();
  machine.version = version();
  machine.commit = commit();
  machine.date_utc = fmt::format("{:%Y-%m-%dT%H:%M:%SZ}", fmt::gmtime(std::time(nullptr)));
  std::array<double, 1> load{};
  machine.load_at_start = getloadavg(load.data(), 1) == 1 ? load[0] : -1;
  return machine;
}

std::string level_of(const Machine& machine, std::size_t bytes) {
  for (const Cache& cache : machine.caches) {
    if (bytes <= cache.bytes) return fmt::format("L{}", cache.level);
  }
  return machine.caches.empty() ? "" : "memory";
}

}  // namespace sedma::bench
