#include "store/model_name.h"

#include <gtest/gtest.h>

namespace halfbyte {
namespace {

std::string ollama(std::string_view text) {
  const auto name = parse_ollama_name(text);
  return name ? name->host + " " + name->space + " " + name->model + " " + name->tag : "refused";
}

std::string hugging_face(std::string_view text) {
  const auto name = parse_hugging_face_name(text);
  return name ? name->organization + " " + name->repository + " " + name->quant : "refused";
}

TEST(OllamaName, FillsInWhatIsNotSaid) {
  EXPECT_EQ(ollama("llama3.2"), "registry.ollama.ai library llama3.2 latest");
  EXPECT_EQ(ollama("llama3.2:1b"), "registry.ollama.ai library llama3.2 1b");
  EXPECT_EQ(ollama("me/mine:q4"), "registry.ollama.ai me mine q4");
  EXPECT_EQ(ollama("localhost:5000/me/mine"), "localhost:5000 me mine latest");
  EXPECT_EQ(ollama("hf.co/org/Repo-GGUF:Q4_K_M"), "hf.co org Repo-GGUF Q4_K_M");
}

TEST(OllamaName, ShortFormReadsBack) {
  for (const std::string name : {"llama3.2:latest", "me/mine:q4", "hf.co/org/repo:Q8_0"})
    EXPECT_EQ(short_form(*parse_ollama_name(name)), name);
}

TEST(OllamaName, NothingThatCouldLeaveTheStoreIsAName) {
  for (const std::string_view text :
       {"",         "..",   ".",     "../x",    "a/../b",    "/etc/passwd", "a//b", "a:",       ":b", "a:..",  "a/b/c/d",
        "a:b/c:d:", "a\\b", "a%2fb", ".hidden", "a:.hidden", "a b",         "a\nb", "\xc3\xa4", "-x", "a:b..c"})
    EXPECT_EQ(ollama(text), "refused") << text;
  EXPECT_EQ(ollama(std::string_view("a\0b", 3)), "refused");
  EXPECT_EQ(ollama(std::string(129, 'a')), "refused");
}

TEST(HuggingFaceName, HasAnOrganizationARepositoryAndMaybeAQuant) {
  EXPECT_EQ(hugging_face("org/Some.Repo-GGUF"), "org Some.Repo-GGUF ");
  EXPECT_EQ(hugging_face("hf.co/org/repo:q4_k_m"), "org repo q4_k_m");
  EXPECT_EQ(hugging_face("huggingface.co/org/repo"), "org repo ");
  for (const std::string_view text : {"repo", "a/b/c", "../b", "a/..", "a/b:", "a/b:..", "a/b:c/d", "/b", "a/"})
    EXPECT_EQ(hugging_face(text), "refused") << text;
}

TEST(Digest, IsSha256AndSixtyFourHexDigits) {
  const std::string hex(64, 'a');
  EXPECT_EQ(parse_digest("sha256:" + hex), hex);
  for (const std::string& text : {hex, "sha512:" + hex, "sha256:" + hex + "a", "sha256-" + hex, "sha256:" + std::string(64, 'A'),
                                  "sha256:../" + std::string(61, 'a'), std::string("sha256:")})
    EXPECT_FALSE(parse_digest(text)) << text;
}

}  // namespace
}  // namespace halfbyte
