#include "runtime/comm/messages.h"

#include <algorithm>
#include <array>

#include "runtime/comm/wire.h"

namespace sedma::runtime {
namespace {

constexpr std::array<std::string_view, 15> kind_names{"end",    "open",   "hold",  "drop", "program", "multiply", "save",  "restore",
                                                      "cancel", "recall", "close", "done", "partial", "state",    "failed"};
constexpr std::uint64_t hash_bytes = sizeof(std::uint32_t) + 2 * sizeof(std::uint64_t);

void put_status(ByteWriter& out, const Status& status) {
  out.put(status.code());
  out.put_text(status.message());
}

Status get_status(ByteReader& in) {
  const Code code = in.get_enum(Code::internal);
  std::string text = in.get_text();
  return code == Code::ok ? Status() : Status(code, std::move(text));
}

void put_cost(ByteWriter& out, const StageCost& cost) {
  const hal::Joules& joules = cost.joules;
  for (const double value : {joules.cells, joules.lines, joules.dac, joules.adc, joules.verify, cost.seconds}) out.put(value);
  for (const std::uint64_t count :
       {cost.pulses, cost.conversions, cost.products, cost.cells, cost.unconverged, cost.compensated, cost.uncompensated, cost.commands})
    out.put(count);
}

StageCost get_cost(ByteReader& in) {
  StageCost cost;
  hal::Joules& joules = cost.joules;
  for (double* value : {&joules.cells, &joules.lines, &joules.dac, &joules.adc, &joules.verify, &cost.seconds}) *value = in.get<double>();
  for (std::uint64_t* count : {&cost.pulses, &cost.conversions, &cost.products, &cost.cells, &cost.unconverged, &cost.compensated,
                               &cost.uncompensated, &cost.commands})
    *count = in.get<std::uint64_t>();
  return cost;
}

void put_conversion(ByteWriter& out, const Conversion& conversion) {
  out.put(conversion.headroom);
  out.put(conversion.repeats);
}

Conversion get_conversion(ByteReader& in) {
  Conversion conversion;
  conversion.headroom = in.get<double>();
  conversion.repeats = in.get<std::uint32_t>();
  return conversion;
}

void put_choice(ByteWriter& out, const Choice& choice) {
  out.put(static_cast<std::uint8_t>(choice.partition));
  out.put(choice.sharing);
  out.put(choice.tile_rows);
  out.put(choice.tile_cols);
  out.put(static_cast<std::uint8_t>(choice.encoding));
  out.put(static_cast<std::uint8_t>(choice.scale));
  out.put(choice.slices);
  out.put(choice.passes);
  out.put(choice.tolerance_levels);
  out.put(choice.step_fraction);
  out.put(choice.max_pulses_per_cell);
  out.put(choice.read_repeats);
  put_conversion(out, choice.conversion);
}

Choice get_choice(ByteReader& in) {
  Choice choice;
  choice.partition = in.get_enum(Partition::clustered);
  choice.sharing = in.get<std::uint32_t>();
  choice.tile_rows = in.get<std::uint32_t>();
  choice.tile_cols = in.get<std::uint32_t>();
  choice.encoding = in.get_enum(kernels::Encoding::offset);
  choice.scale = in.get_enum(kernels::Scale::tile);
  choice.slices = in.get<std::uint32_t>();
  choice.passes = in.get<std::uint32_t>();
  choice.tolerance_levels = in.get<double>();
  choice.step_fraction = in.get<float>();
  choice.max_pulses_per_cell = in.get<std::uint32_t>();
  choice.read_repeats = in.get<std::uint32_t>();
  choice.conversion = get_conversion(in);
  return choice;
}

std::vector<StreamRoot> get_roots(ByteReader& in) {
  constexpr std::size_t root_bytes = 12;
  std::vector<StreamRoot> roots(in.get_count(root_bytes));
  for (StreamRoot& root : roots) {
    root.block_row = in.get<std::uint32_t>();
    root.content = in.get<std::uint64_t>();
  }
  const auto not_after = [](const StreamRoot& a, const StreamRoot& b) { return a.block_row >= b.block_row; };
  if (roots.empty() || roots.front().block_row != 0 || std::adjacent_find(roots.begin(), roots.end(), not_after) != roots.end())
    in.refuse();
  return roots;
}

void put_report(ByteWriter& out, const WorkReport& report) {
  put_status(out, report.status);
  put_cost(out, report.programming);
  put_cost(out, report.multiplying);
  out.put(report.busy_seconds);
  out.put(report.peak_bytes);
  out.put<std::uint64_t>(report.hashes.size());
  for (const auto& [tile, hash] : report.hashes) {
    out.put(tile);
    out.put(hash.low);
    out.put(hash.high);
  }
}

WorkReport get_report(ByteReader& in) {
  WorkReport report;
  report.status = get_status(in);
  report.programming = get_cost(in);
  report.multiplying = get_cost(in);
  report.busy_seconds = in.get<double>();
  report.peak_bytes = in.get<std::uint64_t>();
  report.hashes.resize(in.get_count(hash_bytes));
  for (auto& [tile, hash] : report.hashes) {
    tile = in.get<std::uint32_t>();
    hash.low = in.get<std::uint64_t>();
    hash.high = in.get<std::uint64_t>();
  }
  return report;
}

void put_partial(ByteWriter& out, const PartialMessage& message) {
  out.put(message.session);
  out.put(message.part);
  put_report(out, message.report);
  out.put(message.batch);
  out.put(message.outputs);
  out.put(static_cast<std::uint8_t>(message.wide));
}

bool fits_64_bits(Accumulator::Int128 sum) noexcept { return sum == static_cast<std::int64_t>(sum); }

}  // namespace

std::string_view name(MessageKind kind) noexcept {
  const auto index = static_cast<std::size_t>(kind);
  return index < kind_names.size() ? kind_names[index] : "unknown";
}

Bytes encode(const EndMessage& message) {
  ByteWriter out;
  out.put(message.verdict.code());
  for (const char letter : message.verdict.message()) out.put(letter);
  return out.take();
}

Result<EndMessage> decode_end(std::span<const std::byte> body) {
  return whole<EndMessage>(body, name(MessageKind::end), [&](ByteReader& in) {
    const Code code = in.get_enum(Code::internal);
    const std::vector<char> text = in.get_all<char>(body.empty() ? 0 : body.size() - 1);
    return EndMessage{code == Code::ok ? Status() : Status(code, std::string(text.begin(), text.end()))};
  });
}

Bytes encode(const OpenMessage& m) {
  ByteWriter out;
  out.put(m.session);
  out.put(m.rows);
  out.put(m.cols);
  out.put(m.content);
  out.put<std::uint64_t>(m.roots.size());
  for (const StreamRoot& root : m.roots) {
    out.put(root.block_row);
    out.put(root.content);
  }
  put_choice(out, m.choice);
  out.put(m.geometry.word_lines);
  out.put(m.geometry.bit_lines);
  out.put(static_cast<std::uint8_t>(m.geometry.apart));
  for (const std::uint32_t value : {m.tile_rows, m.tile_cols, m.tiles, m.groups}) out.put(value);
  out.put(m.wait_seconds);
  out.put(m.deadline_nanoseconds);
  out.put(static_cast<std::uint8_t>(m.keep_cells));
  return out.take();
}

Result<OpenMessage> decode_open(std::span<const std::byte> body) {
  return whole<OpenMessage>(body, name(MessageKind::open), [](ByteReader& in) {
    OpenMessage m;
    m.session = in.get<std::uint64_t>();
    m.rows = in.get<std::uint32_t>();
    m.cols = in.get<std::uint32_t>();
    m.content = in.get<std::uint64_t>();
    m.roots = get_roots(in);
    m.choice = get_choice(in);
    m.geometry.word_lines = in.get<std::uint32_t>();
    m.geometry.bit_lines = in.get<std::uint32_t>();
    m.geometry.apart = in.get_bool();
    for (std::uint32_t* value : {&m.tile_rows, &m.tile_cols, &m.tiles, &m.groups}) *value = in.get<std::uint32_t>();
    m.wait_seconds = in.get<double>();
    m.deadline_nanoseconds = in.get<std::int64_t>();
    m.keep_cells = in.get_bool();
    return m;
  });
}

Bytes encode(const DropMessage& message) {
  ByteWriter out;
  out.put_list(message.groups);
  return out.take();
}

Result<DropMessage> decode_drop(std::span<const std::byte> body) {
  return whole<DropMessage>(body, name(MessageKind::drop), [](ByteReader& in) { return DropMessage{in.get_list<std::uint32_t>()}; });
}

Bytes encode(const ProgramMessage& message) {
  ByteWriter out;
  out.put(message.request);
  out.put(message.ordinal);
  out.put_list(message.groups);
  return out.take();
}

Result<ProgramMessage> decode_program(std::span<const std::byte> body) {
  return whole<ProgramMessage>(body, name(MessageKind::program), [](ByteReader& in) {
    ProgramMessage message;
    message.request = in.get<std::uint64_t>();
    message.ordinal = in.get<std::uint64_t>();
    message.groups = in.get_list<std::uint32_t>();
    return message;
  });
}

Bytes encode(const MultiplyMessage& message) {
  ByteWriter out(message.x.size() * sizeof(double) + 4096);
  out.put(message.part);
  out.put(message.vector);
  out.put(message.batch);
  put_conversion(out, message.conversion);
  out.put(static_cast<std::uint8_t>(message.matrix_part.has_value()));
  out.put(message.matrix_part.value_or(0));
  out.put_list(message.groups);
  out.put_all(std::span(message.largest));
  out.put_list(message.x);
  return out.take();
}

std::uint64_t multiply_bytes(std::uint64_t batch, std::uint64_t groups, std::uint64_t columns) noexcept {
  return 6 * sizeof(std::uint64_t) + 1 + (2 + groups) * sizeof(std::uint32_t) + batch * (1 + columns) * sizeof(double);
}

Result<MultiplyMessage> decode_multiply(std::span<const std::byte> body) {
  return whole<MultiplyMessage>(body, name(MessageKind::multiply), [](ByteReader& in) {
    MultiplyMessage message;
    message.part = in.get<std::uint64_t>();
    message.vector = in.get<std::uint64_t>();
    message.batch = in.get<std::uint64_t>();
    message.conversion = get_conversion(in);
    const bool one_part = in.get_bool();
    const auto part = in.get<std::uint32_t>();
    if (one_part) message.matrix_part = part;
    if (!one_part && part != 0) in.refuse();
    message.groups = in.get_list<std::uint32_t>();
    message.largest = in.get_all<double>(message.batch);
    message.x = in.get_list<double>();
    if (message.batch == 0 || message.x.size() % message.batch != 0) in.refuse();
    return message;
  });
}

Bytes encode(const FileMessage& message) {
  ByteWriter out;
  out.put(message.request);
  out.put_text(message.path);
  return out.take();
}

Result<FileMessage> decode_file(std::span<const std::byte> body) {
  return whole<FileMessage>(body, name(MessageKind::save), [](ByteReader& in) {
    FileMessage message;
    message.request = in.get<std::uint64_t>();
    message.path = in.get_text();
    return message;
  });
}

Bytes encode(const DoneMessage& message) {
  ByteWriter out;
  out.put(message.session);
  out.put(message.request);
  put_report(out, message.report);
  out.put_list(message.groups);
  return out.take();
}

Result<DoneMessage> decode_done(std::span<const std::byte> body) {
  return whole<DoneMessage>(body, name(MessageKind::done), [](ByteReader& in) {
    DoneMessage message;
    message.session = in.get<std::uint64_t>();
    message.request = in.get<std::uint64_t>();
    message.report = get_report(in);
    message.groups = in.get_list<std::uint32_t>();
    return message;
  });
}

Bytes encode(PartialMessage message, const Accumulator& y, std::span<const std::uint32_t> rows) {
  message.outputs = message.report.status.ok() ? rows.size() : 0;
  const std::span<const std::uint32_t> sent = rows.first(static_cast<std::size_t>(message.outputs));
  const auto batch = static_cast<std::size_t>(message.batch);
  message.wide = false;
  for (std::size_t b = 0; b < batch && !message.wide; ++b)
    for (const std::uint32_t row : sent)
      if (!fits_64_bits(y.sum(b, row))) message.wide = true;
  ByteWriter out(batch * sent.size() * (message.wide ? 16 : 8) + 4096);
  put_partial(out, message);
  for (std::size_t b = 0; b < batch; ++b) {
    for (const std::uint32_t row : sent) {
      const Accumulator::Int128 sum = y.sum(b, row);
      out.put(static_cast<std::int64_t>(sum));
      if (message.wide) out.put(static_cast<std::int64_t>(sum >> 64));
    }
  }
  return out.take();
}

std::uint64_t partial_bytes(std::uint64_t batch, std::uint64_t rows, std::uint64_t tiles) noexcept {
  ByteWriter out;
  put_partial(out, {});
  return out.take().size() + tiles * hash_bytes + batch * rows * sizeof(std::int64_t);
}

Result<PartialMessage> decode_partial(std::span<const std::byte> body) {
  ByteReader in(body);
  PartialMessage message;
  message.session = in.get<std::uint64_t>();
  message.part = in.get<std::uint64_t>();
  message.report = get_report(in);
  message.batch = in.get<std::uint64_t>();
  message.outputs = in.get<std::uint64_t>();
  message.wide = in.get_bool();
  message.sums = in.rest();
  const std::uint64_t sums = message.sums.size() / (message.wide ? 16 : 8);
  const bool right = message.outputs == 0 ? message.sums.empty()
                                          : message.batch <= sums / message.outputs && message.batch * message.outputs == sums &&
                                                sums * (message.wide ? 16 : 8) == message.sums.size();
  if (!in.ok() || !right) return fail(Code::data_corrupt, "a message `partial` of {} bytes is damaged", body.size());
  return message;
}

void read_sums(const PartialMessage& partial, std::span<const std::uint32_t> rows, Accumulator& y) {
  ByteReader in(partial.sums);
  for (std::size_t b = 0; b < partial.batch; ++b) {
    for (const std::uint32_t row : rows) {
      const auto low = in.get<std::int64_t>();
      const Accumulator::Int128 high = partial.wide ? in.get<std::int64_t>() : (low < 0 ? -1 : 0);
      __extension__ using Word = unsigned __int128;
      y.add_sum(b, row, static_cast<Accumulator::Int128>((static_cast<Word>(high) << 64) | static_cast<std::uint64_t>(low)));
    }
  }
}

Bytes encode(const RecallMessage& message) {
  ByteWriter out;
  out.put(message.recall);
  return out.take();
}

Result<RecallMessage> decode_recall(std::span<const std::byte> body) {
  return whole<RecallMessage>(body, name(MessageKind::recall), [](ByteReader& in) { return RecallMessage{in.get<std::uint64_t>()}; });
}

Bytes encode(const StateMessage& message) {
  ByteWriter out;
  out.put(message.recall);
  out.put(message.session);
  out.put<std::uint64_t>(message.held.size());
  for (const StateMessage::Held& held : message.held) {
    out.put(held.group);
    out.put(held.hold);
    out.put(held.ordinal);
  }
  return out.take();
}

Result<StateMessage> decode_state(std::span<const std::byte> body) {
  constexpr std::size_t held_bytes = 20;
  return whole<StateMessage>(body, name(MessageKind::state), [](ByteReader& in) {
    StateMessage message;
    message.recall = in.get<std::uint64_t>();
    message.session = in.get<std::uint64_t>();
    message.held.resize(in.get_count(held_bytes));
    for (StateMessage::Held& held : message.held) {
      held.group = in.get<std::uint32_t>();
      held.hold = in.get<std::uint64_t>();
      held.ordinal = in.get<std::uint64_t>();
    }
    return message;
  });
}

Bytes encode(const FailedMessage& message) {
  ByteWriter out;
  out.put(message.session);
  put_status(out, message.status);
  return out.take();
}

Result<FailedMessage> decode_failed(std::span<const std::byte> body) {
  return whole<FailedMessage>(body, name(MessageKind::failed), [](ByteReader& in) {
    FailedMessage message;
    message.session = in.get<std::uint64_t>();
    message.status = get_status(in);
    if (message.status.ok()) in.refuse();
    return message;
  });
}

}  // namespace sedma::runtime
