// The published test vectors of seven families, and the recorded prompts of two whole models when those are at hand.
#include <gtest/gtest.h>

#include <algorithm>
#include <sstream>

#include "base/json.h"
#include "text/test_files.h"

namespace halfbyte {
namespace {

struct Vector {
  std::string text;
  std::vector<Token> tokens;
};

std::vector<Vector> read_vectors(const std::string& path) {
  constexpr std::string_view kSeparator = "\n__ggml_vocab_test__\n";
  const std::string texts = slurp(path + ".inp");
  std::istringstream lines(slurp(path + ".out"));
  std::vector<Vector> vectors;
  size_t begin = 0;
  for (size_t end = texts.find(kSeparator); end != std::string::npos; end = texts.find(kSeparator, begin)) {
    Vector vector{texts.substr(begin, end - begin), {}};
    std::string line;
    std::getline(lines, line);
    std::istringstream ids(line);
    for (Token id = 0; ids >> id;) vector.tokens.push_back(id);
    vectors.push_back(std::move(vector));
    begin = end + kSeparator.size();
  }
  return vectors;
}

class Family : public testing::TestWithParam<const char*> {
 protected:
  std::string path() const { return vocabulary_path(GetParam()); }
};

TEST_P(Family, EncodesThePublishedVectors) {
  const auto tokenizer = open_tokenizer(path());
  ASSERT_NE(tokenizer, nullptr);
  const auto vectors = read_vectors(path());
  ASSERT_EQ(vectors.size(), 46u);
  for (const Vector& vector : vectors)
    EXPECT_EQ(tokenizer->encode(vector.text, {.parse_special = false}), vector.tokens) << "text: " << vector.text;
}

TEST_P(Family, DecodesWhatItEncoded) {
  if (GetParam() == std::string("bert-bge")) GTEST_SKIP() << "WordPiece lowers case and drops white space: it has no way back";
  const auto tokenizer = open_tokenizer(path());
  ASSERT_NE(tokenizer, nullptr);
  for (const Vector& vector : read_vectors(path())) EXPECT_EQ(tokenizer->decode(vector.tokens), vector.text);
}

INSTANTIATE_TEST_SUITE_P(Tokenizers, Family,
                         testing::Values("bert-bge", "deepseek-coder", "gpt-2", "llama-bpe", "llama-spm", "phi-3", "qwen2"),
                         [](const auto& family) {
                           std::string name = family.param;
                           std::replace(name.begin(), name.end(), '-', '_');
                           return name;
                         });

struct Model {
  const char* name;
  const char* golden;
};

class WholeModel : public testing::TestWithParam<Model> {};

TEST_P(WholeModel, EncodesTheGoldenPrompts) {
  const std::string path = model_path(GetParam().name);
  if (path.empty()) GTEST_SKIP() << "HALFBYTE_MODELS has no " << GetParam().name << ".gguf";
  const auto tokenizer = open_tokenizer(path);
  ASSERT_NE(tokenizer, nullptr);
  const std::string golden_path = std::string(HALFBYTE_TEST_DATA "/golden/") + GetParam().golden;
  const auto golden = parse_json(slurp(golden_path), golden_path);
  ASSERT_TRUE(golden) << golden.error().message;
  for (const Json& prompt : *golden->find("cases")->array()) {
    std::vector<Token> tokens;
    for (const Json& id : *prompt.find("tokens")->array()) tokens.push_back(static_cast<Token>(std::get<int64_t>(id.value)));
    EXPECT_EQ(tokenizer->encode(*prompt.find("prompt")->text(), {.add_special = true}), tokens) << *prompt.find("prompt")->text();
  }
}

INSTANTIATE_TEST_SUITE_P(Tokenizers, WholeModel,
                         testing::Values(Model{"smollm2-135m", "smollm2-135m-q4_1.json"},
                                         Model{"gemma3-270m-q4_k_m", "gemma3-270m-q4_k_m.json"}),
                         [](const auto& model) { return std::string(model.param.name).substr(0, model.index == 0 ? 7 : 6); });

}  // namespace
}  // namespace halfbyte
