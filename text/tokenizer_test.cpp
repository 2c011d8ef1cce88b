#include "text/tokenizer.h"

#include <algorithm>
#include <limits>
#include <thread>

#include "text/small_vocabulary.h"
#include "text/test_files.h"

namespace halfbyte {
namespace {

using Tokens = std::vector<Token>;
constexpr int kUnknown = 2, kControl = 3, kUserDefined = 4, kByte = 6;

std::unique_ptr<Tokenizer> opened(const Metadata& metadata) {
  auto tokenizer = Tokenizer::open(metadata);
  if (tokenizer) return std::move(*tokenizer);
  ADD_FAILURE() << tokenizer.error().message;
  return nullptr;
}

std::string refusal(const Metadata& metadata) {
  const auto tokenizer = Tokenizer::open(metadata);
  return tokenizer ? "" : tokenizer.error().message;
}

// Tokens 256 on: "ab", "abc", <|im_end|>, <tool>.
SmallVocabulary chat_vocabulary() {
  return byte_vocabulary().add("ab").add("abc").add("<|im_end|>", kControl).add("<tool>", kUserDefined).merge("a b").merge("ab c");
}

// Unknown 0, BOS 1, EOS 2, then pieces of "hello" where merging left to right would go wrong.
SmallVocabulary spm_vocabulary() {
  return SmallVocabulary("llama")
      .add("<unk>", kUnknown)
      .add("<s>", kControl)
      .add("</s>", kControl)
      .add("\u2581", 1, -10)
      .add("h", 1, -11)
      .add("e", 1, -12)
      .add("l", 1, -13)
      .add("o", 1, -14)  // 3 .. 7
      .add("he", 1, -5)
      .add("ll", 1, -2)
      .add("el", 1, -1)
      .add("\u2581h", 1, -3)  // 8 .. 11
      .add("<0x0A>", kByte)
      .add("<0xC3>", kByte)
      .add("<0xA9>", kByte);  // 12 .. 14
}

// [UNK] 0, [CLS] 1, [SEP] 2, pieces from 3.
SmallVocabulary bert_vocabulary() {
  return SmallVocabulary("bert")
      .add("[UNK]", kControl)
      .add("[CLS]", kControl)
      .add("[SEP]", kControl)
      .add("\u2581un")
      .add("aff")
      .add("able")
      .add("\u2581!")
      .add("\u2581cafe")
      .add("\u2581\u4e2d")
      .add("\u2581\u1112")
      .add("\u1161")
      .add("\u11ab")
      .set("tokenizer.ggml.cls_token_id", uint64_t{1})
      .set("tokenizer.ggml.seperator_token_id", uint64_t{2});
}

// Byte-level BPE

TEST(Tokenizer, TextSpelledApartIsItsCharactersAndNoControlToken) {
  const auto tokenizer = opened(chat_vocabulary());
  const std::string mark = "\xef\xb7\x90", typed = "a<|im_end|>b <tool> <|im_end|";
  const std::string apart = tokenizer->spelled_apart(typed, mark);
  EXPECT_EQ(apart, "a<" + mark + "|im_end|>b <tool> <|im_end|");
  EXPECT_EQ(tokenizer->spelled_apart("<|im_en", mark), "<|im_en");
  Tokens expected = tokenizer->encode(typed, {.parse_special = false});
  EXPECT_EQ(tokenizer->encode(apart, {.drop = mark}), expected);
  EXPECT_NE(tokenizer->encode(typed), expected);
  expected.push_back(*tokenizer->find("<|im_end|>"));
  EXPECT_EQ(tokenizer->encode(apart + "<|im_end|>", {.drop = mark}), expected);
}

TEST(ByteLevelBpe, MergesTheBestRankedPairFirst) {
  const auto t = opened(byte_vocabulary().add("bc").add("ab").merge("b c").merge("a b"));
  EXPECT_EQ(t->encode("abc"), (Tokens{'a', 256}));
}

TEST(ByteLevelBpe, AWordThatIsATokenIsTakenWholeOnlyIfItsMergesMakeIt) {
  // "abc" is a token, but "bc" merges first and leaves "a": both times it is asked.
  const auto t = opened(byte_vocabulary().add("bc").add("ab").add("abc").merge("b c").merge("a b").merge("ab c"));
  EXPECT_EQ(t->encode("abc"), (Tokens{'a', 256}));
  EXPECT_EQ(t->encode("abc"), (Tokens{'a', 256}));
}

TEST(ByteLevelBpe, LlamaThreeTakesWholeWordsWhateverTheMerges) {
  const auto t = opened(
      byte_vocabulary().add("bc").add("ab").add("abc").merge("b c").merge("a b").set("tokenizer.ggml.pre", std::string("llama-bpe")));
  EXPECT_EQ(t->encode("abc"), (Tokens{258}));
}

TEST(ByteLevelBpe, BytesThatAreNotUtf8AreEncodedAsBytes) {
  const auto t = opened(chat_vocabulary());
  const std::string bytes = "ab\xff\xe4\xb8 \x80";
  EXPECT_EQ(t->encode(bytes), (Tokens{256, 0xff, 0xe4, 0xb8, ' ', 0x80}));
  EXPECT_EQ(t->decode(t->encode(bytes)), bytes);
}

TEST(ByteLevelBpe, AMissingPreTokenizerIsAWarning) {
  const Metadata named = chat_vocabulary();
  Metadata metadata("old.gguf");
  for (const auto& [key, value] : named.all())
    if (key != "tokenizer.ggml.pre") metadata.insert(key, value);
  const auto t = opened(metadata);
  ASSERT_EQ(t->warnings().size(), 1u);
  EXPECT_EQ(t->warnings()[0], "tokenizer.ggml.pre is missing: words are cut as in files made before the key existed ('default')");
}

// SPM

TEST(Spm, MergesTheHighestScoreFirst) {
  const auto t = opened(spm_vocabulary());
  EXPECT_EQ(t->encode("hello"), (Tokens{11, 10, 6, 7}));  // _h el l o: "el" before "he" and "ll"
  EXPECT_EQ(t->decode(t->encode("hello")), "hello");
}

TEST(Spm, AddsNoSpaceWhenTheFileSaysSo) {
  const auto t = opened(spm_vocabulary().set("tokenizer.ggml.add_space_prefix", false));
  EXPECT_EQ(t->encode("he"), (Tokens{8}));
  EXPECT_EQ(t->decode(Tokens{11}), " h");
}

TEST(Spm, CharactersWithoutATokenBecomeBytesAndThenUnknown) {
  const auto t = opened(spm_vocabulary().set("tokenizer.ggml.add_space_prefix", false));
  EXPECT_EQ(t->encode("\u00e9\n"), (Tokens{13, 14, 12}));
  EXPECT_EQ(t->encode("?"), (Tokens{0}));
}

TEST(Spm, PlainTextNeverBecomesAControlToken) {
  const auto t = opened(
      spm_vocabulary().add("<", 1, -3).add("s", 1, -3).add(">", 1, -3).add("<s", 1, -3).set("tokenizer.ggml.add_space_prefix", false));
  EXPECT_EQ(t->encode("<s>", {.parse_special = false}), (Tokens{18, 17}));
  EXPECT_EQ(t->encode("<s>"), (Tokens{1}));
}

TEST(Spm, TextAfterASpecialTokenOpensWithASpaceAgain) {
  const auto t = opened(spm_vocabulary());
  EXPECT_EQ(t->encode("h<s>h", {.add_special = true}), (Tokens{1, 11, 1, 11}));
}

// WordPiece

TEST(WordPiece, TakesTheLongestPieces) {
  const auto t = opened(bert_vocabulary());
  EXPECT_EQ(t->encode("UnAffable!"), (Tokens{3, 4, 5, 6}));
  EXPECT_EQ(t->encode("unaffable", {.add_special = true}), (Tokens{1, 3, 4, 5, 2}));
  EXPECT_EQ(t->decode(Tokens{3, 4, 5, 6}), "unaffable !");
}

TEST(WordPiece, AWordWithAnUnknownPartIsUnknownAsAWhole) { EXPECT_EQ(opened(bert_vocabulary())->encode("unxable un"), (Tokens{0, 3})); }

TEST(WordPiece, AccentsGoAndIdeographsAreWords) {
  const auto t = opened(bert_vocabulary());
  EXPECT_EQ(t->encode("Caf\u00c9\u4e2d\u4e2d"), (Tokens{7, 8, 8}));
  EXPECT_EQ(t->encode("\ud55c"), (Tokens{9, 10, 11}));  // Hangul falls into its parts
}

TEST(WordPiece, CaseStaysWhenTheFileSaysSo) {
  EXPECT_EQ(opened(bert_vocabulary().set("tokenizer.ggml.normalizer.lowercase", false))->encode("Un un"), (Tokens{0, 3}));
}

TEST(WordPiece, WordsOfMoreThanAHundredCharactersAreUnknown) {
  std::string word = "un";
  while (word.size() < 100) word += "able";
  word.resize(98);
  EXPECT_EQ(opened(bert_vocabulary())->encode(word).size(), 25u);
  EXPECT_EQ(opened(bert_vocabulary())->encode(word + "able"), (Tokens{0}));
}

// Special tokens

TEST(SpecialTokens, AreParsedOnDemandAndUserDefinedOnesAlways) {
  const auto t = opened(chat_vocabulary());
  EXPECT_EQ(t->encode("ab<|im_end|>ab<tool>"), (Tokens{256, 258, 256, 259}));
  const auto plain = t->encode("<|im_end|><tool>", {.parse_special = false});
  EXPECT_EQ(plain.size(), 11u);
  EXPECT_EQ(plain.back(), 259);
}

TEST(SpecialTokens, TheLongestWinsAtOnePlace) {
  const auto t = opened(byte_vocabulary().add("\n\n", kUserDefined).add("\n\n\n", kUserDefined).add("\n\n\nx", kUserDefined));
  EXPECT_EQ(t->encode("\n\n\n\n\n\n\n"), (Tokens{257, 257, '\n'}));
}

TEST(SpecialTokens, PhiThreeDropsWhiteSpaceAfterThem) {
  const auto phi = [](std::string name) { return opened(chat_vocabulary().set("general.name", std::move(name))); };
  EXPECT_EQ(phi("Phi-3 mini")->encode("<|im_end|> \nab"), (Tokens{258, 256}));
  EXPECT_EQ(phi("Other")->encode("<|im_end|> \nab"), (Tokens{258, ' ', '\n', 256}));
}

TEST(SpecialTokens, ControlTokensHaveTextOnlyWhenAskedFor) {
  const auto t = opened(chat_vocabulary());
  EXPECT_EQ(t->piece(258), "");
  EXPECT_EQ(t->piece(258, true), "<|im_end|>");
  EXPECT_EQ(t->piece(259), "<tool>");
  EXPECT_EQ(t->piece(-1), "");
  EXPECT_EQ(t->piece(100000), "");
}

TEST(SpecialIds, BeginAndEndAreAddedAsTheFileAsks) {
  const auto t = opened(chat_vocabulary()
                            .set("tokenizer.ggml.bos_token_id", uint64_t{1})
                            .set("tokenizer.ggml.add_bos_token", true)
                            .set("tokenizer.ggml.eos_token_id", uint64_t{2})
                            .set("tokenizer.ggml.add_eos_token", true));
  EXPECT_EQ(t->encode("a", {.add_special = true}), (Tokens{1, 'a', 2}));
  EXPECT_EQ(t->encode("a"), (Tokens{'a'}));
  EXPECT_TRUE(t->adds_bos() && t->adds_eos());
}

Tokens ends_of(const Tokenizer& tokenizer) {
  Tokens ends;
  for (Token token = 0; token < tokenizer.vocabulary_size(); ++token)
    if (tokenizer.ends_generation(token)) ends.push_back(token);
  return ends;
}

TEST(SpecialIds, AReplyEndsAtEosAndAtEveryKnownEndOfTurn) {
  const auto t = opened(chat_vocabulary().set("tokenizer.ggml.eos_token_id", uint64_t{7}).set("tokenizer.ggml.eot_token_id", uint64_t{8}));
  EXPECT_EQ(ends_of(*t), (Tokens{7, 8, 258}));
  EXPECT_TRUE(t->ends_generation(258));
  EXPECT_FALSE(t->ends_generation(259));
}

TEST(SpecialIds, AnEndOfTurnOfAnotherTypeIsTakenAsControl) {
  const auto t = opened(byte_vocabulary().add("<|im_end|>", kUserDefined));
  EXPECT_EQ(t->type(256), TokenType::kControl);
  ASSERT_EQ(t->warnings().size(), 1u);
  EXPECT_EQ(t->warnings()[0], "token 256 '<|im_end|>' ends a reply but is not of type control; taken as control");
}

TEST(SpecialIds, StruckOutTextIsNoEndUnlessTheFileSaysSo) {
  EXPECT_FALSE(opened(byte_vocabulary().add("</s>", kUserDefined))->ends_generation(256));
  EXPECT_TRUE(opened(byte_vocabulary().add("</s>", kControl))->ends_generation(256));
  EXPECT_TRUE(opened(byte_vocabulary().add("</s>", kUserDefined).set("tokenizer.ggml.eos_token_id", uint64_t{256}))->ends_generation(256));
}

TEST(SpecialIds, GptOssEndsItsReplyWithReturnAndNotWithEnd) {
  const auto t = opened(byte_vocabulary().add("<|end|>", kControl).add("<|return|>", kControl).add("<|call|>", kControl));
  EXPECT_EQ(ends_of(*t), (Tokens{257, 258}));
}

// Refusals

TEST(VocabularyRefusal, NoTokens) {
  Metadata metadata("a.gguf");
  metadata.insert("tokenizer.ggml.model", std::string("gpt2"));
  EXPECT_EQ(refusal(metadata), "a.gguf: tokenizer.ggml.tokens: expected an array of strings, found nothing");
  EXPECT_EQ(refusal(SmallVocabulary("gpt2")), "small.gguf: tokenizer.ggml.tokens: expected 1 to 16777215 tokens, found 0");
}

TEST(VocabularyRefusal, ScoresOrTypesOfAnotherLength) {
  EXPECT_EQ(refusal(spm_vocabulary().set("tokenizer.ggml.scores", std::vector<double>(14))),
            "small.gguf: tokenizer.ggml.scores: expected 15 values, one for each token, found 14");
  EXPECT_EQ(refusal(spm_vocabulary().set("tokenizer.ggml.token_type", std::vector<int64_t>(16, 1))),
            "small.gguf: tokenizer.ggml.token_type: expected 15 values, one for each token, found 16");
}

TEST(VocabularyRefusal, AScoreThatIsNoNumberOrATypeThatIsNone) {
  EXPECT_EQ(refusal(SmallVocabulary("llama").add("a", 1, std::numeric_limits<double>::quiet_NaN())),
            "small.gguf: tokenizer.ggml.scores: token 0: expected a finite score, found nan");
  EXPECT_EQ(refusal(SmallVocabulary("llama").add("a").add("b", 7)),
            "small.gguf: tokenizer.ggml.token_type: token 1: expected a type from 0 to 6, found 7");
}

TEST(VocabularyRefusal, SpmWithoutScores) {
  Metadata metadata("a.gguf");
  metadata.insert("tokenizer.ggml.model", std::string("llama"));
  metadata.insert("tokenizer.ggml.tokens", std::vector<std::string>{"a"});
  EXPECT_EQ(refusal(metadata), "a.gguf: tokenizer.ggml.scores: expected a score for each token, found nothing");
}

TEST(VocabularyRefusal, BeginOrEndPastTheVocabulary) {
  EXPECT_EQ(refusal(byte_vocabulary().set("tokenizer.ggml.bos_token_id", uint64_t{256})),
            "small.gguf: tokenizer.ggml.bos_token_id: expected a token below 256, found 256");
  EXPECT_EQ(refusal(byte_vocabulary().set("tokenizer.ggml.eos_token_id", uint64_t{4294967295})),
            "small.gguf: tokenizer.ggml.eos_token_id: expected a token below 256, found 4294967295");
}

TEST(VocabularyRefusal, ATokenToAddThatTheFileDoesNotName) {
  EXPECT_EQ(refusal(byte_vocabulary().set("tokenizer.ggml.add_bos_token", true)),
            "small.gguf: tokenizer.ggml.add_bos_token is true: expected tokenizer.ggml.bos_token_id beside it, found nothing");
}

TEST(VocabularyRefusal, OtherIdsPastTheVocabularyAreOnlyWarnings) {
  const auto t = opened(byte_vocabulary().set("tokenizer.ggml.padding_token_id", uint64_t{256}));
  ASSERT_EQ(t->warnings().size(), 1u);
  EXPECT_EQ(t->warnings()[0], "tokenizer.ggml.padding_token_id: expected a token below 256, found 256; ignored");
}

TEST(VocabularyRefusal, BadByteTokens) {
  for (const std::string text : {"<0x-1>", "<0xZZ>", "<0x0a>", "<0x0>", "0x00", "<0x000>"})
    EXPECT_EQ(refusal(SmallVocabulary("llama").add(text, kByte)),
              "small.gguf: tokenizer.ggml.tokens: token 0 is of type byte: expected <0x00> to <0xFF>, found '" + text + "'");
  EXPECT_EQ(refusal(SmallVocabulary("llama").add("<0x00>", kByte).add("<0x00>", kByte)),
            "small.gguf: tokenizer.ggml.tokens: byte token <0x00>: expected once, found as 0 and 1");
}

TEST(VocabularyRefusal, AGiantToken) {
  EXPECT_EQ(refusal(SmallVocabulary("llama").add("a").add(std::string(10 << 20, 'a'))),
            "small.gguf: tokenizer.ggml.tokens: token 1: expected at most 65536 bytes, found 10485760");
}

TEST(VocabularyRefusal, MergesOfWhatIsNoToken) {
  EXPECT_EQ(refusal(byte_vocabulary().merge("a nosuch")),
            "small.gguf: tokenizer.ggml.merges: merge 0 'a nosuch': expected two tokens, found a piece that is none");
  EXPECT_EQ(refusal(byte_vocabulary().add("ab").merge("a b").merge("b a")),
            "small.gguf: tokenizer.ggml.merges: merge 1 'b a': expected a token as result, found none");
  EXPECT_EQ(refusal(byte_vocabulary().merge("ab")),
            "small.gguf: tokenizer.ggml.merges: merge 0 'ab': expected two pieces with a blank between");
}

TEST(VocabularyRefusal, AnUnknownModel) {
  EXPECT_EQ(refusal(SmallVocabulary("t5").add("a")), "small.gguf: tokenizer.ggml.model: unknown model 't5'; known: bert, gpt2, llama");
}

TEST(VocabularyRefusal, RepeatedTextsAreOnlyAWarning) {
  const auto t = opened(byte_vocabulary().add("ab").add("ab"));
  ASSERT_EQ(t->warnings().size(), 1u);
  EXPECT_EQ(t->warnings()[0],
            "tokenizer.ggml.tokens: 1 tokens repeat the text of another, first 257 ('ab'); text becomes the one of lowest id");
  EXPECT_EQ(t->find("ab"), 256);
}

TEST(Tokenizer, ManyThreadsGetTheTokensOneGets) {
  const auto reference = open_tokenizer(vocabulary_path("gpt-2")), shared = open_tokenizer(vocabulary_path("gpt-2"));
  ASSERT_TRUE(reference && shared);
  const std::string text = slurp(HALFBYTE_TEST_DATA "/golden/long.txt");
  const Tokens expected = reference->encode(text);
  std::vector<Tokens> found(4);
  std::vector<std::thread> threads;
  for (Tokens& tokens : found) threads.emplace_back([&] { tokens = shared->encode(text); });
  for (std::thread& thread : threads) thread.join();
  for (const Tokens& tokens : found) EXPECT_EQ(tokens, expected);
}

// A mebibyte of the texts that make merging quadratic when it is done naively: these would not end.
class Mebibyte : public testing::TestWithParam<const char*> {};

TEST_P(Mebibyte, IsEncodedAndComesBack) {
  const auto tokenizer = open_tokenizer(vocabulary_path(GetParam()));
  ASSERT_NE(tokenizer, nullptr);
  for (const std::string part : {"a", " ", "\n", "ab", "1", "\u4e2d", "\U0001f468\u200d\U0001f469", "!", "<|", "e\u0301", "\r\n "}) {
    std::string text;
    while (text.size() < (1 << 20)) text += part;
    EXPECT_EQ(tokenizer->decode(tokenizer->encode(text)), text) << part;
  }
}

INSTANTIATE_TEST_SUITE_P(Tokenizers, Mebibyte, testing::Values("gpt-2", "llama-bpe", "llama-spm", "deepseek-coder"),
                         [](const auto& family) {
                           std::string name = family.param;
                           std::replace(name.begin(), name.end(), '-', '_');
                           return name;
                         });

}  // namespace
}  // namespace halfbyte
