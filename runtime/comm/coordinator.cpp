#include "runtime/comm/coordinator.h"

#include <algorithm>
#include <cmath>
#include <system_error>

namespace sedma::runtime {
namespace {

std::uint64_t next_session() noexcept {
  static std::atomic<std::uint64_t> sessions{0};
  return ++sessions;
}

struct Seats {
  std::mutex mutex;
  std::set<const Transport*> taken;
};

Seats& seats() {
  static Seats all;
  return all;
}

std::vector<BoardShape> boards_of(const std::vector<RankShape>& ranks) {
  std::vector<BoardShape> boards;
  for (const RankShape& rank : ranks) boards.push_back(rank.board);
  return boards;
}

}  // namespace

SessionSeat::SessionSeat(const Transport& transport) : transport_(transport) {
  const std::lock_guard lock(seats().mutex);
  taken_ = seats().taken.insert(&transport).second;
}

SessionSeat::~SessionSeat() {
  const std::lock_guard lock(seats().mutex);
  if (taken_) seats().taken.erase(&transport_);
}

void CostClock::add(std::uint32_t rank, const StageCost& cost, StageCost& into) {
  double& seconds = seconds_[rank];
  seconds += cost.seconds;
  StageCost more = cost;
  more.seconds = std::max(0.0, seconds - slowest_);
  slowest_ = std::max(slowest_, seconds);
  into += more;
}

Result<ClusterPlan> plan_cluster(const std::vector<RankFacts>& facts, const MatrixSource& matrix, const SessionOptions& options) {
  if (options.products) return Status(Code::unsupported, "correction products needs a session of one process");
  ClusterPlan result;
  std::vector<BoardShape> usable;
  for (std::size_t rank = 0; rank < facts.size(); ++rank) {
    result.ranks.push_back({{}, facts[rank].capabilities.arrays > 0});
    if (!result.ranks.back().usable) continue;
    auto shape = board_shape(facts[rank].capabilities, facts[rank].mask, options.choice.encoding);
    if (!shape.ok()) return shape.status().with_context(fmt::format("rank {} on host {}", rank, facts[rank].host));
    result.ranks.back().board = *shape;
    usable.push_back(*shape);
  }
  if (usable.empty()) return fail(Code::unavailable, "none of {} ranks has a board", facts.size());
  SEDMA_ASSIGN_OR_RETURN(result.plan, make_plan(matrix, common_geometry(usable), options.choice));
  SEDMA_ASSIGN_OR_RETURN(result.assignment, assign(result.plan, result.ranks));
  return result;
}

OpenMessage open_message(const Plan& plan, const MatrixSource& matrix, const SessionOptions& options, std::uint64_t session) {
  OpenMessage message;
  message.session = session;
  message.rows = matrix.rows();
  message.cols = matrix.cols();
  message.content = matrix.content();
  message.roots = plan.roots;
  message.choice = plan.choice;
  message.geometry = plan.geometry;
  message.tile_rows = plan.tile_rows;
  message.tile_cols = plan.tile_cols;
  message.tiles = static_cast<std::uint32_t>(plan.tiles.size());
  message.groups = static_cast<std::uint32_t>(plan.groups.size());
  message.wait_seconds = options.wait_seconds;
  message.deadline_nanoseconds = options.deadline.count();
  message.keep_cells = options.keep_cells;
  return message;
}

Coordinator::Coordinator(const Job& job, const MatrixSource& matrix, const SessionOptions& options, ClusterPlan plan,
                         BenchFactory make_bench)
    : job_(job),
      seat_(job.transport),
      matrix_(matrix),
      options_(options),
      plan_(std::move(plan.plan)),
      boards_(boards_of(plan.ranks)),
      ledger_(plan_, std::move(plan.ranks), std::move(plan.assignment)),
      own_settings_{std::move(make_bench), &matrix_lock_},
      session_(next_session()),
      lines_(ledger_.ranks()),
      recalls_(ledger_.ranks(), 0),
      tallies_(ledger_.ranks()),
      hashes_(plan_.tiles.size()) {}

Coordinator::~Coordinator() {
  if (!own_worker_.joinable()) return;
  for (std::uint32_t rank = 0; rank < ledger_.ranks(); ++rank) send(rank, MessageKind::close, {});
  send(0, MessageKind::end, encode(EndMessage{}));
  own_worker_.join();
}

Status Coordinator::begin() {
  if (!seat_.taken()) return Status(Code::invalid_argument, "this job has a session open; close it before another is opened");
  try {
    own_worker_ = std::thread([this] { static_cast<void>(serve_rank(job_, own_settings_)); });
  } catch (const std::system_error& error) {
    return fail(Code::unavailable, "no thread for the worker of rank 0: {}", error.what());
  }
  for (std::uint32_t rank = 0; rank < ledger_.ranks(); ++rank)
    if (ledger_.working(rank)) send(rank, MessageKind::open, encode(open_message(plan_, matrix_, options_, session_)));
  for (const Ledger::Batch& batch : ledger_.owned()) SEDMA_RETURN_IF_ERROR(send_hold(batch));
  return {};
}

void Coordinator::send(std::uint32_t rank, MessageKind kind, Bytes body) {
  job_.transport.send(static_cast<int>(rank), Role::worker, static_cast<std::uint32_t>(kind), std::move(body));
}

Status Coordinator::send_hold(const Ledger::Batch& batch) {
  const bool with_values = wants_values(job_.ranks[batch.rank], matrix_);
  for (std::vector<std::uint32_t>& run : parcels(plan_, batch.groups, with_values)) {
    std::unique_lock lock(matrix_lock_);
    SEDMA_ASSIGN_OR_RETURN(HoldMessage message, hold_message(plan_, matrix_, run, with_values));
    lock.unlock();
    message.hold = ledger_.note_hold({batch.rank, std::move(run)});
    send(batch.rank, MessageKind::hold, encode(message));
  }
  return {};
}

void Coordinator::send_program(const Ledger::Batch& batch, const std::shared_ptr<CostClock>& clock) {
  if (batch.groups.empty()) return;
  const std::uint64_t id = next_request_++;
  requests_[id] = {MessageKind::program, batch, clock};
  send(batch.rank, MessageKind::program, encode(ProgramMessage{id, *ordinal_, batch.groups}));
}

void Coordinator::send_multiply(const Ledger::Part& part) {
  const auto product = std::find_if(products_.begin(), products_.end(), [&](const Product& p) { return p.id == part.product; });
  const ProductTask& task = product->task;
  const auto used = lines(part.work);
  MultiplyMessage message{part.id, task.vector, task.batch, task.conversion, task.part, part.work.groups, product->largest, {}};
  message.x.reserve(task.batch * used->cols.size());
  for (std::size_t b = 0; b < task.batch; ++b)
    for (const std::uint32_t col : used->cols) message.x.push_back(task.x[b * matrix_.cols() + col]);
  send(part.work.rank, MessageKind::multiply, encode(message));
}

// A rank is asked for the same groups again and again.
std::shared_ptr<const Lines> Coordinator::lines(const Ledger::Batch& batch) {
  RankLines& kept = lines_[batch.rank];
  if (!kept.lines || kept.groups != batch.groups)
    kept = {batch.groups, std::make_shared<const Lines>(lines_of(plan_, batch.groups, matrix_.rows(), matrix_.cols()))};
  return kept.lines;
}

Status Coordinator::program(std::uint64_t ordinal) {
  SEDMA_RETURN_IF_ERROR(verdict_);
  ordinal_ = ordinal;
  if (programmings_++ > 0) restored_.clear();
  const auto clock = std::make_shared<CostClock>();
  for (Ledger::Batch& batch : ledger_.owned()) {
    const auto left_alone = [&](std::uint32_t group) { return restored_.count(group) != 0; };
    batch.groups.erase(std::remove_if(batch.groups.begin(), batch.groups.end(), left_alone), batch.groups.end());
    send_program(batch, clock);
  }
  return wait("program", [&] { return requests_.empty(); });
}

Status Coordinator::start(const ProductTask& task) {
  SEDMA_RETURN_IF_ERROR(verdict_);
  if (!first_start_) first_start_ = Clock::now();
  Product product{next_product_++, task, std::vector<double>(task.batch, 0.0), {}, {}, {}};
  for (std::size_t b = 0; b < task.batch; ++b)
    for (const double v : task.x.subspan(b * matrix_.cols(), matrix_.cols()))
      product.largest[b] = std::max(product.largest[b], std::abs(v));
  const std::uint64_t id = product.id;
  products_.push_back(std::move(product));
  for (const Ledger::Part& part : ledger_.open_product(id)) send_multiply(part);
  return {};
}

Status Coordinator::finish(Accumulator& y) {
  SEDMA_RETURN_IF_ERROR(verdict_);
  if (products_.empty()) return Status(Code::internal, "no product was started");
  const std::uint64_t id = products_.front().id;
  SEDMA_RETURN_IF_ERROR(wait("multiply", [&] { return ledger_.open_parts(id) == 0; }));
  for (const Answer& answer : products_.front().answers) read_sums(answer.message, answer.lines->rows, y);
  products_.pop_front();
  last_finish_ = Clock::now();
  return {};
}

Result<std::unique_ptr<SessionCore>> open_cluster_core(const Job& job, const MatrixSource& matrix, const SessionOptions& options,
                                                       BenchFactory make_bench) {
  SEDMA_ASSIGN_OR_RETURN(ClusterPlan plan, plan_cluster(job.ranks, matrix, options));
  auto core = std::make_unique<Coordinator>(job, matrix, options, std::move(plan), std::move(make_bench));
  SEDMA_RETURN_IF_ERROR(core->begin());
  return std::unique_ptr<SessionCore>(std::move(core));
}

}  // namespace sedma::runtime
