#include "base/utf8.h"
#include "text/small_vocabulary.h"
#include "text/test_files.h"

namespace halfbyte {
namespace {

// Feeds bytes one by one: token i of this vocabulary is byte i.
class ByteStream : public testing::Test {
 protected:
  void SetUp() override {
    auto tokenizer = Tokenizer::open(byte_vocabulary());
    ASSERT_TRUE(tokenizer) << tokenizer.error().message;
    tokenizer_ = std::move(*tokenizer);
  }
  std::string stream(std::string_view bytes) {
    Detokenizer detokenizer(*tokenizer_);
    std::string text;
    for (const char c : bytes) text += detokenizer.push(static_cast<uint8_t>(c));
    return text + detokenizer.finish();
  }
  std::unique_ptr<Tokenizer> tokenizer_;
};
const std::string kOne = "\xef\xbf\xbd";  // U+FFFD

TEST_F(ByteStream, HoldsACharacterBackUntilItIsWhole) {
  Detokenizer detokenizer(*tokenizer_);
  EXPECT_EQ(detokenizer.push(0xe4), "");
  EXPECT_EQ(detokenizer.push(0xb8), "");
  EXPECT_EQ(detokenizer.push(0xad), "\u4e2d");
  EXPECT_EQ(detokenizer.push('a'), "a");
  EXPECT_EQ(detokenizer.finish(), "");
}

TEST_F(ByteStream, PassesEveryCharacterThrough) {
  const std::string text = "a\u00e9\u4e2d\U0001f600\u0800\ud7ff\ue000\U0010ffff";
  EXPECT_EQ(stream(text), text);
}

TEST_F(ByteStream, AnIncompleteCharacterAtTheEndIsOneReplacement) {
  EXPECT_EQ(stream("a\xf0\x9f\x98"), "a" + kOne);
  EXPECT_EQ(stream("a\xc3"), "a" + kOne);
}

TEST_F(ByteStream, EachMaximalIllFormedPartIsOneReplacement) {
  // The example of Unicode 3.9, table 3-8: 61 F1 80 80 E1 80 C2 62 80 63 80 BF 64.
  EXPECT_EQ(stream("a\xf1\x80\x80\xe1\x80\xc2"
                   "b\x80"
                   "c\x80\xbf"
                   "d"),
            "a" + kOne + kOne + kOne + "b" + kOne + "c" + kOne + kOne + "d");
}

TEST_F(ByteStream, OverlongFormsSurrogatesAndTooLargeCharactersAreIllFormed) {
  EXPECT_EQ(stream("\xc0\xaf"), kOne + kOne);
  EXPECT_EQ(stream("\xe0\x80\xaf"), kOne + kOne + kOne);
  EXPECT_EQ(stream("\xed\xa0\x80"), kOne + kOne + kOne);
  EXPECT_EQ(stream("\xf4\x90\x80\x80"), kOne + kOne + kOne + kOne);
  EXPECT_EQ(stream("\xf8\x88\x80\x80\x80"), kOne + kOne + kOne + kOne + kOne);
}

TEST_F(ByteStream, NeverEndsInHalfACharacter) {
  Detokenizer detokenizer(*tokenizer_);
  uint32_t state = 1;
  for (int i = 0; i < 20000; ++i) {
    state = state * 1664525u + 1013904223u;
    const std::string text = detokenizer.push(static_cast<Token>(state >> 24));
    for (size_t at = 0; at < text.size();) {
      const Utf8Character c = read_utf8(text, at);
      ASSERT_EQ(c.form, Utf8Character::Form::kWhole);
      at += c.bytes;
    }
  }
}

}  // namespace
}  // namespace halfbyte
