#include "runtime/run_log.h"

#include <fmt/format.h>
#include <sys/stat.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <filesystem>
#include <limits>
#include <string_view>
#include <system_error>
#include <utility>

#include "runtime/run_records.h"
#include "runtime/run_results.h"

namespace sedma::runtime {
namespace {

namespace fs = std::filesystem;

constexpr std::array<std::string_view, 4> own_names = {"identity", "standing.", "results-", "cells-"};

bool is_own(std::string_view file) {
  return std::any_of(own_names.begin(), own_names.end(), [&](std::string_view own) { return file.starts_with(own); });
}

/// The names of a directory. Errors: unavailable.
Result<std::vector<std::string>> names_in(const std::string& directory) {
  std::vector<std::string> names;
  std::error_code error;
  for (fs::directory_iterator entry(directory, error), end; !error && entry != end; entry.increment(error))
    names.push_back(entry->path().filename().string());
  if (error) return fail(Code::unavailable, "cannot read the directory {}: {}", directory, error.message());
  std::sort(names.begin(), names.end());
  return names;
}

/// What a process left that died while it replaced one of the files.
void remove_remains(const std::string& directory) {
  const auto names = names_in(directory);
  if (!names.ok()) return;
  for (const std::string& name : *names) {
    std::error_code ignored;
    if (is_own(name) && name.find(".tmp-") != std::string::npos) fs::remove(fs::path(directory) / name, ignored);
  }
}

Status make_directory(const std::string& directory) {
  if (::mkdir(directory.c_str(), 0777) == 0) return {};
  const int reason = errno;
  std::error_code unknown;
  if (reason == EEXIST && fs::is_directory(directory, unknown)) return {};
  return fail(Code::unavailable, "cannot make the directory {}: {}", directory,
              reason == EEXIST ? "a file has this name" : std::generic_category().message(reason));
}

/// ok if a run can begin in the directory.
Status check_vacant(const std::string& directory) {
  const auto standing = read_standing(directory);
  if (!standing.ok()) return standing.status().with_context(fmt::format("{} holds a run already", directory));
  if (standing->has_value()) {
    const RunStanding& s = (*standing)->standing;
    const auto there = read_identity(directory);
    return fail(Code::invalid_argument, "{} holds a run already: {}, {}{} vectors done, {}; resume it or take another directory", directory,
                there.ok() ? there->matrix : "of an unknown matrix", s.vectors_done,
                there.ok() ? fmt::format(" of {}", there->vectors) : "", name(s.state));
  }
  SEDMA_ASSIGN_OR_RETURN(const std::vector<std::string> names, names_in(directory));
  const auto foreign = std::find_if_not(names.begin(), names.end(), is_own);
  if (foreign == names.end()) return {};
  return fail(Code::invalid_argument, "{} is not empty: it holds {}, which is no part of a run's log", directory, *foreign);
}

}  // namespace

RunLog::RunLog(std::string directory, RunIdentity identity) : directory_(std::move(directory)), identity_(std::move(identity)) {}
RunLog::RunLog(RunLog&&) noexcept = default;
RunLog& RunLog::operator=(RunLog&&) noexcept = default;
RunLog::~RunLog() = default;

Result<RunLog> RunLog::create(const std::string& directory, const RunIdentity& identity) {
  SEDMA_RETURN_IF_ERROR(make_directory(directory));
  SEDMA_RETURN_IF_ERROR(check_vacant(directory));
  RunLog log(directory, identity);
  SEDMA_RETURN_IF_ERROR(log.begin({}));
  return log;
}

Result<RunLog> RunLog::resume(const std::string& directory, const RunIdentity& identity) {
  SEDMA_ASSIGN_OR_RETURN(const std::optional<NumberedStanding> last, read_standing(directory));
  if (!last) return fail(Code::unavailable, "there is no run in {}", directory);
  SEDMA_ASSIGN_OR_RETURN(const RunIdentity there, read_identity(directory));
  SEDMA_RETURN_IF_ERROR(same_run(there, identity).with_context(fmt::format("the run in {} is another one", directory)));
  RunLog log(directory, identity);
  log.sequence_ = last->sequence;
  SEDMA_RETURN_IF_ERROR(log.begin(last->standing));
  return log;
}

/// Takes the run over. A create() that was cut short has left no standing, so the next one writes the identity again.
Status RunLog::begin(RunStanding standing) {
  SEDMA_ASSIGN_OR_RETURN(const std::vector<std::uint64_t> starts, results_present(directory_));
  const bool fresh = standing.starts == 0;
  standing.starts = std::max(standing.starts, starts.empty() ? 0 : starts.back()) + 1;
  standing.state = RunStanding::State::running;
  standing.message.clear();
  SEDMA_ASSIGN_OR_RETURN(results_, Results::create(directory_, standing.starts, standing.vectors_done));
  remove_remains(directory_);
  if (fresh) SEDMA_RETURN_IF_ERROR(write_identity(directory_, identity_));
  standing_.starts = standing.starts;
  return note(standing);
}

Result<std::optional<RunStanding>> RunLog::standing(const std::string& directory) {
  SEDMA_ASSIGN_OR_RETURN(const std::optional<NumberedStanding> found, read_standing(directory));
  if (!found) return std::optional<RunStanding>();
  return std::optional<RunStanding>(found->standing);
}

/// A later start has made its own file of results.
Status RunLog::check_mine() const {
  struct stat unused {};
  if (::stat(results_path(directory_, standing_.starts + 1).c_str(), &unused) != 0) return {};
  return fail(Code::aborted, "the run in {} was taken over by another process, its start {}", directory_, standing_.starts + 1);
}

Status RunLog::append(std::uint64_t first, std::span<const double> y) {
  const std::uint64_t rows = identity_.rows;
  if (rows == 0 || y.size() % rows != 0 || first > identity_.vectors || y.size() / rows > identity_.vectors - first)
    return fail(Code::invalid_argument, "{} values from vector {} on are no products of {} vectors of {} rows", y.size(), first,
                identity_.vectors, rows);
  SEDMA_RETURN_IF_ERROR(check_mine());
  return y.empty() ? Status() : results_->append(first, y);
}

Status RunLog::note(const RunStanding& standing) {
  SEDMA_RETURN_IF_ERROR(check_mine());
  RunStanding mine = standing;
  mine.starts = standing_.starts;
  SEDMA_RETURN_IF_ERROR(write_standing(directory_, {mine, sequence_ + 1}));
  ++sequence_;
  standing_ = std::move(mine);
  return {};
}

Result<std::vector<double>> RunLog::products() const {
  const std::uint64_t vectors = standing_.vectors_done, rows = identity_.rows;
  if (vectors > identity_.vectors || (rows != 0 && vectors > std::numeric_limits<std::size_t>::max() / sizeof(double) / rows))
    return fail(Code::data_corrupt, "{}: {} of {} vectors are said to be done", directory_, vectors, identity_.vectors);
  std::vector<double> y(vectors * rows);
  if (y.empty()) return y;
  std::vector<bool> present(vectors);
  std::string damage;
  SEDMA_ASSIGN_OR_RETURN(const std::vector<std::uint64_t> starts, results_present(directory_));
  for (const std::uint64_t start : starts) {
    SEDMA_ASSIGN_OR_RETURN(const std::string found, take_results(results_path(directory_, start), rows, y, present));
    if (!found.empty()) damage += (damage.empty() ? "" : "; ") + found;
  }
  const auto missing = std::find(present.begin(), present.end(), false);
  if (missing == present.end()) return y;
  return fail(Code::data_corrupt, "{}: vector {} of {} done is in no whole record{}{}", directory_, missing - present.begin(), vectors,
              damage.empty() ? "" : ": ", damage);
}

std::string RunLog::cells_path(std::uint64_t start) const { return fmt::format("{}/cells-{}.h5", directory_, start % 2); }

}  // namespace sedma::runtime
