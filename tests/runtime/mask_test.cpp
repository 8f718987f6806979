#include "runtime/mask.h"

#include <gtest/gtest.h>

namespace sedma::runtime {
namespace {

TEST(Mask, ReadsWhatItSays) {
  const auto mask =
      parse_mask(R"({"board_id": "b", "bad_word_lines": [[0, 3]], "bad_bit_lines": [[1, 2]], "bad_cells": [[0, 1, 2]]})", "m.json");
  ASSERT_TRUE(mask.ok()) << mask.status().to_string();
  EXPECT_EQ(mask->board_id, "b");
  EXPECT_EQ(mask->good_word_lines(0, 5), (std::vector<std::uint32_t>{0, 1, 2, 4}));
  EXPECT_EQ(mask->good_word_lines(1, 2), (std::vector<std::uint32_t>{0, 1}));
  EXPECT_EQ(mask->good_bit_lines(1, 5, false), (std::vector<std::uint32_t>{0, 1, 3, 4}));
  EXPECT_EQ(mask->good_bit_lines(1, 5, true), (std::vector<std::uint32_t>{0, 1}));  // 2 takes 3 with it, 4 has no partner
  EXPECT_TRUE(mask->cells.contains({0, 1, 2}));
}

TEST(Mask, RefusesWhatItCannotMean) {
  const struct {
    const char* text;
    const char* fragment;
  } bad[] = {{"", "not JSON"},
             {"[1]", "object"},
             {R"({"bad_rows": []})", "unknown key 'bad_rows'"},
             {R"({"bad_cells": [[1, 2]]})", "bad_cells[0] must be a list of 3"},
             {R"({"bad_cells": [[1, 2, -3]]})", "bad_cells[0][2]"},
             {R"({"bad_word_lines": [[0, 1.5]]})", "bad_word_lines[0][1]"},
             {R"({"bad_word_lines": [[0, 99999999999]]})", "bad_word_lines[0][1]"},
             {R"({"bad_word_lines": 3})", "must be a list"},
             {R"({"board_id": 3})", "board_id"}};
  for (const auto& [text, fragment] : bad) {
    const auto mask = parse_mask(text, "m.json");
    ASSERT_FALSE(mask.ok()) << text;
    EXPECT_EQ(mask.status().code(), Code::data_corrupt) << text;
    EXPECT_NE(mask.status().message().find(fragment), std::string::npos) << mask.status().message();
  }
}

TEST(Mask, DeepNestingIsAMessage) {
  const std::string deep = R"({"bad_cells": [)" + std::string(200000, '[') + std::string(200000, ']') + "]}";
  EXPECT_EQ(parse_mask(deep, "m.json").status().code(), Code::data_corrupt);
}

TEST(Mask, MustFitTheBoard) {
  hal::Capabilities board;
  board.board_id = "mine";
  board.arrays = 2;
  board.rows = board.cols = 8;
  Mask mask;
  mask.cells.insert({1, 7, 7});
  EXPECT_TRUE(mask.validate(board).ok());
  mask.cells.insert({2, 0, 0});
  EXPECT_EQ(mask.validate(board).code(), Code::out_of_range);
  mask = {};
  mask.board_id = "other";
  EXPECT_EQ(mask.validate(board).code(), Code::invalid_argument);
}

}  // namespace
}  // namespace sedma::runtime
