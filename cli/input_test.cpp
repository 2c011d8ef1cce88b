#include "cli/input.h"

#include <gtest/gtest.h>

namespace halfbyte {
namespace {

TEST(Input, TextFromWindowsIsTheSamePrompt) {
  EXPECT_EQ(*as_prompt("Say hi\r\n"), "Say hi\n");
  EXPECT_EQ(*as_prompt("\xef\xbb\xbfone\r\ntwo\r\n\r\n"), "one\ntwo\n\n");
  EXPECT_EQ(*as_prompt("one\ntwo"), "one\ntwo");
}

TEST(Input, ACarriageReturnThatEndsNoLineStays) { EXPECT_EQ(*as_prompt("a\rb\r\r\n\r"), "a\rb\r\n\r"); }

TEST(Input, Utf16IsRefusedByName) {
  const auto text = as_prompt(std::string("\xff\xfeh\0i\0", 6));
  ASSERT_FALSE(text);
  EXPECT_EQ(text.error().code, Code::kInvalid);
  EXPECT_EQ(text.error().message, "stdin: text in UTF-16, which begins with FF FE; convert it to UTF-8");
}

}  // namespace
}  // namespace halfbyte
