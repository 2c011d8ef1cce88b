// What the tokenizers library makes of a thousand texts with small tokenizers of every kind (tests/data/text/record_tokenizer_json.py).
#include <algorithm>

#include "base/errors.h"
#include "base/utf8.h"
#include "text/test_files.h"

namespace halfbyte {
namespace {

const std::string kFolder = HALFBYTE_TEST_DATA "/text/tokenizer_json/";

class Record {
 public:
  explicit Record(const std::string& name) : bytes_(slurp(kFolder + name)) {}
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
  std::vector<Token> tokens() {
    std::vector<Token> tokens(number());
    for (Token& token : tokens) token = static_cast<Token>(number());
    return tokens;
  }
  uint64_t hash() {
    uint64_t value = 0;
    for (unsigned shift = 0; shift < 64; shift += 8) value |= static_cast<uint64_t>(static_cast<uint8_t>(bytes_.at(at_++))) << shift;
    return value;
  }

 private:
  std::string bytes_;
  size_t at_ = 0;
};

uint64_t fnv1a(std::string_view text) {
  uint64_t value = 0xcbf29ce484222325u;
  for (const char c : text) value = (value ^ static_cast<uint8_t>(c)) * 0x100000001b3u;
  return value;
}

// The library writes U+FFFD where we give bytes that are no UTF-8.
std::string with_replacements(std::string_view bytes) {
  std::string text;
  for (size_t at = 0; at < bytes.size();) {
    const Utf8Character c = read_utf8(bytes, at);
    append_utf8(text, c.code_point);
    at += c.bytes;
  }
  return text;
}

std::vector<std::string> recorded_texts() {
  Record record("texts");
  std::vector<std::string> texts;
  while (!record.ended()) texts.push_back(record.text());
  return texts;
}

class TokenizerJson : public testing::TestWithParam<const char*> {
 protected:
  void SetUp() override {
    const std::string name = GetParam();
    Metadata metadata(name);
    metadata.insert("tokenizer.huggingface.json", slurp(kFolder + name + ".json"));
    auto opened = Tokenizer::open(metadata);
    ASSERT_TRUE(opened) << opened.error().message;
    tokenizer = std::move(*opened);
    ASSERT_EQ(texts.size(), 1000u);
  }
  std::unique_ptr<Tokenizer> tokenizer;
  const std::vector<std::string> texts = recorded_texts();
  Record record{std::string(GetParam()) + ".ids"};
  const std::vector<Token> before = record.tokens(), after = record.tokens();
};

TEST_P(TokenizerJson, EncodesAThousandTextsAsTheLibraryDoes) {
  int different = 0;
  for (const std::string& text : texts) {
    const std::vector<Token> tokens = record.tokens();
    record.hash();
    record.hash();
    if (tokenizer->encode(text) == tokens || ++different > 5) continue;
    EXPECT_EQ(tokenizer->encode(text), tokens) << "text: " << escaped(text, 200);
  }
  EXPECT_EQ(different, 0);
  EXPECT_TRUE(record.ended());
}

TEST_P(TokenizerJson, DecodesThemAsTheLibraryDoes) {
  int different = 0;
  for (const std::string& text : texts) {
    const std::vector<Token> tokens = record.tokens();
    for (const bool special : {false, true}) {
      const std::string decoded = with_replacements(tokenizer->decode(tokens, special));
      if (fnv1a(decoded) == record.hash() || ++different > 5) continue;
      ADD_FAILURE() << "special: " << special << ", text: " << escaped(text, 200) << ", decoded: " << escaped(decoded, 200);
    }
  }
  EXPECT_EQ(different, 0);
}

TEST_P(TokenizerJson, FramesATextAsTheLibraryDoes) {
  const std::vector<Token> inner = tokenizer->encode("a");
  std::vector<Token> framed = before;
  framed.insert(framed.end(), inner.begin(), inner.end());
  framed.insert(framed.end(), after.begin(), after.end());
  EXPECT_EQ(tokenizer->encode("a", {.add_special = true}), framed);
}

TEST_P(TokenizerJson, StreamsWhatItDecodes) {
  for (const std::string& text : texts) {
    const std::vector<Token> tokens = tokenizer->encode(text);
    std::string streamed;
    for (const Token token : tokens) streamed += tokenizer->piece(token);
    const std::string decoded = tokenizer->decode(tokens);
    // Only the first token may differ: a stream cannot know whether it is the first.
    EXPECT_TRUE(streamed == decoded || streamed == " " + decoded || "##" + streamed == decoded)
        << escaped(streamed) << " / " << escaped(decoded);
  }
}

TEST_P(TokenizerJson, TakesAMebibyteOfAnyOneThingInLinearTime) {
  for (const std::string part : {"a", " ", "\n", "1", "the ", "\u00e9", "\u2581", "\u0301", "=", "<", "\xff"}) {
    std::string text;
    while (text.size() < size_t{1} << 20) text += part;
    EXPECT_LE(tokenizer->encode(text).size(), 2 * text.size() + 2);  // quadratic time would run into the test's time limit
  }
}

INSTANTIATE_TEST_SUITE_P(Tokenizers, TokenizerJson,
                         testing::Values("gpt2", "roberta", "llama3", "qwen2", "gpt4o", "cl100k", "kimi", "clip", "llama2",
                                         "llama2_metaspace", "gemma", "unfused_unknown", "unigram", "unigram_charsmap", "bert_uncased",
                                         "bert_cased", "word_level"),
                         [](const auto& kind) { return std::string(kind.param); });

}  // namespace
}  // namespace halfbyte
