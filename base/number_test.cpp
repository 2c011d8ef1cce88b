#include "base/number.h"

#include <gtest/gtest.h>

#include <cstdint>
#include <limits>

namespace halfbyte {
namespace {

TEST(Number, IsReadWhenItIsInRange) {
  EXPECT_EQ(*parse_number("-1", -1, 10), -1);
  EXPECT_EQ(*parse_number("0.25", 0.0F, 1.0F), 0.25F);
  constexpr uint64_t kMost = std::numeric_limits<uint64_t>::max();
  EXPECT_EQ(*parse_number("18446744073709551615", uint64_t{0}, kMost), kMost);
}

TEST(Number, SizesHaveUnits) {
  EXPECT_EQ(*parse_size("1500000"), 1500000U);
  EXPECT_EQ(*parse_size("500M"), 500000000U);
  EXPECT_EQ(*parse_size("2Gi"), uint64_t{2} << 30);
  for (const char* text : {"", "0", "M", "12i", "-1K", "1.5G", "2GiB", "99999999999999T"})
    EXPECT_EQ(parse_size(text).error().message,
              "'" + std::string(text) + "' is not a size: expected bytes, or a number with K, M, G, T, Ki, Mi, Gi or Ti");
}

TEST(Number, OutOfRangeIsRefusedWithTheRange) {
  for (const char* text : {"-2", "11", "99999999999999999999"})
    EXPECT_EQ(parse_number(text, -1, 10).error().message, std::string(text) + " is out of range: expected -1 to 10");
  EXPECT_EQ(parse_number("inf", 0.0F, 1.0F).error().message, "inf is out of range: expected 0 to 1");
}

TEST(Number, WhatIsNoNumberIsRefusedWithTheRange) {
  for (const char* text : {"", "x", "1x", " 1", "1e3", "0x10"})
    EXPECT_EQ(parse_number(text, 0, 10).error().message, "'" + std::string(text) + "' is not a whole number: expected 0 to 10");
  for (const char* text : {"nan", "0.5.", "1,5"})
    EXPECT_EQ(parse_number(text, 0.0F, 1.0F).error().message, "'" + std::string(text) + "' is not a number: expected 0 to 1");
}

}  // namespace
}  // namespace halfbyte
