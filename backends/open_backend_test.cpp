#include <gtest/gtest.h>
#include <unistd.h>

#include <fstream>

#include "backends/artifacts.h"
#include "halfbyte/backends.h"
#include "models/tiny_model.h"

namespace halfbyte {
namespace {

namespace fs = std::filesystem;

// A project folder that is taken away again.
class ArtifactTest : public testing::Test {
 protected:
  ArtifactTest() { fs::create_directories(models_); }
  ~ArtifactTest() override { fs::remove_all(root_); }

  void write(const std::string& name, const std::string& file, const std::string& text) {
    fs::create_directories(models_ / name);
    std::ofstream(models_ / name / file) << text;
  }
  std::string chosen(const std::optional<std::string>& name = {}) {
    const auto choice = choose_artifact(root_, name);
    return choice ? choice->name.value_or("none") : choice.error().message;
  }

  fs::path root_ = fs::temp_directory_path() / ("halfbyte-artifacts-" + std::to_string(::getpid()));
  fs::path models_ = root_ / "artifacts" / "models";
};

TEST_F(ArtifactTest, AFamilyNameTakesItsMostTrainedMember) {
  write("Tiny", "model.safetensors", "x");
  EXPECT_EQ(chosen("Tiny"), "Tiny");
  write("Tiny-SFT", "model.gguf", "x");
  EXPECT_EQ(chosen("Tiny"), "Tiny-SFT");
  write("Tiny-DPO", "model.gguf", "x");
  EXPECT_EQ(chosen("Tiny"), "Tiny-DPO");
  EXPECT_EQ(chosen("Tiny-SFT"), "Tiny-SFT");
  EXPECT_EQ(chosen("Other"), "none");
}

TEST_F(ArtifactTest, WithoutANameTheStrongestIsTakenAndBaseLmLast) {
  EXPECT_EQ(chosen(), "none");
  write("BaseLM", "model.gguf", "x");
  EXPECT_EQ(chosen(), "BaseLM");
  write("Small", "model.gguf", "x");
  write("Large", "model.gguf", "xxxx");
  EXPECT_EQ(chosen(), "Large");
  write("Small", "manifest.json", R"({"rank": 2})");
  EXPECT_EQ(chosen(), "Small");
  write("Weak-SFT", "model.gguf", "x");
  EXPECT_EQ(chosen(), "Weak-SFT");
}

TEST_F(ArtifactTest, ANameIsNoPath) {
  for (const char* name : {"", "..", "a/b", "../a", ".hidden", "a b"})
    EXPECT_EQ(open_artifact({.name = name, .root = root_}).error().code, Code::kInvalid) << name;
}

TEST_F(ArtifactTest, WhatIsNotThereSaysWhatWasTried) {
  const auto missing = open_artifact({.name = "Tiny", .root = root_});
  ASSERT_FALSE(missing);
  EXPECT_EQ(missing.error().code, Code::kNotFound);
  EXPECT_EQ(missing.error().message, "no model artifact in " + models_.string() + ": tried Tiny-DPO, Tiny-SFT, Tiny");
  write("Torch", "model.pt", "x");
  EXPECT_EQ(open_artifact({.name = "Torch", .root = root_}).error().code, Code::kUnsupported);
}

TEST_F(ArtifactTest, ASafetensorsDirectoryOpensInTheEngine) {
  fs::create_directories(models_);
  fs::copy(fs::path(HALFBYTE_TEST_DATA) / "tiny" / "llama-hd", models_ / "Llama-SFT");
  write("Llama-SFT", "manifest.json", R"({"kind": "hugging_face", "source": "a test"})");
  const auto backend = open_artifact({.name = "Llama", .root = root_});
  ASSERT_TRUE(backend) << backend.error().message;
  const BackendInfo info = (*backend)->info();
  EXPECT_EQ(info.name, "artifact");
  EXPECT_EQ(info.model_id, "Llama-SFT");
  EXPECT_EQ(info.extra.at("canonical_name"), "Llama");
  EXPECT_EQ(info.extra.at("kind"), "hugging_face");
}

TEST_F(ArtifactTest, AFieldOfAManifestThatIsNoTextIsNamed) {
  write("Small", "model.gguf", "x");
  write("Small", "manifest.json", R"({"canonical_name": "Small", "source": ["a", "b"]})");
  const auto refused = open_artifact({.name = "Small", .root = root_});
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, Code::kCorrupt);
  EXPECT_EQ(refused.error().message, (models_ / "Small" / "manifest.json").string() + ": source: expected text, found a list");
}

TEST_F(ArtifactTest, AGgufAnswers) {
  const TinyModelFile file(TinyModel{});
  fs::create_directories(models_ / "Tiny");
  fs::copy_file(file.path(), models_ / "Tiny" / "model.gguf");
  const auto backend = open_artifact({.name = "Tiny", .root = root_});
  ASSERT_TRUE(backend) << backend.error().message;
  const auto result = (*backend)->complete("Hello", {.max_new_tokens = 3, .sampling = {.temperature = 0}});
  ASSERT_TRUE(result) << result.error().message;
  EXPECT_EQ(result->backend.extra.at("artifact_dir"), (models_ / "Tiny").string());
}

TEST_F(ArtifactTest, ProdLmIsWhatItsManifestNames) {
  EXPECT_EQ(open_prodlm({}, root_).error().code, Code::kNotFound);
  write("ProdLM", "config.json", R"({"kind": "ollama_backend", "model_id": "m:1", "base_url": "http://h:1", "timeout": 5})");
  const auto backend = open_prodlm({}, root_);
  ASSERT_TRUE(backend) << backend.error().message;
  EXPECT_EQ((*backend)->info().name, "prodlm");
  EXPECT_EQ((*backend)->info().model_id, "m:1");
  EXPECT_EQ((*backend)->info().extra.at("base_url"), "http://h:1");
  EXPECT_EQ((*open_prodlm("other", root_))->info().model_id, "other");
  write("ProdLM", "config.json", R"({"kind": "something"})");
  EXPECT_EQ(open_prodlm({}, root_).error().code, Code::kInvalid);
  write("ProdLM", "config.json", "not JSON");
  EXPECT_EQ(open_prodlm({}, root_).error().code, Code::kCorrupt);
}

TEST(OpenBackend, TakesAKindWithItsModelOrWithout) {
  EXPECT_EQ((*open_backend("ollama"))->info().model_id, "llama3.2");
  EXPECT_EQ((*open_backend("ollama:llama3.2:3b"))->info().model_id, "llama3.2:3b");
  EXPECT_EQ((*open_backend("openai"))->info().model_id, "gpt-4o-mini");
  for (const char* word : {"", "nosuch", "mlx:x", "auto:x", ":x"}) EXPECT_EQ(open_backend(word).error().code, Code::kInvalid) << word;
  EXPECT_EQ(open_backend("local:/nosuch/model.gguf").error().code, Code::kNotFound);
}

TEST(OpenBackend, AnAddressStandsBehindTheNameAndIsNotShown) {
  const auto ollama = open_backend("ollama:llama3.2:3b@http://joe:s3cret@h:1/p");
  ASSERT_TRUE(ollama) << ollama.error().message;
  EXPECT_EQ((*ollama)->info().model_id, "llama3.2:3b");
  EXPECT_EQ((*ollama)->info().extra.at("base_url"), "http://h:1/p");
  EXPECT_EQ((*open_backend("openai@https://h/v1"))->info().extra.at("base_url"), "https://h/v1");
  EXPECT_EQ((*open_backend("openai:claude@20240620"))->info().model_id, "claude@20240620");
  for (const char* word :
       {"local:x@http://joe:s3cret@h", "nosuch@http://joe:s3cret@h", "ollama:m@ftp://joe:s3cret@h", "ollama:http://joe:s3cret@h"}) {
    const auto refused = open_backend(word);
    ASSERT_FALSE(refused) << word;
    EXPECT_EQ(refused.error().code, Code::kInvalid);
    EXPECT_EQ(refused.error().message.find("s3cret"), std::string::npos) << refused.error().message;
  }
  EXPECT_EQ(without_address("ollama:m@http://joe:p@ss@h"), "ollama:m");
  EXPECT_EQ(without_address("local:C://models/x.gguf"), "local:C://models/x.gguf");
}

}  // namespace
}  // namespace halfbyte
