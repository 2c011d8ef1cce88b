#include "base/utf8.h"

#include <gtest/gtest.h>

namespace halfbyte {
namespace {

TEST(Utf8, EveryCharacterIsReadAsItIsWritten) {
  for (char32_t c = 0; c < 0x110000; ++c) {
    if (c >= 0xd800 && c < 0xe000) continue;
    std::string text;
    append_utf8(text, c);
    const Utf8Character read = read_utf8(text, 0);
    ASSERT_EQ(read.code_point, c);
    ASSERT_EQ(read.bytes, text.size());
    ASSERT_EQ(read.form, Utf8Character::Form::kWhole);
  }
}

TEST(Utf8, ACharacterCutShortIsToldFromAWrongOne) {
  EXPECT_EQ(read_utf8("\xe4\xb8", 0).form, Utf8Character::Form::kCutShort);
  EXPECT_EQ(read_utf8("\xe4\xb8", 0).bytes, 2u);
  EXPECT_EQ(read_utf8("\xe4\xb8z", 0).form, Utf8Character::Form::kIllFormed);
  EXPECT_EQ(read_utf8("\xe4z", 0).bytes, 1u);
  EXPECT_EQ(read_utf8("\x80", 0).form, Utf8Character::Form::kIllFormed);
}

}  // namespace
}  // namespace halfbyte
