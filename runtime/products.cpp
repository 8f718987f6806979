#include "runtime/products.h"

#include <algorithm>
#include <cmath>
#include <numeric>

#include "kernels/random.h"

namespace sedma::runtime {
namespace {

struct XLayout {
  std::uint32_t segment = 0, segments = 0, per_array = 0, arrays = 0;
};

XLayout x_layout(const MatrixSource& matrix, const hal::Capabilities& capabilities) {
  XLayout layout;
  layout.segment = std::min(matrix.cols(), capabilities.rows);
  layout.segments = (matrix.cols() + layout.segment - 1) / layout.segment;
  layout.per_array = capabilities.cols / 2;
  layout.arrays = layout.per_array == 0 ? 0 : (layout.segments + layout.per_array - 1) / layout.per_array;
  return layout;
}

Placement x_placement(const XLayout& layout, std::uint32_t segment, std::uint32_t first_array, std::uint32_t inputs) {
  Placement placement;
  placement.array = first_array + segment / layout.per_array;
  placement.bit_lines = {2 * (segment % layout.per_array), 2 * (segment % layout.per_array) + 1};
  for (std::uint32_t line = 0; line < inputs; ++line) placement.word_lines.push_back(line);
  return placement;
}

}  // namespace

Status check_products(const Plan& plan, const Layout& layout, const MatrixSource& matrix, const hal::Capabilities& capabilities,
                      const SessionOptions& options) {
  const auto refuse = [](std::string why) { return Status(Code::unsupported, "correction products: " + std::move(why)); };
  if (plan.choice.slices > 0) return refuse("it replaces residual slices; use one of them");
  if (!options.mask.empty()) return refuse("x is written on the board for every vector, and a mask is not gone around there");
  if (layout.turns > 1)
    return refuse(fmt::format("the matrix takes {} turns of {} arrays; A must stay on the board while x is written", layout.turns,
                              capabilities.arrays));
  const XLayout x = x_layout(matrix, capabilities);
  if (x.arrays == 0) return refuse(fmt::format("x~ takes two bit lines; the arrays have {}", capabilities.cols));
  if (layout.arrays + x.arrays > capabilities.arrays)
    return refuse(fmt::format(
        "A takes {} arrays and x~ {}; the board has {}. (Where x comes from a DAC alone, x~ = x and the formula is the digital product.)",
        layout.arrays, x.arrays, capabilities.arrays));
  return {};
}

// One segment of x, written and read back.
struct ProductsCorrection::Written {
  Placement placement;
  kernels::EncodedTile encoded;
  std::uint64_t stream = 0;
  std::vector<double> found;  // x~ as read back
};

ProductsCorrection::ProductsCorrection(hal::Device& device, const MatrixSource& matrix, const Plan& plan, std::uint32_t first_array,
                                       const SessionOptions& options)
    : device_(device),
      matrix_(matrix),
      plan_(plan),
      first_array_(first_array),
      deadline_(options.deadline),
      progress_(options.progress),
      window_{device.capabilities().g_min_siemens, device.capabilities().g_max_siemens} {}

Status ProductsCorrection::report(std::uint64_t done, std::uint64_t total) const {
  if (!progress_ || progress_("correct", done, total)) return {};
  return fail(Code::aborted, "stopped at correct {} of {}", done, total);
}

Result<ProductsCorrection::Written> ProductsCorrection::write_segment(std::uint32_t segment, std::span<const double> x,
                                                                      std::uint64_t ordinal, const Poll& poll,
                                                                      StageCost& programming) const {
  const XLayout layout = x_layout(matrix_, device_.capabilities());
  const std::uint32_t first = segment * layout.segment;
  const auto count = std::min<std::uint32_t>(layout.segment, static_cast<std::uint32_t>(x.size()) - first);
  Written written{x_placement(layout, segment, first_array_, count), {}, 0, std::vector<double>(count)};
  kernels::encode_tile({x.data() + first, 1, count}, kernels::Encoding::pair, kernels::Scale::output, window_, written.encoded);
  const kernels::Key segments = kernels::derive(kernels::Key{matrix_.content()}, UINT64_MAX);
  written.stream = kernels::derive(kernels::derive(segments, segment), ordinal).value;
  WindowWrite write(device_, written.placement, {}, plan_.choice.read_repeats);
  double seconds = 0;
  SEDMA_RETURN_IF_ERROR(
      write.submit(written.encoded.siemens, write_policy(plan_.choice, device_.capabilities(), deadline_), written.stream));
  SEDMA_RETURN_IF_ERROR(write.finish(kernels::Encoding::pair, programming, seconds, poll));
  programming.seconds += seconds;
  const std::vector<float> siemens = write.read_back();
  kernels::decode_tile({siemens.data(), count, 2}, kernels::Encoding::pair, window_, written.encoded.unit,
                       {written.found.data(), 1, count});
  return written;
}

// A x~ on one segment: the rows of the exact A, as volts, through the two bit lines that hold x~.
Status ProductsCorrection::multiply_rows(const Written& written, std::uint32_t first, std::uint64_t ordinal, std::size_t b,
                                         const Conversion& conversion, const Poll& poll, Accumulator& y, StageCost& multiplying) const {
  const auto count = static_cast<std::uint32_t>(written.found.size());
  const double volts_max = device_.capabilities().read_volts.max;
  std::vector<std::uint32_t> rows;
  std::vector<std::vector<double>> parts;
  std::vector<std::uint32_t> columns(count);
  std::iota(columns.begin(), columns.end(), first);
  std::vector<double> part(count);
  for (std::uint32_t row = 0; row < matrix_.rows(); ++row) {
    SEDMA_RETURN_IF_ERROR(matrix_.gather({&row, 1}, columns, part.data()));
    if (std::all_of(part.begin(), part.end(), [](double v) { return v == 0; })) continue;
    rows.push_back(row);
    parts.push_back(part);
  }
  if (rows.empty()) return {};
  WindowProduct product(device_, written.placement, kernels::Encoding::pair, rows.size(), conversion);
  std::vector<double> units(rows.size());
  std::vector<float> volts(count);
  for (std::size_t k = 0; k < rows.size(); ++k) {
    units[k] = kernels::encode_input(parts[k], volts_max, volts);
    product.set_volts(k, volts);
  }
  double seconds = 0;
  SEDMA_RETURN_IF_ERROR(product.submit(full_scales(written.encoded, kernels::Encoding::pair, device_.capabilities()), written.stream,
                                       ordinal * matrix_.rows() * conversion.repeats, deadline_));
  SEDMA_RETURN_IF_ERROR(product.finish(multiplying, seconds, poll));
  multiplying.seconds += seconds;
  const double per_unit = kernels::amps_per_unit(kernels::Encoding::pair, window_, volts_max);
  for (std::size_t k = 0; k < rows.size(); ++k) y.add(b, rows[k], product.amps(k, 0) / per_unit * written.encoded.unit[0] * units[k]);
  return {};
}

Status ProductsCorrection::add(const ProductTask& task, Engine& engine, std::span<const std::uint32_t> groups, Accumulator& y,
                               StageCost& programming, StageCost& multiplying) const {
  const XLayout layout = x_layout(matrix_, device_.capabilities());
  const std::size_t cols = matrix_.cols();
  std::vector<double> minus_written(task.x.size());
  for (std::size_t b = 0; b < task.batch; ++b) {
    const Poll poll = [&] { return report(b, task.batch); };
    for (std::uint32_t segment = 0; segment < layout.segments; ++segment) {
      const std::uint64_t ordinal = task.vector + b;
      SEDMA_ASSIGN_OR_RETURN(const Written written, write_segment(segment, task.x.subspan(b * cols, cols), ordinal, poll, programming));
      const std::uint32_t first = segment * layout.segment;
      SEDMA_RETURN_IF_ERROR(multiply_rows(written, first, ordinal, b, task.conversion, poll, y, multiplying));
      for (std::size_t j = 0; j < written.found.size(); ++j) minus_written[b * cols + first + j] = -written.found[j];
    }
    SEDMA_RETURN_IF_ERROR(report(b + 1, task.batch));
  }
  // The second product through A~ draws its own noise.
  const std::uint64_t vector = task.vector + task.batch * task.conversion.repeats;
  return engine.multiply({minus_written, task.batch, vector, task.conversion}, groups, y, programming, multiplying);
}

}  // namespace sedma::runtime
