#include "store/ollama_manifest.h"

#include <gtest/gtest.h>

namespace halfbyte {
namespace {

std::string layer(std::string_view kind, char digit = 'a') {
  return R"({"mediaType": "application/vnd.ollama.image.)" + std::string(kind) + R"(", "digest": "sha256:)" + std::string(64, digit) +
         R"(", "size": 1})";
}
Result<OllamaManifest> parse(const std::string& layers) {
  return parse_ollama_manifest(R"({"schemaVersion": 2, "layers": [)" + layers + "]}", "m");
}

TEST(OllamaManifest, NamesTheBlobsOfModelSystemTextAndParameters) {
  const auto manifest = parse(layer("model") + "," + layer("system", 'b') + "," + layer("params", 'c') + "," + layer("license", 'd'));
  ASSERT_TRUE(manifest) << manifest.error().message;
  EXPECT_EQ(manifest->model, std::string(64, 'a'));
  EXPECT_EQ(manifest->system, std::string(64, 'b'));
  EXPECT_EQ(manifest->parameters, std::string(64, 'c'));
  EXPECT_FALSE(manifest->has_template);
  EXPECT_TRUE(manifest->notes.empty());
}

TEST(OllamaManifest, AnAdapterIsRefusedByName) {
  const auto manifest = parse(layer("model") + "," + layer("adapter", 'b'));
  ASSERT_FALSE(manifest);
  EXPECT_EQ(manifest.error().code, Code::kUnsupported);
  EXPECT_EQ(manifest.error().message,
            "m: the model has an adapter (LoRA): without it another model would answer; open the model file itself, with the adapter as a "
            "LoRA adapter beside it");
}

TEST(OllamaManifest, LayersThatChangeAnswersAndAreNotTakenAreSaid) {
  const auto manifest = parse(layer("model") + "," + layer("projector") + "," + layer("messages") + "," + layer("template") + "," +
                              layer("new") + R"(,{"mediaType": "text/plain", "digest": "sha256:x"})");
  ASSERT_TRUE(manifest) << manifest.error().message;
  EXPECT_TRUE(manifest->has_template);
  EXPECT_EQ(
      manifest->notes,
      (std::vector<std::string>{"a projector for images: the model answers text only", "messages that begin every conversation (MESSAGE)",
                                "a layer of an unknown kind, application/vnd.ollama.image.new", "a layer of an unknown kind, text/plain"}));
}

TEST(OllamaManifest, ModelSystemAndParametersAreThereOnce) {
  EXPECT_EQ(parse(layer("model") + "," + layer("model", 'b')).error().message, "m: two model layers; this build reads one");
  EXPECT_EQ(parse(layer("model") + "," + layer("params") + "," + layer("params")).error().message,
            "m: two params layers; this build reads one");
  EXPECT_EQ(parse(layer("tensor")).error().message, "m: no model layer");
}

}  // namespace
}  // namespace halfbyte
