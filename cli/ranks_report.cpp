#include "cli/ranks_report.h"

#include <fmt/format.h>
#include <xxhash.h>

#include "cli/table.h"
#include "cli/units.h"

namespace sedma::cli {

Json ranks_json(const std::vector<runtime::RankReport>& ranks) {
  Json all = Json::array();
  for (const runtime::RankReport& r : ranks)
    all.push_back({{"rank", r.rank},
                   {"host", r.host},
                   {"tiles", r.tiles},
                   {"busy_seconds", r.busy_seconds},
                   {"wait_seconds", r.wait_seconds},
                   {"messages_sent", r.traffic.messages_sent},
                   {"messages_received", r.traffic.messages_received},
                   {"bytes_sent", r.traffic.bytes_sent},
                   {"bytes_received", r.traffic.bytes_received},
                   {"peak_bytes", r.peak_bytes},
                   {"lost", r.lost}});
  return all;
}

Json losses_json(const std::vector<runtime::Loss>& losses) {
  Json all = Json::array();
  for (const runtime::Loss& l : losses)
    all.push_back({{"rank", l.rank},
                   {"host", l.host},
                   {"why", l.why},
                   {"tiles", l.tiles},
                   {"recovery_seconds", l.recovery_seconds},
                   {"returned", l.returned}});
  return all;
}

Json sequence_json(const Sequence& s) {
  return {{"products", s.products}, {"each", s.each}, {"largest_gap_seconds", s.largest_gap_seconds}, {"resumed_from", s.resumed_from}};
}

std::string tiles_digest(std::span<const runtime::TileHash> hashes) {
  const XXH128_hash_t hash = XXH3_128bits(hashes.data(), hashes.size_bytes());
  return fmt::format("{:016x}{:016x}", hash.high64, hash.low64);
}

std::string ranks_text(const JobReport& job) {
  if (job.ranks.size() < 2) return "";
  constexpr auto right = Table::Align::right;
  Table table({{"rank", right},
               {"host"},
               {"tiles", right},
               {"at work", right},
               {"waiting", right},
               {"sent", right},
               {"received", right},
               {"peak", right}});
  for (const runtime::RankReport& r : job.ranks)
    table.add({fmt::format("{}", r.rank), printable(r.host) + (r.lost ? " (lost)" : ""), count(r.tiles), si(r.busy_seconds, "s"),
               si(r.wait_seconds, "s"), bytes(r.traffic.bytes_sent), bytes(r.traffic.bytes_received), bytes(r.peak_bytes)});
  std::string text = "\n" + table.to_string();
  for (const runtime::Loss& l : job.losses)
    text += fmt::format("rank {} on host {}: {}; {} moved in {}{}\n", l.rank, printable(l.host), printable(l.why), count(l.tiles, "tile"),
                        si(l.recovery_seconds, "s"), l.returned ? ", and back when it returned" : "");
  return text;
}

}  // namespace sedma::cli
