// A tokenizer.json read strictly, and the framing and sizes that the metadata beside it asks for.
#include "text/test_files.h"

namespace halfbyte {
namespace {

using Tokens = std::vector<Token>;

// A whole file around a BPE model of a, b, ab and <unk>; `more` are further members, each with a comma before it.
std::string small_file(const std::string& more = "", const std::string& model_more = "") {
  return R"({"version": "1.0", "model": {"type": "BPE", "unk_token": "<unk>", "vocab": {"<unk>": 0, "a": 1, "b": 2, "ab": 3}, "merges": ["a b"])" +
         model_more + "}" + more + "}";
}

Metadata metadata_of(const std::string& file) {
  Metadata metadata("dir");
  metadata.insert("tokenizer.huggingface.json", file);
  metadata.insert("general.architecture", std::string("llama"));
  return metadata;
}

std::unique_ptr<Tokenizer> opened(const Metadata& metadata) {
  auto tokenizer = Tokenizer::open(metadata);
  if (tokenizer) return std::move(*tokenizer);
  ADD_FAILURE() << tokenizer.error().message;
  return nullptr;
}

std::string refusal(const std::string& file) {
  const auto tokenizer = Tokenizer::open(metadata_of(file));
  return tokenizer ? "" : tokenizer.error().message;
}

std::string split_by(const std::string& pattern) {
  return small_file(R"(, "pre_tokenizer": {"type": "Split", "pattern": {"Regex": ")" + pattern +
                    R"("}, "behavior": "Isolated", "invert": false})");
}

TEST(TokenizerJsonFile, SpellsOutAWholeTokenizer) {
  const auto t = opened(metadata_of(small_file()));
  ASSERT_NE(t, nullptr);
  EXPECT_EQ(t->vocabulary_size(), 4);
  EXPECT_EQ(t->encode("abax"), (Tokens{3, 1, 0}));
}

TEST(TokenizerJsonFile, HasUnusedTokensUpToTheRowsOfTheEmbedding) {
  Metadata metadata = metadata_of(small_file());
  metadata.insert("llama.vocab_size", uint64_t{10});
  const auto t = opened(metadata);
  ASSERT_NE(t, nullptr);
  EXPECT_EQ(t->vocabulary_size(), 10);
  EXPECT_EQ(t->type(9), TokenType::kUnused);
  EXPECT_EQ(t->piece(9, true), "");
}

TEST(TokenizerJsonFile, LeavesOutAddedTokensWithoutAnEmbedding) {
  Metadata metadata = metadata_of(small_file(R"(, "added_tokens": [{"id": 4, "content": "<image>", "special": true}])"));
  metadata.insert("llama.vocab_size", uint64_t{4});
  const auto t = opened(metadata);
  ASSERT_NE(t, nullptr);
  EXPECT_EQ(t->vocabulary_size(), 4);
  EXPECT_EQ(t->warnings().size(), 1u);
}

TEST(TokenizerJsonFile, FollowsTheKeysOnBeginningAndEnd) {
  Metadata metadata = metadata_of(small_file());
  metadata.insert("tokenizer.ggml.bos_token_id", uint64_t{2});
  metadata.insert("tokenizer.ggml.add_bos_token", true);
  metadata.insert("tokenizer.ggml.eos_token_ids", std::vector<uint64_t>{1, 3});
  const auto t = opened(metadata);
  ASSERT_NE(t, nullptr);
  EXPECT_EQ(t->encode("a", {.add_special = true}), (Tokens{2, 1}));
  EXPECT_TRUE(t->ends_generation(1) && t->ends_generation(3) && !t->ends_generation(2));
}

TEST(TokenizerJsonFile, RefusesEveryTruncation) {
  const std::string file = small_file(R"(, "normalizer": {"type": "NFC"}, "decoder": {"type": "Fuse"})");
  for (size_t size = 0; size < file.size(); ++size) EXPECT_NE(refusal(file.substr(0, size)), "") << size;
}

TEST(TokenizerJsonRefusal, NamesWhatItDoesNotKnowAndWhere) {
  EXPECT_EQ(refusal(small_file(R"(, "normalizer": {"type": "Sequence", "normalizers": [{"type": "NFC"}, {"type": "Rot13"}]})")),
            "dir: tokenizer.json.normalizer.normalizers[1]: normalizer 'Rot13' is not supported");
  EXPECT_EQ(refusal(small_file(R"(, "pre_tokenizer": {"type": "UnicodeScripts"})")),
            "dir: tokenizer.json.pre_tokenizer: pre-tokenizer 'UnicodeScripts' is not supported");
  EXPECT_EQ(refusal(small_file(R"(, "decoder": {"type": "CTC"})")), "dir: tokenizer.json.decoder: decoder 'CTC' is not supported");
  EXPECT_EQ(refusal(small_file(R"(, "post_processor": {"type": "Odd"})")),
            "dir: tokenizer.json.post_processor: post-processor 'Odd' is not supported");
  EXPECT_EQ(refusal(small_file("", R"(, "dropout": 0.1)")),
            "dir: tokenizer.json: model.dropout: merges left out at random are not supported");
  EXPECT_EQ(refusal(small_file("", R"(, "new_idea": true)")), "dir: tokenizer.json: model: member 'new_idea' is not supported");
  EXPECT_EQ(refusal(R"({"version": "2.0", "model": {}})"), "dir: tokenizer.json: version '2.0', this build reads 1.0");
}

TEST(TokenizerJsonRefusal, NamesTwoTokensOfOneId) {
  EXPECT_EQ(refusal(R"({"version": "1.0", "model": {"type": "BPE", "vocab": {"a": 0, "b": 0}, "merges": []}})"),
            "dir: tokenizer.json: model.vocab: expected one token of id 0, found 'a' and 'b'");
  EXPECT_EQ(refusal(small_file(R"(, "added_tokens": [{"id": 1, "content": "c"}])")),
            "dir: tokenizer.json: added_tokens[0]: 'c' of id 1: expected the text the id has already, found 'a'");
  EXPECT_EQ(refusal(small_file(R"(, "added_tokens": [{"id": 7, "content": "a"}])")),
            "dir: tokenizer.json: added_tokens[0]: 'a' of id 7: expected the id the text has already, found 1");
}

TEST(TokenizerJsonRefusal, NamesAnIdFarAboveTheOthers) {
  EXPECT_EQ(refusal(R"({"version": "1.0", "model": {"type": "BPE", "vocab": {"a": 9000000}, "merges": []}})"),
            "dir: tokenizer.json: expected ids of about the number of tokens, 1, found 9000000");
}

TEST(TokenizerJsonRefusal, NamesAMergeOfNoTokens) {
  EXPECT_EQ(refusal(R"({"version": "1.0", "model": {"type": "BPE", "vocab": {"a": 0, "b": 1}, "merges": ["a b"]}})"),
            "dir: tokenizer.json: model.merges[0]: expected pieces of the vocabulary, found 'a' and 'b', which make 'ab'");
}

TEST(TokenizerJsonRefusal, NamesWhatAPatternHasTooMuch) {
  EXPECT_NE(refusal(split_by("(a)\\\\1")).find("'\\1' is not supported"), std::string::npos);
  EXPECT_NE(refusal(split_by("(a")).find("expected ')'"), std::string::npos);
  EXPECT_NE(refusal(split_by("\\\\p{Greek}")).find("the property 'Greek' is not supported"), std::string::npos);
  EXPECT_NE(refusal(split_by("(((a{999}){999}){999}){999}")).find("instructions"), std::string::npos);
  EXPECT_NE(refusal(split_by("(?:a*)*")).find("can match nothing"), std::string::npos);
}

TEST(TokenizerJsonPattern, OfExponentialTimeEndsAllTheSame) {
  const auto t = opened(metadata_of(split_by("(?:a+)+$|(?:a|aa)+b")));
  ASSERT_NE(t, nullptr);
  EXPECT_EQ(t->encode(std::string(100000, 'a') + "x").size(), 100001u);
}

TEST(TokenizerJson, TextsOfSpecialTokensCountBeforeIdsAndEveryEosEndsAReply) {
  Metadata metadata = metadata_of(R"({"version":"1.0","model":{"type":"WordLevel","unk_token":"u","vocab":{"u":0,"a":1,"b":2,"c":3}}})");
  metadata.insert("tokenizer.ggml.bos_token_id", uint64_t{1});
  metadata.insert("tokenizer.ggml.eos_token_id", uint64_t{2});
  metadata.insert("tokenizer.huggingface.bos_token", std::string());
  metadata.insert("tokenizer.huggingface.eos_token", std::string("c"));
  metadata.insert("tokenizer.huggingface.added_tokens", std::vector<std::string>{"a", "<x>", "<y>"});
  const auto t = opened(metadata);
  ASSERT_NE(t, nullptr);
  EXPECT_FALSE(t->bos());
  EXPECT_EQ(t->bos_text(), "");
  EXPECT_EQ(t->eos(), std::optional<Token>(3));
  EXPECT_EQ(t->eos_text(), "c");
  EXPECT_TRUE(t->ends_generation(2));
  EXPECT_TRUE(t->ends_generation(3));
  ASSERT_EQ(t->warnings().size(), 1u);
  EXPECT_EQ(t->warnings()[0], "tokenizer.json lacks 2 tokens of tokenizer_config.json or added_tokens.json, first '<x>': they stay text");
}

TEST(NoVocabulary, HasIdsAndNoText) {
  Metadata metadata("dir");
  metadata.insert("general.architecture", std::string("llama"));
  metadata.insert("llama.vocab_size", uint64_t{16});
  metadata.insert("tokenizer.ggml.model", std::string("no_vocab"));
  metadata.insert("tokenizer.ggml.eos_token_id", uint64_t{2});
  const auto t = opened(metadata);
  ASSERT_NE(t, nullptr);
  EXPECT_FALSE(t->has_text());
  EXPECT_EQ(t->vocabulary_size(), 16);
  EXPECT_EQ(t->encode("abc", {.add_special = true}), Tokens{});
  EXPECT_EQ(t->piece(3, true), "");
  EXPECT_EQ(t->decode(Tokens{1, 2, 3}, true), "");
  EXPECT_TRUE(t->ends_generation(2));
}

}  // namespace
}  // namespace halfbyte
