// Conformance of refusals: what cannot be done is refused by the right code, changes no cell, no buffer, and costs no pulse.

#include <algorithm>
#include <limits>

#include "hal/conformance_internal.h"

namespace sedma::hal::conformance {
namespace {

constexpr float float_nan = std::numeric_limits<float>::quiet_NaN(), float_infinity = std::numeric_limits<float>::infinity();
constexpr double nan = std::numeric_limits<double>::quiet_NaN(), infinity = std::numeric_limits<double>::infinity();
constexpr float untouched = -777.0f;
constexpr std::uint32_t huge = std::numeric_limits<std::uint32_t>::max();
constexpr std::size_t most_refusals = 64;  // of writes, for their worst case

struct Refusal {
  std::string what;
  Command command;
  bool may_accept = false;  ///< a board may be able to do it; if it refuses, nothing may have changed
};

/// Buffers large enough for whatever a board would write if it believed a wrong shape.
struct Buffers {
  explicit Buffers(const Window& at) : volts(at.size() * 8, 0.0f), out(at.size() * 64, untouched), scale(at.size() * 8, 1.0f) {}
  std::vector<float> volts, out, scale;
  bool intact() const {
    return std::all_of(out.begin(), out.end(), [](float x) { return x == untouched; });
  }
};

/// Collects variations of one good command.
template <class Kind>
class Variations {
 public:
  explicit Variations(Kind good) : good_(std::move(good)) {}
  template <class Change>
  void add(const std::string& what, Change change, bool may_accept = false) {
    Kind wrong = good_;
    change(wrong);
    list_.push_back({what, Command(std::move(wrong)), may_accept});
  }
  std::vector<Refusal> take() { return std::move(list_); }

 private:
  Kind good_;
  std::vector<Refusal> list_;
};

template <class Kind>
void add_windows(Variations<Kind>& variations, const Capabilities& board, const std::string& verb) {
  variations.add(verb + " on an array beyond the last", [&](Kind& k) { k.array.value = board.arrays; });
  variations.add(verb + " in a window beyond the last row", [&](Kind& k) { k.row = board.rows; });
  variations.add(verb + " in a window beyond the last column", [&](Kind& k) { k.col = board.cols; });
  variations.add(verb + " in a window whose end overflows", [&](Kind& k) { k.row = k.col = huge; });
}

std::vector<Refusal> wrong_products(const Bench& bench, const Window& at, Buffers& b, std::vector<std::vector<float>>& volts) {
  const Capabilities& board = bench.board;
  Variations<Mvm> v(Mvm{.array = at.array,
                        .row = at.row,
                        .col = at.col,
                        .rows = at.rows,
                        .cols = at.cols,
                        .volts = {b.volts.data(), 2, at.rows},
                        .amps = {b.out.data(), 2, at.cols},
                        .full_scale_amps = std::span<const float>(b.scale).first(1),
                        .stream = test_stream});
  add_windows(v, board, "mvm");
  const float beyond = static_cast<float>(board.read_volts.max * 1.01);
  for (const float wrong :
       {float_nan, float_infinity, -float_infinity, beyond, -std::max(beyond, static_cast<float>(-board.read_volts.min * 1.01))}) {
    volts.push_back(b.volts);
    volts.back()[2 * at.rows - 1] = wrong;
    v.add(fmt::format("mvm of {} V", wrong), [&](Mvm& m) { m.volts.data = volts.back().data(); });
  }
  v.add("mvm without rows", [](Mvm& m) { m.rows = 0, m.volts.cols = 0; });
  v.add("mvm with volts of another width", [](Mvm& m) { ++m.volts.cols, ++m.volts.stride; });
  v.add("mvm with rows that overlap", [](Mvm& m) { m.volts.cols += 1, m.volts.stride = 0; });
  v.add("mvm with another batch in amps", [](Mvm& m) { m.amps.rows = 3; });
  v.add("mvm with amps of another width", [](Mvm& m) { ++m.amps.cols, ++m.amps.stride; });
  v.add("mvm without volts", [](Mvm& m) { m.volts = {}; });
  v.add("mvm without amps", [](Mvm& m) { m.amps = {}; });
  if (board.adc_bits != 0) {
    for (const float wrong : {0.0f, -1.0f, float_nan, float_infinity}) {
      volts.emplace_back(1, wrong);
      v.add(fmt::format("mvm with a full scale of {} A", wrong), [&](Mvm& m) { m.full_scale_amps = volts.back(); });
    }
    v.add("mvm with a full scale too many", [&](Mvm& m) { m.full_scale_amps = std::span<const float>(b.scale).first(at.cols + 1); });
    v.add("mvm without full scale", [](Mvm& m) { m.full_scale_amps = {}; });
  }
  if (!board.has(Feature::transpose))
    v.add("mvm transposed on a board that cannot", [&](Mvm& m) {
      m.transpose = true, m.volts = {b.volts.data(), 2, at.cols}, m.amps = {b.out.data(), 2, at.rows};
    });
  if (!board.has(Feature::analog_subtract) && at.cols > 1)
    v.add("mvm against a reference line on a board that cannot", [&](Mvm& m) {
      m.sense = Sense::reference, m.amps = {b.out.data(), 2, at.cols - 1};
    });
  return v.take();
}

std::vector<Refusal> wrong_reads(const Bench& bench, const Window& at, Buffers& b) {
  std::vector<float> unused;
  Read good = make_read(bench, at, unused, 1);
  good.siemens.data = b.out.data();
  Variations<Read> v(good);
  add_windows(v, bench.board, "read");
  for (const double wrong : {0.0, nan, infinity, bench.board.read_volts.max * 1.01})
    v.add(fmt::format("read at {} V", wrong), [&](Read& r) { r.volts = wrong; });
  for (const double wrong : {-1.0, nan, infinity})
    v.add(fmt::format("read every {} s", wrong), [&](Read& r) { r.interval_seconds = wrong; });
  v.add("read 0 times", [](Read& r) { r.repeats = 0, r.siemens.rows = 0; });
  v.add("read with fewer repeats than rows of siemens", [](Read& r) { r.siemens.rows *= 2; });
  v.add("read with siemens of another width", [](Read& r) { ++r.siemens.cols, ++r.siemens.stride; });
  v.add("read without siemens", [](Read& r) { r.siemens = {}; });
  v.add("read of no columns", [](Read& r) { r.cols = 0, r.siemens.cols = 0; });
  std::vector<Refusal> list = v.take();
  for (const double wrong : {-1.0, nan, infinity}) list.push_back({fmt::format("idle for {} s", wrong), Idle{wrong}});
  list.push_back({"self test without readings", SelfTest{}});
  return list;
}

struct WriteBuffers {
  std::vector<std::vector<float>> targets;
  std::vector<std::uint8_t> mask;
  std::vector<std::int32_t> counts;
  Written written;
};

std::vector<Refusal> wrong_programs(const Bench& bench, const Window& at, Buffers& b, WriteBuffers& w) {
  const Capabilities& board = bench.board;
  w.mask.assign(at.size() * 8, 0);
  w.written.target = flat(board, at, 0.8);
  Program good = make_program(bench, at, w.written, {.most_pulses = 1, .passes = 1});
  good.readback_siemens.data = b.out.data();
  Variations<Program> v(good);
  add_windows(v, board, "program");
  const double range = board.g_range_siemens();
  for (const double wrong : {nan, infinity, -infinity, board.g_max_siemens + 0.05 * range, board.g_min_siemens - 0.05 * range}) {
    w.targets.push_back(w.written.target);
    w.targets.back().back() = static_cast<float>(wrong);
    v.add(fmt::format("program to {} S", wrong), [&](Program& p) { p.siemens.data = w.targets.back().data(); });
  }
  for (const float wrong : {0.0f, -1.0f, float_nan, float_infinity})
    v.add(fmt::format("program within {} S", wrong), [&](Program& p) { p.tolerance_siemens = wrong; });
  for (const float wrong : {0.0f, -0.5f, float_nan, float_infinity})
    v.add(fmt::format("program in steps of {}", wrong), [&](Program& p) { p.schedule.step_fraction = wrong; });
  v.add("program in 0 passes", [](Program& p) { p.passes = 0; });
  v.add("program with 0 pulses a cell", [](Program& p) { p.max_pulses_per_cell = 0; });
  v.add("program without targets", [](Program& p) { p.siemens.data = nullptr; });
  v.add("program of no rows", [](Program& p) { p.siemens.rows = 0; });
  v.add("program with a mask of another shape", [&](Program& p) { p.mask = {w.mask.data(), at.rows + 1, at.cols}; });
  v.add("program with outcomes of another shape", [](Program& p) { --p.outcome.rows; });
  v.add("program with pulses of another shape", [](Program& p) { --p.pulses.cols; });
  v.add("program with read-backs of another shape", [](Program& p) { ++p.readback_siemens.rows; });
  v.add(
      "program in steps of 0.77", [](Program& p) { p.schedule.step_fraction = 0.77f; }, true);
  v.add(
      "program in 2^32 - 1 passes", [](Program& p) { p.passes = huge; }, true);
  v.add(
      "program within 1e-30 S", [](Program& p) { p.tolerance_siemens = 1e-30f; }, true);
  return v.take();
}

std::vector<Refusal> wrong_pulses(const Bench& bench, const Window& at, WriteBuffers& w) {
  const Capabilities& board = bench.board;
  w.counts.assign(at.size() * 4, 1);
  Variations<Pulse> v(Pulse{at.array, {w.counts.data(), at.rows, at.cols}, at.row, at.col, bench.up(), bench.down()});
  add_windows(v, board, "pulse");
  v.add("pulse without counts", [](Pulse& p) { p.pulses = {}; });
  v.add("pulse with rows that overlap", [](Pulse& p) { p.pulses.stride = 0; });
  for (const float wrong : {float_nan, float_infinity}) {
    v.add(fmt::format("pulse of {} V", wrong), [&](Pulse& p) { p.up.cell_volts = wrong; });
    v.add(fmt::format("pulse of {} s", wrong), [&](Pulse& p) { p.up.width_seconds = wrong; });
  }
  v.add("pulse beyond cell_volts", [&](Pulse& p) { p.up.cell_volts = static_cast<float>(board.cell_volts.max * 1.1); });
  v.add("pulse beyond width_seconds", [&](Pulse& p) { p.up.width_seconds = static_cast<float>(board.width_seconds.max * 1.1); });
  if (board.gate_volts.empty()) v.add("pulse with a gate that is not there", [](Pulse& p) { p.up.gate_volts = 1; });
  if (board.compliance_amps.empty()) v.add("pulse with a compliance that is not there", [](Pulse& p) { p.up.compliance_amps = 1e-3f; });
  return v.take();
}

Status check_refused(Bench& bench, const Refusal& refusal, Cells& before, Buffers& buffers) {
  const std::uint64_t charged = bench.device().charged_pulses();
  const auto result = bench.device().run(refusal.command, patience);
  if (result.ok()) {
    if (!refusal.may_accept) return found("{}: accepted; it must be refused", refusal.what);
    std::fill(buffers.out.begin(), buffers.out.end(), untouched);
    SEDMA_ASSIGN_OR_RETURN(before, measure(bench, before.window));
    return {};
  }
  const Code code = result.status().code();
  if (code != Code::invalid_argument && code != Code::out_of_range && code != Code::unsupported)
    return found("{}: must be refused as invalid_argument, out_of_range or unsupported; the answer is {}", refusal.what,
                 result.status().to_string());
  if (result.status().message().empty()) return found("{}: refused without a reason", refusal.what);
  if (!buffers.intact()) return found("{}: refused, but an output was written", refusal.what);
  if (bench.device().charged_pulses() != charged)
    return found("{}: refused, but {} pulses were charged", refusal.what, bench.device().charged_pulses() - charged);
  SEDMA_ASSIGN_OR_RETURN(const Cells after, measure(bench, before.window));
  return check_unchanged(bench, before, after, nullptr, refusal.what + " (refused)");
}

Status check_all(Bench& bench, const std::vector<Refusal>& list, const Window& at, Buffers& buffers) {
  SEDMA_ASSIGN_OR_RETURN(Cells before, measure(bench, grown(bench.board, at, 2)));
  for (const Refusal& refusal : list) SEDMA_RETURN_IF_ERROR(check_refused(bench, refusal, before, buffers));
  return check_works(bench, at, "after refusals");
}

Window refusal_window(const Capabilities& board) { return window(board, 3, 2, 0, 2, 3); }

}  // namespace

std::uint64_t refused_writes_cost(const Capabilities& board) { return 2 * most_refusals * refusal_window(board).size(); }

Status refused_reads(Bench& bench) {
  SEDMA_RETURN_IF_ERROR(bench.open());
  const Window at = refusal_window(bench.board);
  Buffers buffers(at);
  std::vector<std::vector<float>> volts;  // what the commands point to
  volts.reserve(most_refusals);           // the lambdas of wrong_products keep references into it
  std::vector<Refusal> list = wrong_products(bench, at, buffers, volts);
  for (Refusal& refusal : wrong_reads(bench, at, buffers)) list.push_back(std::move(refusal));
  return check_all(bench, list, at, buffers);
}

Status refused_writes(Bench& bench) {
  SEDMA_RETURN_IF_ERROR(bench.open());
  const Window at = refusal_window(bench.board);
  Buffers buffers(at);
  WriteBuffers write_buffers;
  std::vector<Refusal> list;
  if (bench.board.has(Feature::verify_on_board)) list = wrong_programs(bench, at, buffers, write_buffers);
  if (bench.board.has(Feature::raw_pulses))
    for (Refusal& refusal : wrong_pulses(bench, at, write_buffers)) list.push_back(std::move(refusal));
  SEDMA_CHECK(list.size() <= most_refusals, list.size());
  return check_all(bench, list, at, buffers);
}

}  // namespace sedma::hal::conformance
