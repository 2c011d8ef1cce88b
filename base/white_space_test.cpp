#include "base/white_space.h"

#include <gtest/gtest.h>

namespace halfbyte {
namespace {

TEST(WhiteSpace, IsTakenOffTheEndsAndLeftBetweenWords) {
  EXPECT_EQ(trimmed(" \t a b\r\n"), "a b");
  EXPECT_EQ(trimmed_left(" a "), "a ");
  EXPECT_EQ(trimmed_right(" a "), " a");
}

TEST(WhiteSpace, TextOfNothingElseIsBlank) {
  for (const char* text : {"", " ", "\t\r\n"}) {
    EXPECT_TRUE(is_blank(text));
    EXPECT_EQ(trimmed(text), "");
  }
  EXPECT_FALSE(is_blank(" a"));
  EXPECT_FALSE(is_blank("\xc2\xa0"));  // a space of Unicode is text
}

}  // namespace
}  // namespace halfbyte
