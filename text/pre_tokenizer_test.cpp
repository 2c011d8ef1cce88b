#include "text/pre_tokenizer.h"

#include <set>

#include "base/json.h"
#include "text/pre_tokenizer_families.h"
#include "text/test_files.h"

namespace halfbyte {
namespace {

std::vector<std::string> words(std::string_view name, std::string_view text) {
  const auto pre = PreTokenizer::open(name, "test");
  EXPECT_TRUE(pre) << pre.error().message;
  std::vector<std::string> cut;
  uint32_t begin = 0;
  for (const uint32_t end : pre->word_ends(text)) {
    cut.emplace_back(text.substr(begin, end - begin));
    begin = end;
  }
  return cut;
}

using Words = std::vector<std::string>;

// tests/data/text/record_splits.py ran each family's own patterns in the tokenizers library.
TEST(PreTokenizer, CutsAsTheFamiliesOwnPatternsDo) {
  const std::string path = HALFBYTE_TEST_DATA "/text/splits.json";
  const auto recorded = parse_json(slurp(path), path);
  ASSERT_TRUE(recorded) << recorded.error().message;
  const Json::Array& texts = *recorded->find("texts")->array();
  for (const JsonMember& family : *recorded->find("families")->object()) {
    const auto pre = PreTokenizer::open(family.key, "test");
    ASSERT_TRUE(pre) << pre.error().message;
    for (size_t i = 0; i < texts.size(); ++i) {
      std::vector<uint32_t> ends;
      uint32_t end = 0;
      for (const Json& length : *(*family.value.array())[i].array())
        ends.push_back(end += static_cast<uint32_t>(std::get<int64_t>(length.value)));
      EXPECT_EQ(pre->word_ends(*texts[i].text()), ends) << family.key << ": " << *texts[i].text();
    }
  }
}

TEST(PreTokenizer, EveryFamilyCutsAnyBytesWithoutLosingOne) {
  std::string bytes;
  for (int i = 0; i < 4096; ++i) bytes += static_cast<char>((i * 2654435761u) >> 13);
  for (const std::string_view name : pre_tokenizer_names()) {
    std::string together;
    for (const std::string& word : words(name, bytes)) {
      EXPECT_FALSE(word.empty()) << name;
      together += word;
    }
    EXPECT_EQ(together, bytes) << name;
  }
}

TEST(PreTokenizer, NamesAreListedOnce) {
  const auto names = pre_tokenizer_names();
  EXPECT_EQ(std::set<std::string_view>(names.begin(), names.end()).size(), names.size());
}

TEST(PreTokenizer, AnUnknownNameIsRefusedWithTheKnownOnes) {
  const auto pre = PreTokenizer::open("no-such", "a.gguf");
  ASSERT_FALSE(pre);
  EXPECT_EQ(pre.error().code, Code::kUnsupported);
  EXPECT_TRUE(pre.error().message.starts_with("a.gguf: tokenizer.ggml.pre: unknown pre-tokenizer 'no-such'; known: default, gpt-2, "))
      << pre.error().message;
}

TEST(PreTokenizer, DigitsAreGroupedAsTheFamilyDoes) {
  EXPECT_EQ(words("gpt-2", "a 12345"), (Words{"a", " 12345"}));
  EXPECT_EQ(words("smollm", "a 123"), (Words{"a", " ", "1", "2", "3"}));
  EXPECT_EQ(words("llama-bpe", "a 12345"), (Words{"a", " ", "123", "45"}));
  EXPECT_EQ(words("tiny_aya", "12345 12345x"), (Words{"12", "345", " ", "123", "45", "x"}));
  EXPECT_EQ(words("tiny_aya", "12345⅓"), (Words{"12", "345", "⅓"}));  // ½ is of \w in Oniguruma, ⅓ is not
  EXPECT_EQ(words("tiny_aya", "12345½"), (Words{"123", "45½"}));
}

TEST(PreTokenizer, TheLastBlankGoesToTheWordAfterIt) { EXPECT_EQ(words("gpt-2", "a   b  "), (Words{"a", "  ", " b", "  "})); }

TEST(PreTokenizer, SuffixesAreCutInTheCaseTheFamilyKnows) {
  EXPECT_EQ(words("gpt-2", "I'm I'M"), (Words{"I", "'m", " I", "'", "M"}));
  EXPECT_EQ(words("llama-bpe", "I'm I'M"), (Words{"I", "'m", " I", "'M"}));
  EXPECT_EQ(words("gpt-4o", "I'm I'M"), (Words{"I'm", " I'M"}));
  EXPECT_EQ(words("llama-bpe", "I'ſa"), (Words{"I", "'ſ", "a"}));  // the long s is an s
}

TEST(PreTokenizer, NewlinesStayWithThePunctuationBeforeThem) { EXPECT_EQ(words("qwen2", "a;\n\nb"), (Words{"a", ";\n\n", "b"})); }

}  // namespace
}  // namespace halfbyte
