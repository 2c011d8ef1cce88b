// The published test vectors of seven families, and the recorded prompts of two whole models when those are at hand.
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <sstream>

#include "formats/checkpoint.h"
#include "text/tokenizer.h"

namespace halfbyte {
namespace {

std::string slurp(const std::filesystem::path& path) {
  std::ifstream file(path, std::ios::binary);
  std::stringstream bytes;
  bytes << file.rdbuf();
  return bytes.str();
}

std::unique_ptr<Tokenizer> open(const std::filesystem::path& path) {
  auto checkpoint = open_gguf(path);
  if (!checkpoint) {
    ADD_FAILURE() << checkpoint.error().message;
    return nullptr;
  }
  auto tokenizer = Tokenizer::open(checkpoint->metadata);
  if (!tokenizer) {
    ADD_FAILURE() << tokenizer.error().message;
    return nullptr;
  }
  return std::move(*tokenizer);
}

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
  std::string path() const { return std::string(HALFBYTE_TEST_DATA "/tokenizers/ggml-vocab-") + GetParam() + ".gguf"; }
};

TEST_P(Family, EncodesThePublishedVectors) {
  const auto tokenizer = open(path());
  ASSERT_NE(tokenizer, nullptr);
  const auto vectors = read_vectors(path());
  ASSERT_EQ(vectors.size(), 46u);
  for (const Vector& vector : vectors)
    EXPECT_EQ(tokenizer->encode(vector.text, {.parse_special = false}), vector.tokens) << "text: " << vector.text;
}

TEST_P(Family, DecodesWhatItEncoded) {
  if (GetParam() == std::string("bert-bge")) GTEST_SKIP() << "WordPiece lowers case and drops white space: it has no way back";
  const auto tokenizer = open(path());
  ASSERT_NE(tokenizer, nullptr);
  for (const Vector& vector : read_vectors(path())) EXPECT_EQ(tokenizer->decode(vector.tokens), vector.text);
}

INSTANTIATE_TEST_SUITE_P(Tokenizers, Family, testing::Values("bert-bge", "deepseek-coder", "gpt-2", "llama-bpe", "llama-spm", "phi-3", "qwen2"),
                         [](const auto& family) {
                           std::string name = family.param;
                           std::replace(name.begin(), name.end(), '-', '_');
                           return name;
                         });

}  // namespace
}  // namespace halfbyte
