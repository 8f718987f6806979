// The small parts of the program, without running it.

#include <gtest/gtest.h>

#include <cmath>

#include "cli/limits_file.h"
#include "cli/multiply_options.h"
#include "cli/output_file.h"
#include "cli/table.h"
#include "cli/units.h"
#include "tests/temporary_directory.h"

namespace sedma::cli {
namespace {

TEST(Units, SiPrefixes) {
  EXPECT_EQ(si(0, "J"), "0 J");
  EXPECT_EQ(si(1.234e-6, "J"), "1.23 uJ");
  EXPECT_EQ(si(45.6e-3, "s"), "45.6 ms");
  EXPECT_EQ(si(1, "s"), "1.00 s");
  EXPECT_EQ(si(999.4, "s"), "999 s");
  EXPECT_EQ(si(999.6, "s"), "1.00 ks");
  EXPECT_EQ(si(9.996e-9, "A"), "10.0 nA");
  EXPECT_EQ(si(99.96e-9, "A"), "100 nA");
  EXPECT_EQ(si(-2.5, "V"), "-2.50 V");
  EXPECT_EQ(si(1e-30, "J"), "1.00e-30 J");
  EXPECT_EQ(si(5e-324, "J"), "4.94e-324 J");
  EXPECT_EQ(si(INFINITY, "J"), "inf J");
  EXPECT_EQ(si(NAN, "J"), "nan J");
}

TEST(Units, CountsAndSizes) {
  EXPECT_EQ(count(0), "0");
  EXPECT_EQ(count(999), "999");
  EXPECT_EQ(count(19848), "19,848");
  EXPECT_EQ(count(1234567), "1,234,567");
  EXPECT_EQ(count(1, "tile"), "1 tile");
  EXPECT_EQ(count(0, "tile"), "0 tiles");
  EXPECT_EQ(bytes(512), "512 B");
  EXPECT_EQ(bytes(1536), "1.50 KiB");
  EXPECT_EQ(bytes(UINT64_MAX), "16.0 EiB");
  EXPECT_EQ(percent(0.01234), "1.23 %");
  EXPECT_EQ(scientific(0.01234), "1.23e-02");
  EXPECT_EQ(printable("a\x1b[31m\n\x7f"), "a?[31m??");
}

TEST(Table, AlignsColumnsAndTrimsLines) {
  Table table({{"name"}, {"value", Table::Align::right}, {"note"}});
  table.add({"a", "1", "x"});
  table.add({"\xce\xa9hm", "1000"});
  EXPECT_EQ(table.to_string(), "name  value  note\n----  -----  ----\na         1  x\n\xce\xa9hm    1000\n");
  Table facts = Table::of_facts();
  facts.add({"k", "v"});
  EXPECT_EQ(facts.to_string(), "k  v\n");
}

TEST(Limits, EveryFieldHasItsKey) {
  const auto limits = parse_limits(R"({"max_cell_volts": 1.5, "max_gate_volts": 2, "max_read_volts": 0.3, "max_width_seconds": 1e-6,
    "max_compliance_amps": 1e-4, "max_line_amps": 0.01, "max_pulses_per_cell": 100, "max_total_pulses": 18446744073709551615})",
                                   "file");
  ASSERT_TRUE(limits.ok()) << limits.status().to_string();
  EXPECT_EQ(limits->max_cell_volts, 1.5);
  EXPECT_EQ(limits->max_gate_volts, 2.0);
  EXPECT_EQ(limits->max_read_volts, 0.3);
  EXPECT_EQ(limits->max_width_seconds, 1e-6);
  EXPECT_EQ(limits->max_compliance_amps, 1e-4);
  EXPECT_EQ(limits->max_line_amps, 0.01);
  EXPECT_EQ(limits->max_pulses_per_cell, 100u);
  EXPECT_EQ(limits->max_total_pulses, UINT64_MAX);
  EXPECT_TRUE(parse_limits("{}", "file").ok());
}

TEST(Limits, AnythingElseIsRefusedByName) {
  for (const char* text : {"", "{", "null", "[]", "1", R"({"max_volts": 1})", R"({"max_cell_volts": null})", R"({"max_cell_volts": "1"})",
                           R"({"max_cell_volts": -1})", R"({"max_total_pulses": -1})", R"({"max_total_pulses": 1.0})",
                           R"({"max_total_pulses": 1e400})", R"({"max_cell_volts": 1, "max_cell_volts": 2})", "{\"\xff\": 1}"}) {
    const auto limits = parse_limits(text, "board.json");
    ASSERT_FALSE(limits.ok()) << text;
    EXPECT_EQ(limits.status().message().rfind("board.json", 0), 0u) << limits.status().message();
  }
  const std::string deep(2000000, '[');
  EXPECT_FALSE(parse_limits(deep, "deep").ok());
}

TEST(Tile, RowsAndColumns) {
  TileSize tile;
  EXPECT_TRUE(lexical_cast("64x32", tile));
  EXPECT_EQ(tile.rows, 64u);
  EXPECT_EQ(tile.cols, 32u);
  for (const char* text : {"", "x", "64", "64x", "x32", "0x1", "1x0", "-1x2", "64X32", "64x32 ", "64x32x1", "4294967296x1"})
    EXPECT_FALSE(lexical_cast(text, tile)) << text;
}

TEST(OutputFile, WritableIsFoundOutWithoutATrace) {
  const testing::TemporaryDirectory directory;
  EXPECT_TRUE(check_writable(directory / "new.json").ok());
  directory.put("old.json", "kept");
  EXPECT_TRUE(check_writable(directory / "old.json").ok());
  EXPECT_EQ(testing::bytes_of(directory / "old.json"), "kept");
  EXPECT_EQ(directory.names().size(), 1u);
  EXPECT_FALSE(check_writable(directory.path()).ok());
  EXPECT_FALSE(check_writable(directory / "absent/new.json").ok());
  EXPECT_TRUE(check_product_writable(directory / "y.h5:/a/b").ok());
  EXPECT_TRUE(check_product_writable(directory / "y.npy").ok());
  EXPECT_EQ(check_product_writable(directory / "y.csv").code(), Code::invalid_argument);
  EXPECT_EQ(check_product_writable(directory / "y.npy:/a").code(), Code::invalid_argument);
}

TEST(OutputFile, JsonAppearsOnlyWhenCommitted) {
  const testing::TemporaryDirectory directory;
  {
    JsonTarget dropped(directory / "a.json");
    ASSERT_TRUE(dropped.prepare({{"a", 1}}).ok());
  }
  EXPECT_TRUE(directory.names().empty());
  JsonTarget target(directory / "b.json");
  ASSERT_TRUE(target.prepare({{"name", "not UTF-8: \xff"}, {"nan", NAN}}).ok());
  ASSERT_TRUE(target.commit().ok());
  const auto parsed = Json::parse(testing::bytes_of(directory / "b.json"));
  EXPECT_TRUE(parsed["nan"].is_null());
}

}  // namespace
}  // namespace sedma::cli
