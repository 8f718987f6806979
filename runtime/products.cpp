#include "runtime/products.h"

#include <algorithm>
#include <cmath>
#include <numeric>

#include "runtime/session_impl.h"

namespace sedma::runtime {
namespace {

// x~ lies on arrays behind the plan's: one pair of bit lines per segment of as many inputs as an array has word lines.
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

// One segment of x, written and read back.
struct WrittenSegment {
  Placement placement;
  kernels::EncodedTile encoded;
  std::uint64_t stream = 0;
  std::vector<double> found;  // x~ as read back
};

}  // namespace

Status check_products(const Plan& plan, const MatrixSource& matrix, const hal::Capabilities& capabilities, const SessionOptions& options) {
  const auto refuse = [](std::string why) { return Status(Code::unsupported, "correction products: " + std::move(why)); };
  if (plan.choice.slices > 0) return refuse("it replaces residual slices; use one of them");
  if (!options.mask.empty()) return refuse("x is written on the board for every vector, and a mask is not gone around there");
  if (plan.turns > 1)
    return refuse(fmt::format("the matrix takes {} turns of {} arrays; A must stay on the board while x is written", plan.turns,
                              capabilities.arrays));
  const XLayout layout = x_layout(matrix, capabilities);
  if (layout.arrays == 0) return refuse(fmt::format("x~ takes two bit lines; the arrays have {}", capabilities.cols));
  if (plan.arrays + layout.arrays > capabilities.arrays)
    return refuse(fmt::format(
        "A takes {} arrays and x~ {}; the board has {}. (Where x comes from a DAC alone, x~ = x and the formula is the digital product.)",
        plan.arrays, layout.arrays, capabilities.arrays));
  return {};
}

namespace {

Result<WrittenSegment> write_segment(Session::Impl& s, const XLayout& layout, std::uint32_t segment, std::span<const double> x,
                                     std::uint64_t ordinal) {
  const std::uint32_t first = segment * layout.segment;
  const auto count = std::min<std::uint32_t>(layout.segment, static_cast<std::uint32_t>(x.size()) - first);
  WrittenSegment written{x_placement(layout, segment, s.plan.arrays, count), {}, 0, std::vector<double>(count)};
  kernels::encode_tile({x.data() + first, 1, count}, kernels::Encoding::pair, kernels::Scale::output, s.window, written.encoded);
  written.stream = kernels::derive(kernels::derive(kernels::derive(s.content, UINT64_MAX), segment), ordinal).value;
  WindowWrite write(s.device, written.placement, {});
  double seconds = 0;
  SEDMA_RETURN_IF_ERROR(write.submit(written.encoded.siemens, s.write_policy(), written.stream));
  SEDMA_RETURN_IF_ERROR(write.finish(kernels::Encoding::pair, s.programming, seconds));
  s.programming.seconds += seconds;
  const std::vector<float> siemens = write.read_back();
  kernels::decode_tile({siemens.data(), count, 2}, kernels::Encoding::pair, s.window, written.encoded.unit,
                       {written.found.data(), 1, count});
  return written;
}

// A x~ on one segment: the rows of the exact A, as volts, through the two bit lines that hold x~.
Status multiply_rows(Session::Impl& s, const WrittenSegment& written, std::uint32_t first, std::uint64_t ordinal, Accumulator& y,
                     std::size_t b) {
  const auto count = static_cast<std::uint32_t>(written.found.size());
  std::vector<std::uint32_t> rows;
  std::vector<std::vector<double>> parts;
  std::vector<std::uint32_t> columns(count);
  std::iota(columns.begin(), columns.end(), first);
  std::vector<double> part(count);
  for (std::uint32_t row = 0; row < s.matrix.rows(); ++row) {
    SEDMA_RETURN_IF_ERROR(s.matrix.gather({&row, 1}, columns, part.data()));
    if (std::all_of(part.begin(), part.end(), [](double v) { return v == 0; })) continue;
    rows.push_back(row);
    parts.push_back(part);
  }
  if (rows.empty()) return {};
  WindowProduct product(s.device, written.placement, kernels::Encoding::pair, rows.size());
  std::vector<double> units(rows.size());
  std::vector<float> volts(count);
  for (std::size_t k = 0; k < rows.size(); ++k) {
    units[k] = kernels::encode_input(parts[k], s.volts_max, volts);
    product.set_volts(k, volts);
  }
  double seconds = 0;
  SEDMA_RETURN_IF_ERROR(
      product.submit(full_scales(written.encoded, kernels::Encoding::pair, s.device.capabilities(), s.plan.choice.headroom), written.stream,
                     ordinal * s.matrix.rows(), s.options.deadline));
  SEDMA_RETURN_IF_ERROR(product.finish(s.multiplying, seconds));
  s.multiplying.seconds += seconds;
  const double per_unit = kernels::amps_per_unit(kernels::Encoding::pair, s.window, s.volts_max);
  for (std::size_t k = 0; k < rows.size(); ++k) y.add(b, rows[k], product.amps(k, 0) / per_unit * written.encoded.unit[0] * units[k]);
  return {};
}

}  // namespace

Status Session::Impl::add_products_correction(std::span<const double> x, std::size_t batch, Accumulator& y) {
  const XLayout layout = x_layout(matrix, device.capabilities());
  std::vector<double> minus_written(x.size());
  for (std::size_t b = 0; b < batch; ++b) {
    for (std::uint32_t segment = 0; segment < layout.segments; ++segment) {
      const auto xb = x.subspan(b * matrix.cols(), matrix.cols());
      SEDMA_ASSIGN_OR_RETURN(const WrittenSegment written, write_segment(*this, layout, segment, xb, vectors + b));
      const std::uint32_t first = segment * layout.segment;
      SEDMA_RETURN_IF_ERROR(multiply_rows(*this, written, first, vectors + b, y, b));
      for (std::size_t j = 0; j < written.found.size(); ++j) minus_written[b * matrix.cols() + first + j] = -written.found[j];
    }
    SEDMA_RETURN_IF_ERROR(report("correct", b + 1, batch));
  }
  vectors += batch;  // the second product through A~ draws its own noise
  return multiply_turn(0, minus_written, batch, y);
}

}  // namespace sedma::runtime
