#include "cli/rank_devices.h"

#include <gtest/gtest.h>

#include "hal/uri.h"
#include "tests/temporary_directory.h"

namespace sedma::cli {
namespace {

template <class T>
::testing::AssertionResult refused(const Result<T>& result, Code code, const std::string& fragment) {
  if (result.ok()) return ::testing::AssertionFailure() << "succeeded, expected " << fragment;
  if (result.status().code() == code && result.status().message().find(fragment) != std::string::npos) return ::testing::AssertionSuccess();
  return ::testing::AssertionFailure() << result.status().to_string() << "\n  expected " << name(code) << " with '" << fragment << "'";
}

TEST(RankDevices, WhatIsFilledIn) {
  const RankPlace place{12, 20, "n3", 1};
  struct Case {
    const char *uri, *filled;
  };
  for (const Case& c : {Case{"emulator:TaOx-HfOx?seed=7", "emulator:TaOx-HfOx?seed=7"},
                        {"", ""},
                        {"a:%r", "a:12"},
                        {"a:%r%r?b=%r", "a:1212?b=12"},
                        {"tcp:%h?rank=%r", "tcp:n3?rank=12"},
                        {"a:100%%", "a:100%"},
                        {"a:%%r", "a:%r"},
                        {"a:%%%r", "a:%12"},
                        {"record:x%3Fy%26", "record:x%3Fy%26"},  // escapes of the URI are none of ours
                        {"a:%41%r", "a:%4112"}}) {
    const auto filled = fill_in(c.uri, place);
    ASSERT_TRUE(filled.ok()) << c.uri << ": " << filled.status().to_string();
    EXPECT_EQ(*filled, c.filled) << c.uri;
  }
  for (const char* uri : {"a:%", "a:%x", "a:%4", "a:%R", "a:%r%", "a:%4g", "a:% r"})
    EXPECT_TRUE(refused(fill_in(uri, place), Code::invalid_argument, "stands for nothing")) << uri;
  EXPECT_TRUE(refused(fill_in("a:%r%q", place), Code::invalid_argument, "'%q' at character 4"));
}

TEST(RankDevices, AHostsNameComesBackOutOfTheUri) {
  for (const char* host : {"n0", "n-1.lab.example", "a&b=c?d%e", "n 0"}) {
    const auto filled = fill_in("tcp:%h?at=%h", {0, 1, host, 0});
    ASSERT_TRUE(filled.ok());
    const auto uri = hal::Uri::parse(*filled);
    ASSERT_TRUE(uri.ok()) << *filled << ": " << uri.status().to_string();
    EXPECT_EQ(uri->target(), host);
    EXPECT_EQ(uri->options().at("at"), host);
  }
}

TEST(RankDevices, OneForAllOrOneForEach) {
  const std::vector<std::string> one = {"a:%r"}, three = {"a:x", "b:%r", "c:%h"};
  struct Case {
    const std::vector<std::string>& devices;
    int rank, size;
    const char* uri;
  };
  for (const Case& c : {Case{one, 0, 1, "a:0"}, {one, 2, 3, "a:2"}, {three, 0, 3, "a:x"}, {three, 1, 3, "b:1"}, {three, 2, 3, "c:n2"}}) {
    const auto device = device_of(c.devices, {c.rank, c.size, fmt::format("n{}", c.rank), 0});
    ASSERT_TRUE(device.ok()) << device.status().to_string();
    EXPECT_EQ(*device, c.uri);
  }
  EXPECT_TRUE(refused(device_of(three, {0, 4, "n", 0}), Code::invalid_argument, "3 devices for 4 ranks"));
  EXPECT_TRUE(refused(device_of(three, {0, 1, "n", 0}), Code::invalid_argument, "3 devices for 1 rank"));
  EXPECT_TRUE(refused(device_of(std::vector<std::string>(), {0, 2, "n", 0}), Code::invalid_argument, "0 devices for 2 ranks"));
  const std::vector<std::string> wrong = {"a:x", "b:%y"};
  EXPECT_TRUE(device_of(wrong, {0, 2, "n", 0}).ok()) << "the fault is another rank's";
  EXPECT_TRUE(refused(device_of(wrong, {1, 2, "n", 1}), Code::invalid_argument, "device 1: 'b:%y': '%y' at character 2"));
}

TEST(RankDevices, HostsHaveBoards) {
  const auto hosts = parse_hosts(R"({"n0": "a:%r", "n1": ["b:%h", "c:x%q"]})", "hosts.json");
  ASSERT_TRUE(hosts.ok()) << hosts.status().to_string();
  EXPECT_EQ(device_of(*hosts, {5, 6, "n0", 0}).value(), "a:5");
  EXPECT_EQ(device_of(*hosts, {1, 6, "n1", 0}).value(), "b:n1");
  EXPECT_TRUE(refused(device_of(*hosts, {2, 6, "n1", 1}), Code::invalid_argument, "hosts.json: n1[1]: 'c:x%q': '%q' at character 3"));
  EXPECT_TRUE(
      refused(device_of(*hosts, {3, 6, "n1", 2}), Code::invalid_argument, "hosts.json: rank 3 is number 3 on host n1, which has 2 boards"));
  EXPECT_TRUE(refused(device_of(*hosts, {4, 6, "n0", 1}), Code::invalid_argument, "rank 4 is number 2 on host n0, which has 1 board"));
  EXPECT_TRUE(refused(device_of(*hosts, {4, 6, "n7", 0}), Code::invalid_argument,
                      "rank 4 runs on host n7, which it does not name; it names n0, n1"));
}

TEST(RankDevices, HostsFilesThatAreRefused) {
  struct Case {
    const char* text;
    Code code;
    const char* fragment;
  };
  for (const Case& c : {Case{"", Code::data_corrupt, "h: not JSON"},
                        {"[]", Code::data_corrupt, "h: expected a JSON object, found array"},
                        {R"({"n0": "a", "n0": "b"})", Code::data_corrupt, "h: 'n0' is given twice"},
                        {"{}", Code::invalid_argument, "h: names no host"},
                        {R"({"": "a:x"})", Code::invalid_argument, "h: a host without a name"},
                        {R"({"n0": 3})", Code::invalid_argument, "h: n0: expected the URI of a device, found number"},
                        {R"({"n0": ""})", Code::invalid_argument, "h: n0: expected the URI of a device, found an empty text"},
                        {R"({"n0": []})", Code::invalid_argument, "h: n0 has an empty list of boards"},
                        {R"({"n0": ["a", null]})", Code::invalid_argument, "h: n0[1]: expected the URI of a device, found null"},
                        {R"({"n0": ["a", ["b"]]})", Code::invalid_argument, "h: n0[1]: expected the URI of a device, found array"}})
    EXPECT_TRUE(refused(parse_hosts(c.text, "h"), c.code, c.fragment)) << c.text;
  const sedma::testing::TemporaryDirectory directory;
  EXPECT_TRUE(refused(read_hosts(directory / "none.json"), Code::unavailable, "none.json"));
}

}  // namespace
}  // namespace sedma::cli
