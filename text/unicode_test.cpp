#include "text/unicode.h"

#include <gtest/gtest.h>
#include <utf8proc.h>

namespace halfbyte {
namespace {

TEST(Unicode, LettersNumbersMarksAndPunctuationAreThoseOfTheCategory) {
  for (char32_t c = 0; c < 0x110000; ++c) {
    const std::string_view category = utf8proc_category_string(static_cast<utf8proc_int32_t>(c));
    const CharKind kind = kind_of(c);
    ASSERT_EQ(chars::kL.contains(kind), category[0] == 'L') << static_cast<uint32_t>(c);
    ASSERT_EQ(chars::kN.contains(kind), category[0] == 'N') << static_cast<uint32_t>(c);
    ASSERT_EQ(chars::kM.contains(kind), category[0] == 'M') << static_cast<uint32_t>(c);
    ASSERT_EQ(chars::kP.contains(kind), category[0] == 'P') << static_cast<uint32_t>(c);
    ASSERT_EQ(chars::kSymbol.contains(kind), category[0] == 'S') << static_cast<uint32_t>(c);
    ASSERT_EQ(chars::kLower.contains(kind), category == "Ll") << static_cast<uint32_t>(c);
    ASSERT_EQ(chars::kUpperOrTitle.contains(kind), category == "Lu" || category == "Lt") << static_cast<uint32_t>(c);
    ASSERT_TRUE(category[0] != 'Z' || chars::kS.contains(kind)) << static_cast<uint32_t>(c);
  }
}

}  // namespace
}  // namespace halfbyte
