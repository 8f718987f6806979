#include "runtime/comm/traffic_forecast.h"

#include <algorithm>

#include "runtime/comm/coordinator.h"
#include "runtime/comm/messages.h"
#include "runtime/comm/parcels.h"

namespace sedma::runtime {
namespace {

void count(std::uint64_t bytes, std::uint64_t& messages, std::uint64_t& sum) {
  ++messages;
  sum += bytes;
}

struct Products {
  std::uint64_t batch = 0, each = 0;
};

// Of a rank that holds groups, beside its opening.
void add_work(const ClusterPlan& planned, std::uint32_t rank, const std::vector<std::uint32_t>& groups, bool with_values,
              const MatrixSource& matrix, Products products, Traffic& t) {
  const Plan& plan = planned.plan;
  for (const std::vector<std::uint32_t>& run : parcels(plan, groups, with_values))
    count(hold_bytes(plan, run, with_values, matrix.rows()), t.messages_received, t.bytes_received);
  std::uint64_t tiles = 0, loads = 0;
  for (const std::uint32_t group : groups) {
    tiles += plan.groups[group].tiles.size();
    loads += plan.groups[group].loads;
  }
  // Where groups take turns, nothing is written before the first product.
  const bool turns = loads > capacity(planned.ranks[rank].board, plan.geometry);
  count(encode(ProgramMessage{0, 0, groups}).size(), t.messages_received, t.bytes_received);
  DoneMessage done;
  done.report.hashes.resize(turns ? 0 : tiles);
  count(encode(done).size(), t.messages_sent, t.bytes_sent);
  const Lines lines = lines_of(plan, groups, matrix.rows(), matrix.cols());
  for (std::uint64_t vector = 0; vector < products.batch; vector += products.each) {
    const std::uint64_t vectors = std::min(products.each, products.batch - vector);
    count(multiply_bytes(vectors, groups.size(), lines.cols.size()), t.messages_received, t.bytes_received);
    count(partial_bytes(vectors, lines.rows.size(), turns && vector == 0 ? tiles : 0), t.messages_sent, t.bytes_sent);
  }
}

}  // namespace

Result<std::vector<Traffic>> forecast_traffic(const std::vector<RankFacts>& facts, const MatrixSource& matrix,
                                              const SessionOptions& options, std::uint64_t batch, std::uint64_t each) {
  if (each == 0) return Status(Code::invalid_argument, "products of 0 vectors");
  SEDMA_ASSIGN_OR_RETURN(const ClusterPlan planned, plan_cluster(facts, matrix, options));
  const std::uint64_t open_bytes = encode(open_message(planned.plan, matrix, options, 0)).size();
  std::vector<Traffic> traffic(facts.size());
  for (std::uint32_t rank = 1; rank < facts.size(); ++rank) {
    if (!planned.ranks[rank].usable) continue;
    Traffic& t = traffic[rank];
    count(open_bytes, t.messages_received, t.bytes_received);
    const std::vector<std::uint32_t> groups = planned.assignment.groups_of(rank);
    if (!groups.empty()) add_work(planned, rank, groups, wants_values(facts[rank], matrix), matrix, {batch, each}, t);
    Traffic& own = traffic[0];
    own = {own.messages_sent + t.messages_received, own.bytes_sent + t.bytes_received, own.messages_received + t.messages_sent,
           own.bytes_received + t.bytes_sent};
  }
  return traffic;
}

}  // namespace sedma::runtime
