#include "cli/multiply_ranks.h"

#include <fmt/format.h>

#include <algorithm>

#include "backends/replay/record.h"
#include "cli/inputs.h"
#include "cli/interrupt.h"
#include "cli/limits_file.h"
#include "cli/multiply_work.h"
#include "cli/rank_devices.h"
#include "runtime/cluster.h"
#include "runtime/matrix_part.h"
#include "runtime/process.h"

namespace sedma::cli {
namespace {

// What a rank has before MPI starts: its part of the matrix's file and its board.
struct OwnThings {
  runtime::MatrixPart part;
  hal::Limits limits;
  runtime::Mask mask;
  Board board;
};

// What belongs together on the command line and is the same for all ranks.
Status check_together(const MultiplyOptions& options) {
  SEDMA_RETURN_IF_ERROR(session_options(options).status());
  if (options.budget) return Status(Code::unsupported, "--budget takes one emulator apart; run it without mpirun");
  if (!options.record.empty() && options.record.find("%r") == std::string::npos)
    return Status(Code::invalid_argument, "--record: every rank keeps its own; put %r, the rank, into the file's name");
  return {};
}

Result<OwnThings> own_things(const MultiplyOptions& options, const runtime::Launched& launched, Progress& progress) {
  const RankPlace place{launched.rank, launched.size, runtime::host_name(), launched.local_rank};
  SEDMA_ASSIGN_OR_RETURN(const std::string uri, device_of_rank(options, place));
  const auto watch = [&](std::uint64_t done, std::uint64_t total) {
    if (launched.rank == 0) progress.update("read", done, total);
    return true;
  };
  SEDMA_ASSIGN_OR_RETURN(runtime::MatrixPart part, runtime::MatrixPart::open(options.matrix, {launched.rank, launched.size}, {}, watch));
  OwnThings own{std::move(part), {}, {}, {}};
  SEDMA_ASSIGN_OR_RETURN(const std::string limits, fill_in(options.limits, place));
  SEDMA_ASSIGN_OR_RETURN(own.limits, read_limits(limits));
  if (!options.mask.empty()) {
    SEDMA_ASSIGN_OR_RETURN(const std::string mask, fill_in(options.mask, place));
    SEDMA_ASSIGN_OR_RETURN(own.mask, runtime::read_mask(mask));
  }
  SEDMA_ASSIGN_OR_RETURN(own.board, open_board(make_registry(), {uri, own.limits, options.seed}));
  SEDMA_RETURN_IF_ERROR(own.mask.validate(own.board.device->capabilities()).with_context(options.mask));
  if (!options.record.empty()) {
    SEDMA_ASSIGN_OR_RETURN(const std::string file, fill_in(options.record, place));
    SEDMA_RETURN_IF_ERROR(check_writable(file));
    own.board.device = std::make_unique<backends::RecordingDevice>(std::move(own.board.device), file);
  }
  return own;
}

// Rank 0, with everything there.
struct Lead {
  const MultiplyOptions& options;
  const std::vector<std::string>& argv;
  OwnThings& own;
  const runtime::MatrixSource& matrix;
  const Vectors& vectors;
  double load_seconds;
  const Stopwatch& total;
};

Ending lead(const Lead& l, runtime::Cluster& cluster, JsonTarget& json, Progress& progress) {
  const auto session = session_options(l.options);
  const runtime::Job job = cluster.job();
  const MultiplyWork work{l.options,   l.argv,          *session,       l.matrix, l.own.board, l.own.limits,
                          l.vectors.x, l.vectors.batch, l.load_seconds, &job,     l.total};
  return unless_resumable(l.options, carry_out(work, json, progress), progress);
}

// From here on MPI runs: whatever fails is told to all ranks by Cluster::open(), and all end alike.
class RankRun {
 public:
  RankRun(const MultiplyOptions& options, const std::vector<std::string>& argv, const runtime::Launched& launched)
      : options_(options), argv_(argv), first_(launched.rank == 0), json_(options.json) {}

  Ending run(runtime::MpiEnvironment& environment, Result<OwnThings>& own, Progress& progress) {
    Status status = prepare(environment, own, progress);
    runtime::LocalRank local;
    if (status.ok()) {
      local.device = own->board.device.get();
      local.uri = own->board.uri;
      local.mask = own->mask;
      local.matrix = matrix_.get();
    }
    local.status = status;
    runtime::ClusterOptions cluster_options;
    cluster_options.dead_after_seconds = options_.dead_after;
    // With a log rank 0 itself stops between two products; mpirun gives the signal to all.
    if (options_.log.empty()) cluster_options.stop_asked = [] { return interrupted() != 0; };
    if (first_) cluster_options.log = [&progress](const std::string& sentence) { progress.interject(sentence); };
    auto cluster = runtime::Cluster::open(environment.world(), local, cluster_options);
    if (!cluster.ok()) return first_ ? Ending::of_request(cluster.status()) : Ending();
    Ending ending;
    if (first_) {
      ending = unless_interrupted(lead({options_, argv_, *own, *matrix_, vectors_, load_seconds_, total_}, *cluster, json_, progress));
      cluster->close(ending.verdict());
    } else {
      ending = cluster->serve();
    }
    intact_ = cluster->intact();
    // Rank 0 has said how the job ended, and its exit code is mpirun's.
    if (!first_ && intact_) ending = {};
    return ending;
  }
  bool intact() const { return intact_; }

 private:
  // Collective up to a point: every rank shares, whatever it has.
  Status prepare(runtime::MpiEnvironment& environment, Result<OwnThings>& own, Progress& progress) {
    std::vector<std::string> parts = runtime::share(environment.world(), own.ok() ? "+" + own->part.packed() : std::string());
    if (!own.ok()) return own.status();
    // Whoever lacks something says so itself: the others must not complain of what follows from it.
    if (std::any_of(parts.begin(), parts.end(), [](const std::string& part) { return part.empty(); })) return {};
    for (std::string& part : parts) part.erase(0, 1);
    SEDMA_ASSIGN_OR_RETURN(matrix_, std::move(own->part).finish(parts));
    if (!first_) return {};
    SEDMA_RETURN_IF_ERROR(check_outputs(options_, json_));
    SEDMA_ASSIGN_OR_RETURN(vectors_, load_vectors(options_, matrix_->cols()));
    SEDMA_RETURN_IF_ERROR(check_batch(options_, vectors_.batch));
    load_seconds_ = total_.seconds();
    progress.clear();
    return {};
  }

  const MultiplyOptions& options_;
  const std::vector<std::string>& argv_;
  bool first_;
  bool intact_ = true;
  JsonTarget json_;
  std::unique_ptr<runtime::MatrixSource> matrix_;
  Vectors vectors_;
  double load_seconds_ = 0;
  Stopwatch total_;
};

}  // namespace

Ending multiply_on_ranks(const MultiplyOptions& options, const std::vector<std::string>& argv, const runtime::Launched& launched) {
  const bool first = launched.rank == 0;
  if (const Status together = check_together(options); !together.ok()) {
    const Ending refused = Ending::of_request(together);
    return first ? refused : Ending::said(exit_ok);
  }
  catch_interrupts(true);
  Progress progress;
  RankRun run(options, argv, launched);
  Result<OwnThings> own = own_things(options, launched, progress);
  auto environment = runtime::MpiEnvironment::start();
  if (!environment.ok()) return environment.status();
  const Ending ending = run.run(*environment, own, progress);
  progress.clear();
  if (first) say(ending);  // here: where a rank was lost, finish() does not return
  environment->finish(run.intact(), ending.exit_code());
  return Ending::said(ending.exit_code());
}

}  // namespace sedma::cli
