#pragma once
// The session of a whole job: rank 0 asks, the workers of all ranks answer. Internal.

#include <atomic>
#include <chrono>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <set>
#include <string>
#include <thread>
#include <vector>

#include "runtime/comm/bench.h"
#include "runtime/comm/ledger.h"
#include "runtime/comm/parcels.h"
#include "runtime/session_core.h"

namespace sedma::runtime {

/// Adds up what ranks cost that work at the same time: joules and counts of all, the seconds of the slowest.
class CostClock {
 public:
  void add(std::uint32_t rank, const StageCost& cost, StageCost& into);

 private:
  std::map<std::uint32_t, double> seconds_;
  double slowest_ = 0;
};

/// What all boards of a job and the plan for them are. Pure.
struct ClusterPlan {
  Plan plan;
  std::vector<RankShape> ranks;
  Assignment assignment;
};
/// Errors: of board_shape() (names the rank), make_plan(), assign(); unsupported (correction products).
Result<ClusterPlan> plan_cluster(const std::vector<RankFacts>& facts, const MatrixSource& matrix, const SessionOptions& options);
/// What every rank is told first.
OpenMessage open_message(const Plan& plan, const MatrixSource& matrix, const SessionOptions& options, std::uint64_t session);

/// A job has one session at a time: two would take each other's messages.
class SessionSeat {
 public:
  explicit SessionSeat(const Transport& transport);
  SessionSeat(const SessionSeat&) = delete;
  SessionSeat& operator=(const SessionSeat&) = delete;
  ~SessionSeat();
  bool taken() const noexcept { return taken_; }  ///< by this session

 private:
  const Transport& transport_;
  bool taken_;
};

/// Whether a rank gets the values of its tiles sent.
inline bool wants_values(const RankFacts& facts, const MatrixSource& matrix) noexcept { return facts.content != matrix.content(); }

class Coordinator final : public SessionCore {
 public:
  Coordinator(const Job& job, const MatrixSource& matrix, const SessionOptions& options, ClusterPlan plan, BenchFactory make_bench);
  ~Coordinator() override;
  /// Starts the worker of rank 0 and sends everybody the tiles. Errors: of the matrix; unavailable (no thread); invalid_argument (the job
  /// has another session open).
  Status begin();

  const Plan& plan() const noexcept override { return plan_; }
  Status program(std::uint64_t ordinal) override;
  std::size_t depth() const noexcept override { return 2; }
  Status start(const ProductTask& task) override;
  Status finish(Accumulator& y) override;
  const StageCost& programming() const noexcept override { return programming_; }
  const StageCost& multiplying() const noexcept override { return multiplying_; }
  std::vector<RankReport> ranks() const override;
  const std::vector<Loss>& losses() const noexcept override { return losses_; }
  std::vector<Layout> layouts() const override;
  std::vector<TileHash> tile_hashes() const override { return hashes_; }
  Status save(const std::string& path) override;
  Status restore(const std::string& path) override;

 private:
  using Clock = std::chrono::steady_clock;
  struct Answer {
    Bytes body;
    PartialMessage message;  // its sums lie in the body
    std::shared_ptr<const Lines> lines;
  };
  struct Product {
    std::uint64_t id = 0;
    ProductTask task;
    std::vector<double> largest;  // [batch]: max|x|
    std::vector<Answer> answers;
    CostClock programming, multiplying;
  };
  struct Request {
    MessageKind kind = MessageKind::program;
    Ledger::Batch work;
    std::shared_ptr<CostClock> clock;
  };
  struct Recovery {
    std::size_t loss = 0;  // index in losses_
    Clock::time_point begin;
    std::set<std::uint32_t> groups;  // not yet programmed again
  };
  struct Tally {
    double busy_seconds = 0;
    std::uint64_t peak_bytes = 0;
  };
  struct RankLines {
    std::vector<std::uint32_t> groups;
    std::shared_ptr<const Lines> lines;
  };

  // Sending (coordinator.cpp).
  void send(std::uint32_t rank, MessageKind kind, Bytes body);
  Status send_hold(const Ledger::Batch& batch);
  void send_program(const Ledger::Batch& batch, const std::shared_ptr<CostClock>& clock);
  void send_multiply(const Ledger::Part& part);
  std::shared_ptr<const Lines> lines(const Ledger::Batch& batch);

  // Waiting and hearing (coordinator_hear.cpp).
  Status wait(const char* stage, const std::function<bool()>& finished);
  Status poll(const char* stage);
  Status hear(std::chrono::nanoseconds timeout);
  Status hear_message(std::uint32_t rank, MessageKind kind, Bytes body);
  Status hear_done(std::uint32_t rank, const DoneMessage& message);
  Status hear_file_done(std::uint32_t rank, const Request& request, const DoneMessage& message);
  Status hear_partial(std::uint32_t rank, Bytes body);
  void note_report(std::uint32_t rank, const WorkReport& report);
  Status end(Status status);
  std::uint64_t tiles_open(const char* stage) const;

  // Losses (recovery.cpp).
  Status hear_lost(std::uint32_t rank);
  void hear_returned(std::uint32_t rank);
  Status hear_state(std::uint32_t rank, const StateMessage& message);
  Status break_board(std::uint32_t rank, const Status& why);
  Status move_away(std::uint32_t rank, Standing standing, const std::string& why, const Status& if_last);
  Status replace(const Ledger::Moves& moves, const std::shared_ptr<CostClock>& clock);
  void note_programmed(std::span<const std::uint32_t> groups);
  void log(const std::string& sentence) const;
  std::string rank_name(std::uint32_t rank) const;
  Status prefixed(std::uint32_t rank, const Status& status) const { return status.with_context(rank_name(rank)); }
  Status ask_owners(MessageKind kind, const std::string& path);

  Job job_;
  SessionSeat seat_;
  const MatrixSource& matrix_;
  SessionOptions options_;
  Plan plan_;
  std::vector<BoardShape> boards_;
  Ledger ledger_;
  std::mutex matrix_lock_;
  WorkerSettings own_settings_;
  std::thread own_worker_;
  std::uint64_t session_ = 0;
  Status verdict_;  // once it is not ok nothing goes on
  Clock::time_point last_poll_ = Clock::now();

  std::optional<std::uint64_t> ordinal_;  // of the programming
  std::uint64_t programmings_ = 0;        // asked for so far
  std::set<std::uint32_t> restored_;      // groups that the first programming leaves alone
  std::map<std::uint64_t, Request> requests_;
  std::uint64_t next_request_ = 1, next_product_ = 1;
  std::deque<Product> products_;
  std::vector<RankLines> lines_;
  std::vector<std::uint64_t> recalls_;  // per rank: the last

  StageCost programming_, multiplying_;
  std::vector<Tally> tallies_;
  std::vector<TileHash> hashes_;
  std::vector<Loss> losses_;
  std::vector<Recovery> recoveries_;
  std::uint64_t changes_ = 0;  // of who holds what
  Status file_status_;         // of the first rank that could not save or restore
  std::optional<Clock::time_point> first_start_;
  Clock::time_point last_finish_;
};

/// open_cluster_core() with any workbench.
Result<std::unique_ptr<SessionCore>> open_cluster_core(const Job& job, const MatrixSource& matrix, const SessionOptions& options,
                                                       BenchFactory make_bench);

}  // namespace sedma::runtime
