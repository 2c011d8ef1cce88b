#include "store/model_store.h"

#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <fstream>

namespace halfbyte {
namespace {

namespace fs = std::filesystem;

const std::string kModelHex(64, 'a'), kSystemHex(64, 'b'), kParametersHex(64, 'c'), kMissingHex(64, 'd');

// A machine with a fetched model, an Ollama store and a Hugging Face cache.
class ModelStoreTest : public testing::Test {
 protected:
  void SetUp() override {
    root_ = fs::path(testing::TempDir()) / ("model_store_test." + std::to_string(::getpid()));
    locations_ = {.fetched = root_ / "fetched", .ollama = {root_ / "ollama"}, .hugging_face = root_ / "hub"};
  }
  void TearDown() override { fs::remove_all(root_); }

  fs::path write(const fs::path& path, std::string_view text) const {
    fs::create_directories((root_ / path).parent_path());
    std::ofstream(root_ / path, std::ios::binary) << text;
    return root_ / path;
  }
  static std::string layer(std::string_view kind, std::string_view digest) {
    return R"({"mediaType": "application/vnd.ollama.image.)" + std::string(kind) + R"(", "digest": ")" + std::string(digest) +
           R"(", "size": 1})";
  }
  void manifest(const fs::path& name, std::string_view layers) const {
    write("ollama/manifests" / name, R"({"schemaVersion": 2, "layers": [)" + std::string(layers) + "]}");
  }
  fs::path snapshot(const std::string& repository, const std::string& revision, const std::string& file) const {
    const fs::path blob = write("hub/models--" + repository + "/blobs/" + std::string(64, 'e'), "GGUF");
    const fs::path link = root_ / "hub" / ("models--" + repository) / "snapshots" / revision / file;
    fs::create_directories(link.parent_path());
    fs::create_symlink(blob, link);
    return link;
  }
  Result<ResolvedModel> resolve(std::string_view name) const { return resolve_model(name, locations_); }
  std::string refusal(std::string_view name) const {
    const auto found = resolve(name);
    return found ? "found " + found->path.string() : found.error().message;
  }

  fs::path root_;
  StoreLocations locations_;
};

TEST_F(ModelStoreTest, AnExistingFileIsTheModelWhateverItsName) {
  const auto path = write("anything", "GGUF");
  const auto found = resolve(path.string());
  ASSERT_TRUE(found) << found.error().message;
  EXPECT_EQ(found->path, path);
  EXPECT_EQ(found->place, "file");
}

TEST_F(ModelStoreTest, ADirectoryWithAConfigIsAModel) {
  fs::create_directories(root_ / "checkpoint");
  std::ofstream(root_ / "checkpoint" / "config.json") << "{}";
  const auto found = resolve((root_ / "checkpoint").string());
  ASSERT_TRUE(found) << found.error().message;
  EXPECT_EQ(found->path, root_ / "checkpoint");
  EXPECT_EQ(found->place, "directory");
}

TEST_F(ModelStoreTest, APathThatIsNotAFileIsRefusedWithoutASearch) {
  EXPECT_EQ(refusal((root_ / "no.gguf").string()), (root_ / "no.gguf").string() + ": no such file");
  fs::create_directories(root_ / "folder.gguf");
  EXPECT_EQ(refusal((root_ / "folder.gguf").string()),
            (root_ / "folder.gguf").string() + ": neither a regular file nor a directory with a config.json");
  ASSERT_EQ(::mkfifo((root_ / "pipe.gguf").c_str(), 0600), 0);
  EXPECT_EQ(refusal((root_ / "pipe.gguf").string()),
            (root_ / "pipe.gguf").string() + ": neither a regular file nor a directory with a config.json");
}

TEST_F(ModelStoreTest, AFetchedModelIsFoundByItsName) {
  const auto path = write("fetched/smollm2-135m.gguf", "GGUF");
  const auto found = resolve("smollm2:135m");
  ASSERT_TRUE(found) << found.error().message;
  EXPECT_EQ(found->path, path);
}

TEST_F(ModelStoreTest, AnOllamaModelBringsItsSystemTextAndParameters) {
  write("ollama/blobs/sha256-" + kModelHex, "GGUF");
  write("ollama/blobs/sha256-" + kSystemHex, "Be brief.");
  write("ollama/blobs/sha256-" + kParametersHex, R"({"temperature": 0})");
  manifest("registry.ollama.ai/library/tiny/latest",
           layer("model", "sha256:" + kModelHex) + "," + layer("license", "sha256:" + kMissingHex) + "," +
               layer("system", "sha256:" + kSystemHex) + "," + layer("params", "sha256:" + kParametersHex));
  const auto found = resolve("tiny");
  ASSERT_TRUE(found) << found.error().message;
  EXPECT_EQ(found->path, root_ / "ollama/blobs" / ("sha256-" + kModelHex));
  EXPECT_EQ(found->system, "Be brief.");
  EXPECT_EQ(found->parameters, R"({"temperature": 0})");
  EXPECT_EQ(found->name, "tiny:latest");
}

TEST_F(ModelStoreTest, AManifestThatContradictsItselfIsRefusedByName) {
  const std::string path = (root_ / "ollama/manifests/registry.ollama.ai/library/bad/latest").string();
  const auto with = [&](std::string_view layers) {
    manifest("registry.ollama.ai/library/bad/latest", layers);
    return refusal("bad");
  };
  write("ollama/blobs/sha256-" + kModelHex, "GGUF");
  const std::string good = layer("model", "sha256:" + kModelHex);
  EXPECT_EQ(with(""), path + ": no model layer");
  EXPECT_EQ(with("{}"), path + ": a layer without mediaType or digest");
  EXPECT_EQ(with("1"), path + ": a layer without mediaType or digest");
  EXPECT_EQ(with(layer("model", "sha256:../../etc/passwd")),
            path + ": layer digest 'sha256:../../etc/passwd': expected sha256: and 64 hex digits");
  EXPECT_EQ(with(layer("model", "sha256:" + kMissingHex)),
            path + ": its blob " + (root_ / "ollama/blobs/sha256-").string() + kMissingHex + " is not there");
  EXPECT_EQ(with(good + "," + good), path + ": two model layers; this build reads one");
  write("ollama/manifests/registry.ollama.ai/library/bad/latest", R"({"layers": [], "layers": []})");
  EXPECT_EQ(refusal("bad"), path + ": not valid JSON: duplicate key 'layers' before byte 22");
  write("ollama/manifests/registry.ollama.ai/library/bad/latest", R"([])");
  EXPECT_EQ(refusal("bad"), path + ": no list of layers");
  write("ollama/manifests/registry.ollama.ai/library/bad/latest", std::string((1 << 20) + 1, ' '));
  EXPECT_EQ(refusal("bad"), path + ": 1048577 bytes, at most 1048576 are read");
}

TEST_F(ModelStoreTest, TheOnlyFileOfAHuggingFaceRepositoryNeedsNoQuant) {
  const auto link = snapshot("org--repo", "abc", "Model-Q8_0.gguf");
  for (const std::string_view name : {"org/repo", "hf.co/org/repo", "org/repo:q8_0", "org/repo:Q8_0"}) {
    const auto found = resolve(name);
    ASSERT_TRUE(found) << found.error().message;
    EXPECT_EQ(found->path, link);
  }
}

TEST_F(ModelStoreTest, AQuantChoosesAmongSeveralFilesAndNoneListsThem) {
  snapshot("org--repo", "abc", "Model-Q4_K_M.gguf");
  const auto q4 = snapshot("org--repo", "abc", "Model-Q4_K.gguf");
  const auto sharded = snapshot("org--repo", "abc", "BF16/Model-BF16-00001-of-00002.gguf");
  snapshot("org--repo", "abc", "BF16/Model-BF16-00002-of-00002.gguf");
  snapshot("org--repo", "abc", "mmproj-F16.gguf");
  EXPECT_EQ(resolve("org/repo:q4_k")->path, q4);
  EXPECT_EQ(resolve("org/repo:bf16")->path, sharded);
  const std::string choices = "BF16 (Model-BF16-00001-of-00002.gguf), Q4_K (Model-Q4_K.gguf), Q4_K_M (Model-Q4_K_M.gguf)";
  EXPECT_EQ(refusal("org/repo"), "org/repo: several files fit; add one of these after a colon: " + choices);
  EXPECT_EQ(refusal("org/repo:M"), "org/repo: no file for 'M' in the Hugging Face cache; it has: " + choices);
}

TEST_F(ModelStoreTest, TheMainRevisionWinsOverOlderOnes) {
  snapshot("org--repo", "0ld", "Model-Q8_0.gguf");
  const auto link = snapshot("org--repo", "abc", "Model-Q8_0.gguf");
  write("hub/models--org--repo/refs/main", "abc\n");
  EXPECT_EQ(resolve("org/repo")->path, link);
}

TEST_F(ModelStoreTest, ASnapshotWithSafetensorsIsADirectoryOfItsRepository) {
  const auto config = snapshot("org--repo", "abc", "config.json");
  EXPECT_NE(refusal("org/repo").find("not found"), std::string::npos);
  snapshot("org--repo", "abc", "model.safetensors.index.json");
  for (const std::string_view name : {"org/repo", "hf.co/org/repo:safetensors", "org/repo:SafeTensors"}) {
    const auto found = resolve(name);
    ASSERT_TRUE(found) << found.error().message;
    EXPECT_EQ(found->path, config.parent_path());
    EXPECT_EQ(found->place, "Hugging Face cache");
  }
  ASSERT_EQ(list_models(locations_).size(), 1U);
  EXPECT_EQ(list_models(locations_).front().name, "org/repo:safetensors");
  write("hub/models--org--repo/refs/main", "abc");
  EXPECT_EQ(resolve("org/repo")->path, config.parent_path());
}

TEST_F(ModelStoreTest, AGgufFileIsTakenBeforeTheSafetensorsBesideIt) {
  const auto config = snapshot("org--repo", "abc", "config.json");
  snapshot("org--repo", "abc", "model.safetensors");
  const auto file = snapshot("org--repo", "abc", "Model-Q8_0.gguf");
  EXPECT_EQ(resolve("org/repo")->path, file);
  EXPECT_EQ(resolve("org/repo:safetensors")->path, config.parent_path());
}

TEST_F(ModelStoreTest, AModelThatIsNowhereIsRefusedWithWhatWouldBeFoundAndEveryPlaceLookedAt) {
  const std::string looked = "(looked at: no file of that name; no " +
                             (root_ / "ollama/manifests/registry.ollama.ai/org/repo/latest").string() +
                             "; no .gguf file and no safetensors in " + (root_ / "hub/models--org--repo").string() + ")";
  EXPECT_EQ(refusal("org/repo"),
            "model 'org/repo' not found: the default model is smollm2:135m, which `make model` fetches; or give the path of a .gguf file " +
                looked);
  write("fetched/smollm2-135m.gguf", "GGUF");
  EXPECT_EQ(
      refusal("org/repo"),
      "model 'org/repo' not found: on this machine: smollm2:135m; the default model is smollm2:135m; or give the path of a .gguf file " +
          looked);
  EXPECT_EQ(resolve("a b").error().code, Code::kNotFound);
  EXPECT_EQ(resolve("").error().code, Code::kInvalid);
}

TEST_F(ModelStoreTest, ANameThatIsNearlyRightIsOffered) {
  write("fetched/smollm2-135m.gguf", "GGUF");
  EXPECT_TRUE(refusal("smolm2:135m").starts_with("model 'smolm2:135m' not found: did you mean smollm2:135m? the default model is"));
}

TEST_F(ModelStoreTest, NamesThatDifferInCaseAloneAreOne) {
  write("fetched/smollm2-135m.gguf", "GGUF");
  write("ollama/blobs/sha256-" + kModelHex, "GGUF");
  manifest("hf.co/Foo/Bar-GGUF/Q4_K_M", layer("model", "sha256:" + kModelHex));
  manifest("registry.ollama.ai/library/two/latest", layer("model", "sha256:" + kModelHex));
  manifest("registry.ollama.ai/library/Two/latest", layer("model", "sha256:" + kMissingHex));
  for (const std::string_view name : {"SmolLM2:135M", "hf.co/foo/bar-gguf:q4_k_m", "HF.co/Foo/Bar-GGUF:Q4_K_M"}) {
    const auto found = resolve(name);
    EXPECT_TRUE(found) << found.error().message;
  }
  EXPECT_TRUE(resolve("two")) << "an exact name wins";
  EXPECT_FALSE(resolve("Two")) << "an exact name wins";
  EXPECT_FALSE(resolve("TWO")) << "either could be meant";
}

TEST_F(ModelStoreTest, WhatAnOllamaModelHasBeyondItsWeightsIsRefusedOrSaid) {
  write("ollama/blobs/sha256-" + kModelHex, "GGUF");
  const std::string model = layer("model", "sha256:" + kModelHex);
  manifest("registry.ollama.ai/library/a/latest", model + "," + layer("adapter", "sha256:" + kMissingHex));
  manifest("registry.ollama.ai/library/p/latest", model + "," + layer("projector", "sha256:" + kMissingHex));
  EXPECT_TRUE(
      refusal("a").ends_with("the model has an adapter (LoRA): without it another model would answer; open the model file itself, with the "
                             "adapter as a LoRA adapter beside it"));
  const auto found = resolve("p");
  ASSERT_TRUE(found) << found.error().message;
  EXPECT_EQ(found->notes, std::vector<std::string>{"a projector for images: the model answers text only"});
}

TEST_F(ModelStoreTest, ListsWhatItWouldFindAndLeavesOutWhatIsBroken) {
  write("fetched/smollm2-135m.gguf", "GGUF");
  write("ollama/blobs/sha256-" + kModelHex, "GGUF");
  manifest("registry.ollama.ai/library/tiny/1b", layer("model", "sha256:" + kModelHex));
  manifest("registry.ollama.ai/library/broken/1b", layer("model", "sha256:" + kMissingHex));
  snapshot("org--repo", "abc", "Model-Q8_0.gguf");
  std::vector<std::string> names;
  for (const ResolvedModel& model : list_models(locations_)) {
    names.push_back(model.name);
    EXPECT_EQ(resolve(model.name)->path, model.path);
  }
  EXPECT_EQ(names, (std::vector<std::string>{"smollm2:135m", "tiny:1b", "org/repo:Q8_0"}));
}

TEST(StoreLocations, FollowTheVariablesOfEachTool) {
  ::setenv("HALFBYTE_MODELS", "/a", 1);
  ::setenv("OLLAMA_MODELS", "/b", 1);
  ::setenv("HF_HOME", "/c", 1);
  ::unsetenv("HF_HUB_CACHE");
  const auto locations = StoreLocations::from_environment();
  EXPECT_EQ(locations.fetched, "/a");
  EXPECT_EQ(locations.ollama, std::vector<fs::path>{"/b"});
  EXPECT_EQ(locations.hugging_face, "/c/hub");
  ::setenv("HF_HUB_CACHE", "/d", 1);
  EXPECT_EQ(StoreLocations::from_environment().hugging_face, "/d");
}

}  // namespace
}  // namespace halfbyte
