#include "runtime/comm/bench.h"

#include <algorithm>
#include <chrono>
#include <filesystem>

#include "runtime/comm/coordinator.h"
#include "runtime/comm/worker.h"
#include "runtime/saved_cells.h"

namespace sedma::runtime {
namespace {

// Files that ranks saved under this name: PATH.0, PATH.1 ...; that of `rank` first, as it is most likely the right one.
std::vector<std::string> saved_files(const std::string& path, int rank) {
  namespace fs = std::filesystem;
  const fs::path base(path);
  const std::string prefix = base.filename().string() + ".";
  std::vector<std::string> files;
  std::error_code error;
  for (const auto& entry : fs::directory_iterator(base.has_parent_path() ? base.parent_path() : fs::path("."), error)) {
    const std::string file = entry.path().filename().string();
    const bool numbered =
        file.size() > prefix.size() && file.compare(0, prefix.size(), prefix) == 0 &&
        std::all_of(file.begin() + static_cast<std::ptrdiff_t>(prefix.size()), file.end(), [](char c) { return c >= '0' && c <= '9'; });
    if (numbered) files.push_back(entry.path().string());
  }
  std::sort(files.begin(), files.end());
  const std::string own = prefix + std::to_string(rank);
  std::stable_partition(files.begin(), files.end(), [&](const std::string& file) { return fs::path(file).filename() == own; });
  return files;
}

// After a relaunch a board may have another rank than when it was saved.
Result<std::vector<std::uint32_t>> restore_engine(Engine& engine, const hal::Capabilities& board, const std::string& path, int rank,
                                                  StageCost& programming) {
  for (const std::string& file : saved_files(path, rank)) {
    SEDMA_ASSIGN_OR_RETURN(const SavedCells saved, read_saved_cells(file));
    if (saved.board_id == board.board_id) return engine.restore(saved, programming);
  }
  return std::vector<std::uint32_t>{};
}

}  // namespace

Result<Bench> make_engine_bench(const Job& job, BenchTask task) {
  if (job.local.device == nullptr) return Status(Code::internal, "asked to hold tiles, and has no board");
  hal::Device& device = *job.local.device;
  const hal::Capabilities& board = device.capabilities();
  SEDMA_ASSIGN_OR_RETURN(const BoardShape shape, board_shape(board, job.local.mask, task.open.choice.encoding));
  EngineOptions options{task.open.content,    task.open.wait_seconds,
                        job.local.mask,       std::chrono::nanoseconds(task.open.deadline_nanoseconds),
                        task.open.keep_cells, std::move(task.progress)};
  auto engine = std::make_unique<Engine>(device, task.plan, task.values, shape, std::move(options));
  Engine* const held = engine.get();
  const int rank = job.transport.rank();
  return Bench{std::move(engine), [held, &board, rank](const std::string& path, StageCost& programming) {
                 return restore_engine(*held, board, path, rank, programming);
               }};
}

Status serve_rank(const Job& job) { return serve_rank(job, WorkerSettings{make_engine_bench, nullptr}); }

Result<std::unique_ptr<SessionCore>> open_cluster_core(const Job& job, const MatrixSource& matrix, const SessionOptions& options) {
  return open_cluster_core(job, matrix, options, make_engine_bench);
}

}  // namespace sedma::runtime
