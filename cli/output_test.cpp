#include "cli/output.h"

#include <gtest/gtest.h>

namespace halfbyte {
namespace {

TEST(Output, LeavesOrdinaryTextAsItIs) {
  for (const char* text : {"", "plain\n\ttext", "caf\xc3\xa9 \xe6\x97\xa5 \xf0\x9f\x98\x80", "\xc2\xa0"}) EXPECT_EQ(printable(text), text);
}

TEST(Output, MakesTextHarmlessForATerminal) {
  EXPECT_EQ(printable("\x1b[31mred\r"), "\\x1b[31mred\\x0d");
  EXPECT_EQ(printable("\xc2\x9b"
                      "1m"),
            "\\xc2\\x9b1m");  // the one-character form of ESC [
  EXPECT_EQ(printable("a\xff"
                      "b\xe2\x82"),
            "a\\xffb\\xe2\\x82");
}

}  // namespace
}  // namespace halfbyte
