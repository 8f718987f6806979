#include "runtime/memory/write_behind.h"

#include <fmt/format.h>

#include <algorithm>
#include <random>
#include <utility>

#include "runtime/memory/usefulness.h"

namespace sedma::runtime {
namespace {

std::string new_writer_name() {
  std::random_device device;  // no two processes may share one
  return fmt::format("{:08x}{:08x}{:08x}{:08x}", device(), device(), device(), device());
}

}  // namespace

WriteBehind::WriteBehind(std::unique_ptr<SqlStore> store, Connect connect, const WriteBehindOptions& options)
    : connect_(std::move(connect)), options_(options), writer_(new_writer_name()), store_(std::move(store)) {
  facts_ = {store_->sql().place(), store_->sql().bytes(), store_->sql().wal()};
  thread_ = std::thread([this] { work(); });
}

WriteBehind::~WriteBehind() {
  const Status status = ask(Request::stop);
  thread_.join();
  if (!status.ok() && options_.log)
    options_.log(fmt::format("{} patterns are not kept: {}", waiting_.size() + flying_.size(), status.message()));
}

void WriteBehind::change(const Changes& changes) {
  {
    const std::lock_guard lock(mutex_);
    const bool idle = waiting_.empty();
    for (const auto& [key, change] : changes) follow(waiting_, key, change);
    bound();
    if (!idle && waiting_.size() < options_.batch) return;  // the thread lingers already
  }
  wake_.notify_one();
}

// A store that is away for long must not fill the memory of the process.
void WriteBehind::bound() {
  const std::size_t count = evicted_count(waiting_.size(), options_.capacity);
  if (count == 0) return;
  std::vector<Standing> standings;
  for (const auto& [key, change] : waiting_)
    standings.push_back(change.delta ? standing_of(key, *change.delta) : Standing{key, "", 0, 1e300});
  for (const PatternKey& key : least_useful(standings, count)) waiting_.erase(key);
  if (!std::exchange(told_bound_, true) && options_.log)
    options_.log(fmt::format("more than {} patterns wait for {}: the least useful of them are dropped", options_.capacity, facts_.place));
}

Status WriteBehind::flush() { return ask(Request::flush); }

Result<WriteBehind::Loaded> WriteBehind::reload() {
  SEDMA_RETURN_IF_ERROR(ask(Request::load));
  return std::exchange(loaded_, {});
}

bool WriteBehind::must_start_over() const {
  const std::lock_guard lock(mutex_);
  return start_over_;
}

void WriteBehind::start_over(Changes everything) {
  const std::lock_guard lock(mutex_);
  waiting_ = std::move(everything);
  flying_.clear();
  start_over_ = false;
  wake_.notify_one();
}

StoreFacts WriteBehind::facts() const {
  const std::lock_guard lock(mutex_);
  return facts_;
}

Status WriteBehind::ask(Request request) {
  std::unique_lock lock(mutex_);
  request_ = request;
  wake_.notify_one();
  answered_.wait(lock, [&] { return request_ == Request::none; });
  return answer_;
}

void WriteBehind::work() {
  std::unique_lock lock(mutex_);
  while (true) {
    const auto wanted = [&] { return request_ != Request::none; };
    wake_.wait(lock, [&] { return wanted() || (!start_over_ && !(waiting_.empty() && flying_.empty())); });
    if (pause_.count() > 0)
      wake_.wait_for(lock, pause_, wanted);
    else
      wake_.wait_for(lock, options_.linger, [&] { return wanted() || waiting_.size() >= options_.batch; });
    if (flying_.empty() && !waiting_.empty() && !start_over_) {
      flying_.swap(waiting_);
      ++number_;
    }
    const Request request = request_;
    Status status;
    if (start_over_) {
      status = Status(Code::unavailable, fmt::format("{} was damaged", facts_.place));
    } else if (!flying_.empty() || request == Request::load) {
      const std::int64_t number = number_;
      lock.unlock();
      status = attempt(flying_, number);  // flying_ is this thread's while it works: the caller waits, or touches waiting_ alone
      Loaded loaded;
      if (status.ok() && request == Request::load) {
        auto rows = read();
        status = rows.status();
        if (rows.ok()) loaded = std::move(rows).value();
      }
      lock.lock();
      loaded_ = std::move(loaded);
      note(status);
      if (status.ok()) flying_.clear();
    }
    if (request == Request::none || (status.ok() && !waiting_.empty())) continue;
    if (request == Request::stop && status.ok() && store_ != nullptr) {
      lock.unlock();
      (void)store_->leave(writer_);  // else its row goes when it is old
      lock.lock();
    }
    answer_ = status;
    request_ = Request::none;
    answered_.notify_one();
    if (request == Request::stop) return;
  }
}

// Where a connection turns out to be broken, a new one is tried at once.
Status WriteBehind::attempt(const Changes& changes, std::int64_t number) {
  if (store_ != nullptr) {
    const Status status = write(changes, number);
    if (status.ok() || status.code() == Code::unsupported) return status;
  }
  SEDMA_RETURN_IF_ERROR(reconnect());
  if (must_start_over()) return fail(Code::unavailable, "{} was damaged and begins anew", store_->sql().place());
  return write(changes, number);
}

Status WriteBehind::write(const Changes& changes, std::int64_t number) {
  if (changes.empty()) return {};
  Status status = store_->apply(changes, writer_, number);
  damaged_ = status.code() == Code::data_corrupt;
  if (!status.ok()) store_.reset();
  return status;
}

Result<WriteBehind::Loaded> WriteBehind::read() {
  auto loaded = store_->load();
  if (loaded.ok()) return loaded;
  damaged_ = loaded.status().code() == Code::data_corrupt;
  if (damaged_) SEDMA_RETURN_IF_ERROR(reconnect());
  return loaded;
}

Status WriteBehind::reconnect() {
  store_.reset();
  SEDMA_ASSIGN_OR_RETURN(auto sql, connect_(damaged_));
  const bool anew = sql->begun_anew();
  SEDMA_ASSIGN_OR_RETURN(store_, SqlStore::open(std::move(sql), options_.capacity, options_.log));
  const std::lock_guard lock(mutex_);
  damaged_ = false;
  start_over_ = start_over_ || anew;
  return {};
}

void WriteBehind::note(const Status& status) {
  if (status.ok()) {
    pause_ = {};
    told_.clear();
    facts_ = {store_->sql().place(), store_->sql().bytes(), store_->sql().wal()};
    return;
  }
  pause_ = pause_.count() == 0 ? options_.first_retry : std::min(2 * pause_, options_.longest_retry);
  if (std::exchange(told_, status.message()) != status.message() && options_.log)
    options_.log(fmt::format("{}; {} wait to be written", status.message(), waiting_.size() + flying_.size()));
}

}  // namespace sedma::runtime
