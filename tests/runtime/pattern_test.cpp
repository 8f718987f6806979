// Patterns: keys, merging, fields, points, and the index in this process. Seconds: 1.
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <map>
#include <set>

#include "runtime/memory/pattern_index.h"
#include "runtime/memory/usefulness.h"
#include "tests/runtime/pattern_testing.h"

namespace sedma::test {
namespace {

using namespace runtime;

TEST(Pattern, KeysTellContextsAndChoicesApart) {
  const std::vector<Field>& fields = pattern_fields();
  const Pattern pattern = pattern_number(3);
  const std::vector<FieldValue> values = fields_from(pattern);
  const std::set<std::string> state = {"temperature_kelvin", "age_seconds", "bad_cells_share"};
  bool choice = false, outcome = false;
  for (std::size_t k = 0; k < fields.size(); ++k) {
    auto other = values;
    if (auto* text = std::get_if<std::string>(&other[k])) {
      const std::map<std::string, std::string> names = {{"partitioning", "fixed"}, {"encoding", "pair"}, {"scale_per", "output"}};
      const std::map<std::string, std::string> others = {{"partitioning", "grid"}, {"encoding", "offset"}, {"scale_per", "tile"}};
      if (names.count(fields[k].name) != 0)
        *text = *text == names.at(fields[k].name) ? others.at(fields[k].name) : names.at(fields[k].name);
      else
        text->front() = text->front() == '1' ? '2' : '1';
    } else if (auto* whole = std::get_if<std::int64_t>(&other[k])) {
      *whole = fields[k].name == "adaptive_lambda" ? 1 - *whole : *whole + 1;
    } else if (auto* number = std::get_if<double>(&other[k])) {
      *number = *number == 0 ? 0.5 : *number / 2;
    } else {
      other[k] = 300.0;
    }
    const auto changed = pattern_from(other);
    ASSERT_TRUE(changed.ok()) << fields[k].name << ": " << changed.status().to_string();
    outcome = outcome || fields[k].name.rfind("predicted_", 0) == 0;
    EXPECT_EQ(key_of(*changed) != key_of(pattern), !outcome && state.count(fields[k].name) == 0) << fields[k].name;
    choice = choice || fields[k].name == "partitioning";
    EXPECT_EQ(changed->choice == pattern.choice, !choice || outcome) << fields[k].name;
  }
}

TEST(Pattern, TextsInAKeyDoNotRunTogether) {
  Pattern a, b;
  a.context.material = "ab";
  a.context.profile = "c";
  b.context.material = "a";
  b.context.profile = "bc";
  EXPECT_NE(key_of(a), key_of(b));
  EXPECT_EQ(key_of(a).hex().size(), 32u);
}

TEST(Pattern, FieldsComeBackBitForBit) {
  for (std::uint64_t number = 0; number < 500; ++number) {
    const Pattern pattern = pattern_number(number);
    const auto back = pattern_from(fields_from(pattern));
    ASSERT_TRUE(back.ok()) << back.status().to_string();
    EXPECT_TRUE(same(pattern, *back)) << number;
    EXPECT_EQ(key_of(pattern), key_of(*back));
    EXPECT_TRUE(pattern.choice == back->choice);
  }
}

TEST(Pattern, WhatCannotBeIsRefusedByName) {
  const auto refusal = [](const auto& spoil) {
    Pattern pattern = pattern_number(1);
    spoil(pattern);
    const Status status = validate(pattern);
    EXPECT_EQ(status.code(), Code::invalid_argument);
    return status.message();
  };
  EXPECT_NE(refusal([](Pattern& p) { p.found.error_p95 = std::nan(""); }).find("found_error_p95"), std::string::npos);
  EXPECT_NE(refusal([](Pattern& p) { p.found.vector_joules = -1e-9; }).find("found_vector_joules of a pattern is -1e-09 J"),
            std::string::npos);
  EXPECT_NE(refusal([](Pattern& p) { p.found.unconverged = 1.5; }).find("found_unconverged_share"), std::string::npos);
  EXPECT_NE(refusal([](Pattern& p) { p.context.board = "line\nend"; }).find("board"), std::string::npos);
  EXPECT_NE(refusal([](Pattern& p) { p.context.board = "\xc3"; }).find("UTF-8"), std::string::npos);
  EXPECT_NE(refusal([](Pattern& p) { p.context.material = std::string(257, 'x'); }).find("256"), std::string::npos);
  EXPECT_NE(refusal([](Pattern& p) { p.evidence = UINT64_MAX; }).find("evidence"), std::string::npos);
}

// In whatever groups and order many times are merged, the means are theirs.
TEST(Pattern, MergingAddsEvidenceInAnyOrder) {
  for (std::uint64_t trial = 0; trial < 50; ++trial) {
    const Pattern base = pattern_number(trial);
    std::vector<Pattern> times(7, base);
    double evidence = 0, joules = 0, checked = 0, error = 0;
    for (std::size_t k = 0; k < times.size(); ++k) {
      const Pattern other = pattern_number(1000 * trial + k);
      times[k].found = other.found;
      times[k].evidence = other.evidence;
      times[k].usefulness = other.usefulness;
      times[k].used_utc_seconds = other.used_utc_seconds;
      if (k == 3) times[k].found.checked = 0;  // an error that nobody checked counts for nothing
      evidence += static_cast<double>(other.evidence);
      joules += static_cast<double>(other.evidence) * other.found.vector_joules;
      checked += static_cast<double>(times[k].found.checked);
      error += static_cast<double>(times[k].found.checked) * other.found.error_p95;
    }
    Pattern forward = times[0], left = times[6], right = times[2];
    for (std::size_t k = 1; k < times.size(); ++k) merge(forward, times[k]);
    for (const std::size_t k : {4u, 0u, 5u}) merge(left, times[k]);
    for (const std::size_t k : {1u, 3u}) merge(right, times[k]);
    merge(right, left);
    EXPECT_EQ(forward.evidence, static_cast<std::uint64_t>(evidence));
    EXPECT_NEAR(forward.found.vector_joules, joules / evidence, 1e-12 * joules);
    EXPECT_NEAR(forward.found.error_p95, error / checked, 1e-12);
    EXPECT_EQ(right.evidence, forward.evidence);
    EXPECT_EQ(right.found.checked, forward.found.checked);
    EXPECT_EQ(right.used_utc_seconds, forward.used_utc_seconds);
    EXPECT_NEAR(right.usefulness, forward.usefulness, 1e-9);
    EXPECT_NEAR(right.found.error_p95, forward.found.error_p95, 1e-12);
    EXPECT_NEAR(right.found.programming_joules, forward.found.programming_joules, 1e-12);
  }
}

TEST(Pattern, UsefulnessHalvesAndAnUnknownTemperatureIsLearnt) {
  Pattern pattern = pattern_number(5), later = pattern;
  pattern.usefulness = 4;
  pattern.context.temperature_kelvin = std::nan("");
  later.usefulness = 1;
  later.context.temperature_kelvin = 310;
  later.used_utc_seconds = pattern.used_utc_seconds + static_cast<std::int64_t>(usefulness_half_life_seconds);
  merge(pattern, later);
  EXPECT_NEAR(pattern.usefulness, 3, 1e-9);
  EXPECT_EQ(pattern.context.temperature_kelvin, 310);
}

TEST(Pattern, NewPredictionsReplaceThoseOfAnOlderPrior) {
  Pattern pattern = pattern_number(5), newer = pattern, older = pattern;
  newer.prior_version = 2;
  newer.predicted.vector_joules = 7;
  older.predicted.vector_joules = 100;
  merge(pattern, newer);
  EXPECT_EQ(pattern.predicted.vector_joules, 7);
  merge(pattern, older);
  EXPECT_EQ(pattern.predicted.vector_joules, 7);
  EXPECT_EQ(pattern.prior_version, 2u);
}

TEST(Pattern, PointsTellKindsApartAndBoardsLittle) {
  const Context base = pattern_number(8).context;
  const auto distance = [&](const auto& spoil) {
    Context other = base;
    spoil(other);
    const FeatureVector p = feature_vector(base), q = feature_vector(other);
    double sum = 0;
    for (std::size_t k = 0; k < p.size(); ++k) sum += (p[k] - q[k]) * (p[k] - q[k]);
    return std::sqrt(sum);
  };
  EXPECT_NEAR(distance([](Context& c) { c.matrix.rows *= 10; }), 1, 1e-5);
  EXPECT_NEAR(distance([](Context& c) { c.matrix.density /= 10; }), 1, 1e-5);
  EXPECT_NEAR(distance([](Context& c) { c.adc_bits = static_cast<std::uint8_t>(c.adc_bits + 2); }), 1, 1e-5);
  EXPECT_GT(distance([](Context& c) { c.matrix.output_lag1 = c.matrix.output_lag1 > 0 ? -0.5 : 0.9; }), 0.4);
  EXPECT_LT(distance([](Context& c) { c.board = "another"; }), 0.26);
  EXPECT_EQ(distance([](Context& c) { c.matrix.content += 1; }), 0);
  const std::vector<std::string> materials = {"Ag-aSi", "AlOx-HfO2", "EpiRAM", "TaOx-HfOx"};
  for (const std::string& a : materials)
    for (const std::string& b : materials) {
      if (a == b) continue;
      Context p, q;
      p.material = a;
      q.material = b;
      double sum = 0;
      for (std::size_t k = 0; k < FeatureVector().size(); ++k) sum += std::pow(feature_vector(p)[k] - feature_vector(q)[k], 2);
      EXPECT_GT(std::sqrt(sum), 0.5) << a << " and " << b;
    }
  Context empty;
  empty.age_seconds = std::nan("");
  for (const float value : feature_vector(empty)) EXPECT_TRUE(std::isfinite(value));
}

TEST(PatternIndex, FindsWhatAFullSortFinds) {
  PatternIndex index;
  std::map<PatternKey, Pattern> kept;
  for (std::uint64_t number = 0; number < 1500; ++number) {
    const Pattern pattern = pattern_number(number);
    index.add(key_of(pattern), pattern);
    kept[key_of(pattern)] = pattern;
    if (number % 3 == 2) {  // gaps are closed
      const PatternKey gone = key_of(pattern_number(number / 2));
      EXPECT_EQ(index.erase(gone), kept.erase(gone) == 1);
    }
    if (number % 97 != 0) continue;
    const FeatureVector point = feature_vector(pattern_number(5000 + number).context);
    std::vector<std::pair<float, PatternKey>> sorted;
    for (const auto& [key, each] : kept) {
      const FeatureVector other = feature_vector(each.context);
      float squared = 0;
      for (std::size_t k = 0; k < point.size(); ++k) squared += (other[k] - point[k]) * (other[k] - point[k]);
      sorted.emplace_back(squared, key);
    }
    std::sort(sorted.begin(), sorted.end());
    const auto near = index.nearest(point, 8);
    ASSERT_EQ(near.size(), std::min<std::size_t>(8, kept.size()));
    for (std::size_t k = 0; k < near.size(); ++k) {
      EXPECT_EQ(near[k].key, sorted[k].second) << number << ", " << k;
      EXPECT_NEAR(near[k].distance, std::sqrt(sorted[k].first), 1e-6);
      EXPECT_TRUE(same(*near[k].pattern, kept[near[k].key]));
    }
  }
  EXPECT_EQ(index.size(), kept.size());
  EXPECT_TRUE(index.nearest(FeatureVector{}, 0).empty());
}

// Of kinds with n_1 <= n_2 ... patterns that are worth the same, no kind loses while a larger one has more than it has left.
TEST(Usefulness, EvictionTakesFromLargeKindsFirst) {
  for (std::uint64_t trial = 0; trial < 60; ++trial) {
    std::vector<Standing> patterns;
    const std::uint32_t kinds = 1 + pick(trial, 1, 8);
    for (std::uint32_t kind = 0; kind < kinds; ++kind)
      for (std::uint32_t k = 0; k < 1 + pick(trial, 10 + kind, 60); ++k)
        patterns.push_back({{patterns.size() * 0x9e3779b97f4a7c15u, kind}, fmt::format("{}", kind % 3), kind / 3, 100});
    const std::size_t count = pick(trial, 2, static_cast<std::uint32_t>(patterns.size()));
    const auto gone = least_useful(patterns, count);
    ASSERT_EQ(gone.size(), count);
    EXPECT_EQ(std::set<PatternKey>(gone.begin(), gone.end()).size(), count);
    std::map<std::uint64_t, std::pair<std::size_t, std::size_t>> left;  // kind: left, before
    for (const Standing& each : patterns) {
      auto& [now, before] = left[each.key.high];
      ++before;
      now += std::find(gone.begin(), gone.end(), each.key) == gone.end() ? 1 : 0;
    }
    for (const auto& [a, counts] : left)
      for (const auto& [b, others] : left) EXPECT_TRUE(counts.first == counts.second || others.first <= counts.first + 1) << trial;
  }
}

TEST(Usefulness, WithinAKindTheWorstGo) {
  for (std::uint64_t trial = 0; trial < 30; ++trial) {
    std::vector<Standing> patterns;
    for (std::uint32_t k = 0; k < 200; ++k) patterns.push_back({{k, trial}, "m", 1, 10 * fraction(trial, k)});
    const auto gone = least_useful(patterns, 50);
    double best_gone = 0, worst_left = 1e9;
    for (const Standing& each : patterns) {
      if (std::find(gone.begin(), gone.end(), each.key) != gone.end())
        best_gone = std::max(best_gone, each.worth);
      else
        worst_left = std::min(worst_left, each.worth);
    }
    EXPECT_LE(best_gone, worst_left);
  }
  Pattern plain = pattern_number(1), rewarded = plain, proven = plain, stale = plain;
  rewarded.usefulness += 2;
  proven.evidence += 20;
  stale.used_utc_seconds -= 300 * 86400;
  EXPECT_GT(worth_of(rewarded), worth_of(plain));
  EXPECT_GT(worth_of(proven), worth_of(plain));
  EXPECT_LT(worth_of(stale), worth_of(plain));
}

TEST(EpisodicMemory, HoldsItsCapacityAndTheRareKinds) {
  EpisodicOptions options;
  options.capacity = 640;
  auto memory = EpisodicMemory::open("none", options).value();
  Pattern rare = pattern_number(1);
  rare.context.material = "rare";
  rare.evidence = 1;
  rare.usefulness = 0;
  memory->remember(rare);
  for (std::uint64_t number = 2; number < 3000; ++number) {
    const Pattern pattern = pattern_number(number);
    memory->remember(pattern);
    ASSERT_LE(memory->stats().patterns, 640u);
    ASSERT_NE(memory->find(key_of(pattern)), nullptr) << "what was remembered last stays";
  }
  EXPECT_NE(memory->find(key_of(rare)), nullptr);
  EXPECT_GE(memory->stats().patterns, 630u);
}

TEST(EpisodicMemory, TellsOfWhatItCannotRemember) {
  EpisodicOptions options;
  std::string told;
  options.log = [&](const std::string& sentence) { told = sentence; };
  auto memory = EpisodicMemory::open("none", options).value();
  Pattern pattern = pattern_number(1);
  pattern.found.error_p95 = std::nan("");
  memory->remember(pattern);
  EXPECT_EQ(memory->stats().patterns, 0u);
  EXPECT_NE(told.find("found_error_p95"), std::string::npos) << told;
  EXPECT_EQ(EpisodicMemory::open("http://somewhere", options).status().code(), Code::invalid_argument);
}

TEST(EpisodicMemory, RewardsRaiseUsefulnessAlone) {
  auto memory = EpisodicMemory::open("none").value();
  const Pattern pattern = pattern_number(1);
  memory->remember(pattern);
  memory->reward(key_of(pattern), 2.5);
  const Pattern* rewarded = memory->find(key_of(pattern));
  EXPECT_GT(rewarded->usefulness, 2.5);
  EXPECT_EQ(rewarded->evidence, pattern.evidence);
  EXPECT_EQ(rewarded->found.checked, pattern.found.checked);
  EXPECT_EQ(rewarded->found.vector_joules, pattern.found.vector_joules);
  EXPECT_EQ(rewarded->context.age_seconds, pattern.context.age_seconds);
}

}  // namespace
}  // namespace sedma::test
