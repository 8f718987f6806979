#include "bench/measure.h"

#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <thread>

#include "bench/blas_reference.h"
#include "bench/product_case.h"
#include "bench/roofline.h"
#include "bench/wires_case.h"
#include "bench/write_case.h"
#include "cli/units.h"
#include "kernels/threads.h"

namespace sedma::bench {
namespace {

struct Shape {
  std::size_t rows, cols;
};

class Measurement {
 public:
  Measurement(const Selection& selection, const std::function<void(const Row&)>& progress) : selection_(selection), progress_(progress) {
    report_.machine = this_machine();
    report_.effort = full() ? "full" : selection.extent == Extent::quick ? "quick" : "smoke";
    report_.seconds_per_row = selection.effort.seconds;
  }

  Report run() {
    const int before = kernels::threads();
    if (wanted("fma_loop")) fma_rows();
    for (const Shape& shape : shapes()) {
      if (wanted("read_bandwidth")) read_rows(shape);
      for (const std::size_t batch : {std::size_t{1}, std::size_t{64}}) product_rows(shape, batch);
    }
    if (wanted("write_verify")) write_rows();
    if (wanted("effective_matrix")) wires_rows();
    kernels::use_threads(before);
    return std::move(report_);
  }

 private:
  bool full() const { return selection_.extent == Extent::full; }
  bool smoke() const { return selection_.extent == Extent::smoke; }
  bool wanted(std::string_view name) const {
    const auto& names = selection_.names;
    return names.empty() || std::find(names.begin(), names.end(), name) != names.end();
  }

  std::vector<Shape> shapes() const {
    if (smoke()) return {{128, 128}};
    if (!full()) return {{128, 128}, {512, 512}, {1024, 1024}, {4096, 4096}};
    return {{128, 128}, {256, 256}, {512, 512}, {1000, 1000}, {1024, 1024}, {2048, 2048}, {4096, 4096}, {256, 4096}, {4096, 256}};
  }

  std::vector<ProductOptions> combinations(std::size_t batch) const {
    std::vector<ProductOptions> found;
    for (const Path path : {Path::integer, Path::floating}) {
      for (const Wires wires : {Wires::none, Wires::exact}) {
        for (const Noise noise : {Noise::level, Noise::constant}) {
          if (!full() && wires == Wires::exact && (path == Path::floating || noise == Noise::constant)) continue;
          if (!full() && noise == Noise::constant && batch == 1) continue;
          found.push_back({path, wires, noise});
        }
      }
    }
    return found;
  }

  Row row(const char* name, const Shape& shape, std::size_t batch, int threads, const Timing& timing, std::size_t bytes) const {
    Row made;
    made.name = name;
    made.rows = shape.rows;
    made.cols = shape.cols;
    made.batch = batch;
    made.threads = threads;
    made.isa = report_.machine.isa;
    made.seconds = timing.seconds;
    made.spread = timing.spread();
    made.samples = timing.samples;
    made.bytes = bytes;
    if (bytes > 0) made.level = level_of(report_.machine, bytes);
    return made;
  }

  void add(Row made) {
    report_.rows.push_back(std::move(made));
    progress_(report_.rows.back());
  }

  // Times `run` on one thread and on `threads`, the FMA loop and reading `bytes` alike, and `beside` in the same rounds.
  struct Scaled {
    Timing own, beside;
    Scaling scaling;
  };
  Scaled scale(int threads, std::size_t bytes, const std::function<void(int)>& run, const std::function<void()>& prepare,
               const std::function<void()>& beside) {
    ReadBandwidth reader(bytes);
    FmaLoop loop;
    std::vector<Task> tasks = {{[&] { run(1); }, prepare, spin_seconds}, {[&] { loop.run(1); }},       {[&] { reader.run(1); }},
                               {[&] { run(threads); }, prepare},         {[&] { loop.run(threads); }}, {[&] { reader.run(threads); }}};
    if (beside) tasks.push_back({beside});
    const std::vector<Timing> t = interleave(tasks, selection_.effort);
    const auto gain = [&](std::size_t i) { return t[i].seconds / t[i + 3].seconds; };
    return {t[3], t.back(), {gain(0), gain(1), gain(2)}};
  }

  void fma_rows() {
    FmaLoop loop;
    for (const int threads : selection_.threads) {
      const Timing timing = interleave({{[&] { loop.run(threads); }}}, selection_.effort).front();
      Row made = row("fma_loop", {0, 0}, 1, threads, timing, 0);
      made.note = fmt::format("{:.3g} GFLOP/s", 2e-9 * static_cast<double>(FmaLoop::operations) / timing.seconds);
      add(std::move(made));
    }
  }

  void read_rows(const Shape& shape) {
    ReadBandwidth reader(shape.rows * shape.cols * sizeof(float));
    for (const int threads : selection_.threads) {
      Timing timing = interleave({{[&] { reader.run(threads); }}}, selection_.effort).front();
      timing.seconds /= static_cast<double>(reader.passes());
      timing.median_seconds /= static_cast<double>(reader.passes());
      add(row("read_bandwidth", shape, 1, threads, timing, reader.bytes()));
    }
  }

  void product_rows(const Shape& shape, std::size_t batch) {
    const char* const blas = batch == 1 ? "sgemv" : "sgemm";
    if (!wanted(blas) && !wanted("noisy_product")) return;
    BlasReference reference(shape.rows, shape.cols, batch);
    std::vector<SplitTimings> splits;
    Effort effort = selection_.effort;
    effort.seconds /= 2;
    for (const int threads : selection_.threads) {
      splits.push_back(time_splits(reference, threads, effort));
      if (wanted(blas)) add(blas_row(blas, shape, batch, threads, splits.back()));
    }
    if (!wanted("noisy_product")) return;
    for (const ProductOptions& options : combinations(batch)) {
      ProductCase product(shape.rows, shape.cols, batch, options);
      for (std::size_t i = 0; i < splits.size(); ++i)
        add(product_row(shape, batch, selection_.threads[i], options, product, reference, splits[i]));
    }
  }

  Row blas_row(const char* name, const Shape& shape, std::size_t batch, int threads, const SplitTimings& timings) {
    Row made = row(name, shape, batch, threads, timings.of(timings.better()), shape.rows * shape.cols * sizeof(float));
    made.isa = report_.machine.blas_core;
    made.reference = made.seconds;
    made.reference_spread = made.spread;
    if (threads > 1) {
      made.note = fmt::format("{} ({} {}, {} {}, {} {})", bench::name(timings.better()), bench::name(Split::single),
                              cli::si(timings.single.seconds, "s"), bench::name(Split::openmp), cli::si(timings.openmp.seconds, "s"),
                              bench::name(Split::openblas), cli::si(timings.openblas.seconds, "s"));
    }
    return made;
  }

  Row product_row(const Shape& shape, std::size_t batch, int threads, const ProductOptions& options, ProductCase& product,
                  BlasReference& reference, const SplitTimings& splits) {
    const auto beside = [&] { reference.run(threads, splits.quiet()); };
    const auto run = [&](int count) { product.run(count); };
    const std::size_t bytes = product.matrix_bytes();
    Scaled timed;
    if (threads == 1) {
      const auto both = interleave({{[&] { run(1); }}, {beside}}, selection_.effort);
      timed = {both[0], both[1], {}};
    } else {
      timed = scale(threads, bytes, run, {}, beside);
    }
    // OpenBLAS' own threads cannot be timed beside others, so theirs is the figure of the sgemv or sgemm row.
    const bool own_threads = threads > 1 && splits.openblas.seconds < timed.beside.seconds;
    const Timing& blas = own_threads ? splits.openblas : timed.beside;
    Row made = row("noisy_product", shape, batch, threads, timed.own, bytes);
    made.path = name(options.path);
    made.wires = name(options.wires);
    made.noise = name(options.noise);
    made.reference = blas.seconds;
    made.reference_spread = blas.spread();
    if (threads > 1) made.scaling = timed.scaling;
    if (own_threads) made.note = fmt::format("reference: {}", name(Split::openblas));
    return made;
  }

  void write_rows() {
    const std::size_t side = smoke() ? 128 : 1024;
    for (const char* const material : {"TaOx-HfOx", "Ag-aSi", "AlOx-HfO2", "EpiRAM"}) {
      for (const std::uint32_t passes : {21u, 100u}) {
        if (!full() && (passes != 21 || std::string_view(material) != "TaOx-HfOx")) continue;
        WriteCase write(material, side, passes);
        for (const int threads : selection_.threads) add(write_row(write, material, side, passes, threads));
      }
    }
  }

  Row write_row(WriteCase& write, const char* material, std::size_t side, std::uint32_t passes, int threads) {
    const std::size_t bytes = 2 * side * side * sizeof(float);  // states and targets
    const auto prepare = [&] { write.reset(); };
    Scaled timed;
    if (threads == 1) {
      timed.own = interleave({{[&] { write.run(1); }, prepare}}, selection_.effort).front();
    } else {
      timed = scale(threads, bytes, [&](int count) { write.run(count); }, prepare, {});
    }
    Row made = row("write_verify", {side, side}, 1, threads, timed.own, bytes);
    if (threads > 1) made.scaling = timed.scaling;
    const auto& totals = write.totals();
    made.note = fmt::format("{}, {} passes; {:.3g} ns a read of a cell ({:.3g} reads, {:.3g} pulses a cell)", material, passes,
                            1e9 * timed.own.seconds / static_cast<double>(totals.verify_reads),
                            static_cast<double>(totals.verify_reads) / static_cast<double>(side * side),
                            static_cast<double>(totals.pulses) / static_cast<double>(side * side));
    return made;
  }

  void wires_rows() {
    for (const std::size_t side : {128u, 256u, 512u, 1024u}) {
      if (smoke() && side > 128) break;
      WiresCase wires(side);
      const Timing timing = interleave({{[&] { wires.run(); }}}, selection_.effort).front();
      add(row("effective_matrix", {side, side}, 1, 1, timing, 0));
    }
  }

  const Selection& selection_;
  const std::function<void(const Row&)>& progress_;
  Report report_;
};

}  // namespace

const std::vector<std::string>& row_names() {
  static const std::vector<std::string> names = {"noisy_product",    "sgemv",          "sgemm",   "write_verify",
                                                 "effective_matrix", "read_bandwidth", "fma_loop"};
  return names;
}

std::vector<int> usual_threads(unsigned cores) {
  std::vector<int> threads = {1};
  if (cores >= 2) threads.push_back(2);
  if (cores > 2) threads.push_back(static_cast<int>(cores));
  return threads;
}

Report measure(const Selection& selection, const std::function<void(const Row&)>& progress) {
  return Measurement(selection, progress).run();
}

}  // namespace sedma::bench
