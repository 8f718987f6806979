#include "runtime/memory/postgres.h"

#include <fmt/format.h>
#include <libpq-fe.h>
#include <poll.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <chrono>
#include <cstring>
#include <map>
#include <optional>
#include <vector>

namespace sedma::runtime {
namespace {

using Clock = std::chrono::steady_clock;
constexpr std::chrono::seconds answer_deadline{20};
constexpr Oid int8_type = 20, int4_type = 23, float8_type = 701;
constexpr std::int64_t creation_lock = 0x5ED3A001;

using Settings = std::map<std::string, std::string>;
using Answer = std::unique_ptr<PGresult, void (*)(PGresult*)>;

/// What the URI says. Its text is in no message: it may hold a password wherever it is wrong.
Result<Settings> parse(const std::string& uri) {
  char* reason = nullptr;
  PQconninfoOption* options = PQconninfoParse(uri.c_str(), &reason);
  PQfreemem(reason);
  if (options == nullptr)
    return fail(Code::invalid_argument,
                "the postgresql:// URI of the memory cannot be read; it is written postgresql://user@host:port/database");
  Settings settings;
  for (const PQconninfoOption* each = options; each->keyword != nullptr; ++each)
    if (each->val != nullptr) settings[each->keyword] = each->val;
  PQconninfoFree(options);
  // Where the URI is silent: no call waits for ever.
  for (const auto& [name, value] : {std::pair{"connect_timeout", "5"},
                                    {"keepalives_idle", "10"},
                                    {"keepalives_interval", "3"},
                                    {"keepalives_count", "3"},
                                    {"tcp_user_timeout", "15000"},
                                    {"application_name", "sedma"}})
    settings.try_emplace(name, value);
  return settings;
}

class Postgres final : public Sql {
 public:
  Postgres(const Settings& settings) : connection_(nullptr, PQfinish) {
    std::vector<const char*> names, values;
    for (const auto& [name, value] : settings) {
      names.push_back(name.c_str());
      values.push_back(value.c_str());
    }
    names.push_back(nullptr);
    values.push_back(nullptr);
    if (const auto password = settings.find("password"); password != settings.end()) password_ = password->second;
    const auto part = [&](const char* name) {
      const auto found = settings.find(name);
      return found == settings.end() ? std::string() : found->second;
    };
    const std::string user = part("user"), host = part("host"), port = part("port");
    place_ = fmt::format("postgresql://{}{}{}{}/{}", user, user.empty() ? "" : "@", host, port.empty() ? "" : ":" + port, part("dbname"));
    connection_.reset(PQconnectdbParams(names.data(), values.data(), 0));
  }

  Status prepare_session() {
    if (PQstatus(connection_.get()) != CONNECTION_OK) return unreachable();
    PQsetNoticeProcessor(
        connection_.get(), [](void*, const char*) {}, nullptr);  // a library prints nothing
    PQsetnonblocking(connection_.get(), 1);
    SEDMA_RETURN_IF_ERROR(run("SET synchronous_commit = on", {}, {}));
    SEDMA_RETURN_IF_ERROR(run("SET statement_timeout = '15s'", {}, {}));
    SEDMA_RETURN_IF_ERROR(run("SET idle_in_transaction_session_timeout = '60s'", {}, {}));
    return run("SET client_encoding = 'UTF8'", {}, {});
  }

  Status run(const std::string& text, std::span<const FieldValue> parameters, const TakeRow& take) override {
    std::vector<std::string> texts(parameters.size());
    std::vector<const char*> pointers(parameters.size(), nullptr);
    for (std::size_t k = 0; k < parameters.size(); ++k) {
      if (const auto* whole = std::get_if<std::int64_t>(&parameters[k])) texts[k] = fmt::format("{}", *whole);
      if (const auto* number = std::get_if<double>(&parameters[k])) texts[k] = fmt::format("{}", *number);  // all its digits
      if (const auto* word = std::get_if<std::string>(&parameters[k])) texts[k] = *word;
      if (!std::holds_alternative<std::monostate>(parameters[k])) pointers[k] = texts[k].c_str();
    }
    if (PQsendQueryParams(connection_.get(), text.c_str(), static_cast<int>(pointers.size()), nullptr, pointers.data(), nullptr, nullptr,
                          0) == 0)
      return unreachable();
    const auto deadline = Clock::now() + answer_deadline;
    Status status;
    while (true) {
      SEDMA_RETURN_IF_ERROR(await(deadline));
      const Answer answer(PQgetResult(connection_.get()), PQclear);
      if (answer == nullptr) {
        if (status.ok() && text == "COMMIT") (void)measure();  // its size is for show: a failure changes nothing
        return status;
      }
      const Status one = check(*answer, take);
      if (status.ok()) status = one;
    }
  }
  Status begin() override {
    SEDMA_RETURN_IF_ERROR(run("BEGIN", {}, {}));
    const std::vector<FieldValue> lock = {creation_lock};  // one writer at a time, also before there are tables
    return run("SELECT 1 FROM (SELECT pg_advisory_xact_lock($1)) AS locked", lock, {});
  }
  const std::string& place() const override { return place_; }
  std::uint64_t bytes() const override { return bytes_; }
  bool wal() const override { return true; }  // the server's own

  Status measure() {
    return run("SELECT coalesce(pg_total_relation_size(to_regclass('sedma_patterns')), 0)", {}, [this](std::span<const FieldValue> row) {
      if (const auto* size = std::get_if<std::int64_t>(&row[0])) bytes_ = static_cast<std::uint64_t>(*size);
      return Status();
    });
  }

 private:
  // Sends what is to send and waits for an answer.
  Status await(Clock::time_point deadline) {
    while (true) {
      const int unsent = PQflush(connection_.get());
      if (unsent < 0) return unreachable();
      if (unsent == 0 && PQisBusy(connection_.get()) == 0) return {};
      const auto left = std::chrono::duration_cast<std::chrono::milliseconds>(deadline - Clock::now()).count();
      pollfd socket{PQsocket(connection_.get()), static_cast<short>(unsent > 0 ? POLLIN | POLLOUT : POLLIN), 0};
      const int ready = left <= 0 ? 0 : ::poll(&socket, 1, static_cast<int>(left));
      if (ready == 0)
        return fail(Code::unavailable, "{} has not answered for {} s: check the server and the network", place_, answer_deadline.count());
      if (ready < 0 && errno != EINTR) return unreachable();
      if ((socket.revents & ~POLLOUT) != 0 && PQconsumeInput(connection_.get()) == 0) return unreachable();
    }
  }

  Status check(const PGresult& answer, const TakeRow& take) {
    const ExecStatusType state = PQresultStatus(&answer);
    if (state == PGRES_COMMAND_OK) return {};
    if (state == PGRES_TUPLES_OK) return rows(answer, take);
    const char* found = PQresultErrorField(&answer, PG_DIAG_SQLSTATE);
    const std::string sqlstate = found == nullptr ? "" : found;
    const std::string reason = scrubbed(PQresultErrorMessage(&answer));
    if (sqlstate == "53100") return fail(Code::unavailable, "the disk of {} is full: make room on it, or name another --memory", place_);
    if (sqlstate == "55P03" || sqlstate == "57014")
      return fail(Code::unavailable, "{} has been locked by another process for 15 s: end what holds it, or try again", place_);
    if (sqlstate == "42501" || sqlstate == "25006")
      return fail(Code::unavailable, "{} cannot be written ({}): ask for the right to, or name another --memory", place_, reason);
    if (sqlstate.rfind("XX", 0) == 0)
      return fail(Code::unavailable, "{} is damaged ({}): restore it from a backup, or name another --memory", place_, reason);
    if (sqlstate.empty() || sqlstate[0] == '0' || sqlstate.rfind("53", 0) == 0 || sqlstate.rfind("57", 0) == 0 || sqlstate[0] == '4')
      return fail(Code::unavailable, "{}: {}", place_, reason);
    return fail(Code::internal, "{}: {}", place_, reason);
  }

  Status rows(const PGresult& answer, const TakeRow& take) const {
    std::vector<FieldValue> row(static_cast<std::size_t>(PQnfields(&answer)));
    for (int r = 0; take && r < PQntuples(&answer); ++r) {
      for (int k = 0; k < static_cast<int>(row.size()); ++k) row[static_cast<std::size_t>(k)] = value(answer, r, k);
      SEDMA_RETURN_IF_ERROR(take(row));
    }
    return {};
  }
  static FieldValue value(const PGresult& answer, int r, int k) {
    if (PQgetisnull(&answer, r, k) != 0) return {};
    const char* text = PQgetvalue(&answer, r, k);
    const char* end = text + PQgetlength(&answer, r, k);
    const Oid type = PQftype(&answer, k);
    if (type == int8_type || type == int4_type) {
      std::int64_t whole = 0;
      std::from_chars(text, end, whole);
      return whole;
    }
    if (type == float8_type) {
      double number = 0;
      std::from_chars(text, end, number);
      return number;
    }
    return std::string(text, end);
  }

  Status unreachable() const {
    return fail(Code::unavailable, "{} cannot be reached ({}): check the address, the server and the network", place_,
                scrubbed(PQerrorMessage(connection_.get())));
  }
  // One line, without the password.
  std::string scrubbed(std::string text) const {
    for (std::size_t at = 0; !password_.empty() && (at = text.find(password_, at)) != std::string::npos; at += 3)
      text.replace(at, password_.size(), "***");
    while (!text.empty() && (text.back() == '\n' || text.back() == ' ')) text.pop_back();
    std::replace(text.begin(), text.end(), '\n', ' ');
    return text;
  }

  std::unique_ptr<PGconn, void (*)(PGconn*)> connection_;
  std::string place_, password_;
  std::uint64_t bytes_ = 0;
};

}  // namespace

Result<std::unique_ptr<Sql>> connect_postgres(const std::string& uri) {
  SEDMA_ASSIGN_OR_RETURN(const Settings settings, parse(uri));
  auto connection = std::make_unique<Postgres>(settings);
  SEDMA_RETURN_IF_ERROR(connection->prepare_session());
  SEDMA_RETURN_IF_ERROR(connection->measure());
  return std::unique_ptr<Sql>(std::move(connection));
}

}  // namespace sedma::runtime
