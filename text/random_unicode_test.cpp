// Random Unicode text against what llama.cpp makes of it (tests/data/text/record_random_unicode.py).
#include <algorithm>
#include <optional>

#include "text/test_files.h"

namespace halfbyte {
namespace {

// The LEB128 numbers and byte strings of a recorded file.
class Record {
 public:
  explicit Record(const std::string& name) : bytes_(slurp(HALFBYTE_TEST_DATA "/text/random_unicode." + name)) {}
  bool ended() const { return at_ >= bytes_.size(); }
  uint64_t number() {
    uint64_t value = 0;
    for (unsigned shift = 0;; shift += 7) {
      const auto byte = static_cast<uint8_t>(bytes_.at(at_++));
      value |= static_cast<uint64_t>(byte & 127) << shift;
      if (byte < 128) return value;
    }
  }
  std::string text() {
    const size_t length = number();
    at_ += length;
    return bytes_.substr(at_ - length, length);
  }
  // Nothing where the references did not agree.
  std::optional<std::vector<Token>> tokens() {
    const uint64_t count = number();
    if (count == 0) return std::nullopt;
    std::vector<Token> tokens(count - 1);
    for (Token& token : tokens) token = static_cast<Token>(number());
    return tokens;
  }

 private:
  std::string bytes_;
  size_t at_ = 0;
};

std::vector<std::string> recorded_texts() {
  Record record("texts");
  std::vector<std::string> texts;
  while (!record.ended()) texts.push_back(record.text());
  return texts;
}

// SmolLM2 has no tokens for some control characters; nothing can encode those.
bool can_encode(const Tokenizer& tokenizer, std::string_view text) {
  return std::none_of(text.begin(), text.end(),
                      [&](const char& c) { return static_cast<uint8_t>(c) < 0x20 && tokenizer.encode({&c, 1}).empty(); });
}

class RandomUnicode : public testing::TestWithParam<const char*> {
 protected:
  static std::string path() {
    const std::string family = vocabulary_path(GetParam());
    return std::filesystem::exists(family) ? family : model_path(GetParam());
  }
};

TEST_P(RandomUnicode, BecomesTheRecordedTokens) {
  if (path().empty()) GTEST_SKIP() << "HALFBYTE_MODELS has no " << GetParam() << ".gguf";
  const auto tokenizer = open_tokenizer(path());
  ASSERT_NE(tokenizer, nullptr);
  const auto texts = recorded_texts();
  ASSERT_EQ(texts.size(), 2500u);
  Record record(std::string(GetParam()) + ".ids");
  int different = 0;
  for (const bool parse_special : {false, true}) {
    for (const std::string& text : texts) {
      const auto tokens = record.tokens();
      if (!tokens || tokenizer->encode(text, {.parse_special = parse_special}) == *tokens) continue;
      if (++different > 5) continue;
      EXPECT_EQ(tokenizer->encode(text, {.parse_special = parse_special}), *tokens) << "text: " << text;
    }
  }
  EXPECT_EQ(different, 0);
  EXPECT_TRUE(record.ended());
}

TEST_P(RandomUnicode, ComesBackFromItsTokens) {
  if (path().empty()) GTEST_SKIP() << "HALFBYTE_MODELS has no " << GetParam() << ".gguf";
  if (GetParam() == std::string("bert-bge")) GTEST_SKIP() << "WordPiece has no way back";
  const auto tokenizer = open_tokenizer(path());
  ASSERT_NE(tokenizer, nullptr);
  for (const std::string& text : recorded_texts()) {
    const bool has_mark = text.find("\xe2\x96\x81") != std::string::npos;  // SPM writes the blank so
    if (has_mark || !can_encode(*tokenizer, text)) continue;
    const auto tokens = tokenizer->encode(text, {.parse_special = false});
    EXPECT_EQ(tokenizer->decode(tokens), text);
    std::string streamed;
    Detokenizer stream(*tokenizer);
    for (const Token token : tokens) streamed += stream.push(token);
    streamed += stream.finish();
    EXPECT_TRUE(streamed == text || streamed == " " + text) << streamed;  // SPM: the space before the first word
  }
}

INSTANTIATE_TEST_SUITE_P(Tokenizers, RandomUnicode,
                         testing::Values("bert-bge", "deepseek-coder", "gpt-2", "llama-bpe", "llama-spm", "phi-3", "qwen2", "smollm2-135m",
                                         "gemma3-270m-q4_k_m"),
                         [](const auto& family) {
                           std::string name = family.param;
                           std::replace(name.begin(), name.end(), '-', '_');
                           return name;
                         });

}  // namespace
}  // namespace halfbyte
