#include "bench/product_case.h"

#include "bench/cells.h"
#include "hal/status.h"
#include "kernels/crossbar.h"
#include "kernels/materials.h"
#include "kernels/threads.h"
#include "kernels/wires.h"

namespace sedma::bench {
namespace {

kernels::ReadNoise noise_of(Noise noise) {
  if (noise == Noise::level) return {read_noise, 0};
  return {0, read_noise * kernels::terminal_siemens(material().g_max_siemens, kernels::access_transistor_ohms)};
}

struct Entries {
  std::vector<float> siemens, sd;  // sd: with line resistance only
};

Entries with_wires(const std::vector<float>& cells, std::size_t rows, std::size_t cols, const kernels::ReadNoise& noise) {
  const hal::View<const float> siemens(cells.data(), rows, cols);
  const kernels::Wires wires{kernels::wire_ohms_per_cell, kernels::wire_ohms_per_cell, 0, 0};
  std::vector<double> transfer(rows * cols);
  kernels::WireScratch scratch;
  if (rows * cols <= most_exact_cells) {
    kernels::effective_matrix(siemens, wires, {transfer.data(), rows, cols}, scratch);
  } else {
    kernels::series_matrix(siemens, wires, {transfer.data(), rows, cols});
  }
  Entries entries{{transfer.begin(), transfer.end()}, std::vector<float>(rows * cols)};
  kernels::transfer_noise(siemens, hal::View<const double>(transfer.data(), rows, cols), noise.relative, noise.floor_siemens,
                          {entries.sd.data(), rows, cols});
  return entries;
}

}  // namespace

struct ProductCase::Impl {
  kernels::ProductMatrix matrix;
  std::vector<float> volts, full_scale, amps;
  std::vector<double> driven;
  kernels::ProductJob job;
  kernels::ProductScratch scratch;
};

ProductCase::ProductCase(std::size_t rows, std::size_t cols, std::size_t batch, const ProductOptions& options)
    : impl_(std::make_unique<Impl>()), threads_(options.threads) {
  Impl& own = *impl_;
  const kernels::ReadNoise noise = noise_of(options.noise);
  Entries entries{make_cells(rows, cols), {}};
  if (options.wires == Wires::exact) entries = with_wires(entries.siemens, rows, cols, noise);
  const auto row_count = static_cast<std::uint32_t>(rows), col_count = static_cast<std::uint32_t>(cols);
  const double full_sd = options.wires == Wires::none ? 0 : noise.relative * full_siemens() + noise.floor_siemens;
  own.matrix = kernels::ProductMatrix(options.path == Path::integer ? kernels::Path::integer : kernels::Path::floating, row_count,
                                      col_count, full_siemens(), full_sd);
  own.matrix.set(0, 0, hal::View<const float>(entries.siemens.data(), rows, cols));
  if (full_sd > 0) own.matrix.set_sd(0, 0, hal::View<const float>(entries.sd.data(), rows, cols));
  own.volts = make_volts(batch, rows);
  own.full_scale = make_full_scale(rows, cols);
  own.amps.resize(batch * cols);
  own.driven.resize(rows);
  own.job.matrix = &own.matrix;
  own.job.rows = row_count;
  own.job.cols = col_count;
  own.job.volts = {own.volts.data(), batch, rows};
  own.job.amps = {own.amps.data(), batch, cols};
  own.job.full_scale_amps = own.full_scale;
  own.job.converters = {converter_bits, converter_bits, volts_max};
  own.job.noise = noise;
  own.job.key = {21};
  kernels::driven_line_siemens(own.matrix, 0, 0, row_count, col_count, false, own.driven);
  own.job.driven_siemens = own.driven;
}

ProductCase::~ProductCase() = default;

void ProductCase::run(int threads) {
  kernels::use_threads(threads);
  kernels::crossbar_product(impl_->job, impl_->scratch);
}

// Currents and variance come from one pass, except that a block of float vectors is a matrix product, a search for the largest entry and
// the variance's own product in integers; with standard deviations stored those take the second pass.
double ProductCase::most_passes(const ProductOptions& options, std::size_t batch) noexcept {
  if (options.path == Path::integer || batch == 1) return 1;
  return options.noise == Noise::constant ? 1 : options.wires == Wires::exact ? 2 : 3;
}

std::span<const float> ProductCase::amps() const noexcept { return impl_->amps; }

std::vector<Memory> ProductCase::matrix() const {
  const kernels::ProductMatrix& matrix = impl_->matrix;
  const std::size_t cells = std::size_t{matrix.rows()} * matrix.cols(), sd_bytes = matrix.has_sd() ? cells : 0;
  const std::size_t entry_bytes = matrix.bytes() - sd_bytes;  // a packed layout may pad
  const void* const entries = matrix.path() == kernels::Path::integer ? static_cast<const void*>(matrix.codes()) : matrix.floats();
  std::vector<Memory> memory = {{entries, entry_bytes}};
  if (sd_bytes > 0) memory.push_back({matrix.sd_codes(), sd_bytes});
  return memory;
}

}  // namespace sedma::bench
