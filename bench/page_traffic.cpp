#include "bench/page_traffic.h"

#include <signal.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cstdint>

#include "hal/status.h"

namespace sedma::bench {
namespace {

struct Range {
  std::uintptr_t first, last;
};

// What the signal handler works on. It must not allocate: the ring is made before.
struct Watch {
  std::vector<Range> ranges;
  std::vector<std::uintptr_t> ring;  // pages at hand, 0: none yet
  std::size_t next = 0, fetched = 0, pages = 0, page_bytes = 4096;
  struct sigaction before {};
} watch;

void protect(std::uintptr_t page, int protection) {
  mprotect(reinterpret_cast<void*>(page), watch.page_bytes, protection);  // NOLINT(performance-no-int-to-ptr)
}

bool watched(std::uintptr_t address) {
  for (const Range& range : watch.ranges) {
    if (address >= range.first && address < range.last) return true;
  }
  return false;
}

void on_fault(int, siginfo_t* info, void*) {
  const auto address = reinterpret_cast<std::uintptr_t>(info->si_addr);
  if (!watched(address)) {
    sigaction(SIGSEGV, &watch.before, nullptr);  // a fault of its own: it comes again and ends the program
    return;
  }
  std::uintptr_t& slot = watch.ring[watch.next];
  if (slot != 0) protect(slot, PROT_NONE);
  slot = address / watch.page_bytes * watch.page_bytes;
  protect(slot, PROT_READ | PROT_WRITE);
  watch.next = (watch.next + 1) % watch.ring.size();
  ++watch.fetched;
}

void protect_all(int protection) {
  for (const Range& range : watch.ranges) {
    mprotect(reinterpret_cast<void*>(range.first), range.last - range.first, protection);  // NOLINT(performance-no-int-to-ptr)
  }
}

}  // namespace

PageTraffic::PageTraffic(const std::vector<Memory>& arrays, std::size_t window) {
  SEDMA_CHECK(window >= 2 && watch.ranges.empty(), window, watch.ranges.size());
  watch.page_bytes = static_cast<std::size_t>(sysconf(_SC_PAGESIZE));
  watch.ring.assign(window, 0);
  watch.pages = 0;
  for (const Memory& array : arrays) {
    const auto begin = reinterpret_cast<std::uintptr_t>(array.data);
    const Range range{(begin + watch.page_bytes - 1) / watch.page_bytes * watch.page_bytes,
                      (begin + array.bytes) / watch.page_bytes * watch.page_bytes};
    if (range.first >= range.last) continue;
    watch.ranges.push_back(range);
    watch.pages += (range.last - range.first) / watch.page_bytes;
  }
  SEDMA_CHECK(watch.pages > 0, "arrays smaller than a page");
}

PageTraffic::~PageTraffic() { watch.ranges.clear(); }

double PageTraffic::passes(const std::function<void()>& call) {
  watch.ring.assign(watch.ring.size(), 0);
  watch.next = watch.fetched = 0;
  struct sigaction action {};
  action.sa_sigaction = on_fault;
  action.sa_flags = SA_SIGINFO;
  sigemptyset(&action.sa_mask);
  sigaction(SIGSEGV, &action, &watch.before);
  protect_all(PROT_NONE);
  call();
  protect_all(PROT_READ | PROT_WRITE);
  sigaction(SIGSEGV, &watch.before, nullptr);
  return static_cast<double>(watch.fetched) / static_cast<double>(watch.pages);
}

}  // namespace sedma::bench
