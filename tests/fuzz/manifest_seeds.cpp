// Writes the corpus manifest_fuzz begins with: manifests with every kind of layer, broken ones, and names.
#include <cstdio>
#include <fstream>
#include <string>

namespace {

std::string layer(const std::string& kind, const std::string& digest) {
  return R"({"mediaType":"application/vnd.ollama.image.)" + kind + R"(","digest":")" + digest + R"(","size":1})";
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 2) {
    std::fprintf(stderr, "usage: manifest_seeds FOLDER\n");
    return 2;
  }
  int number = 0;
  const auto write = [&](const std::string& text) {
    std::ofstream(std::string(argv[1]) + "/seed-" + std::to_string(number++), std::ios::binary) << text;
  };
  const std::string digest = "sha256:" + std::string(64, 'a');
  const auto manifest = [&](const std::string& layers) {
    write(R"({"schemaVersion":2,"config":{"digest":")" + digest + R"("},"layers":[)" + layers + "]}");
  };
  manifest(layer("model", digest) + "," + layer("system", digest) + "," + layer("params", digest) + "," + layer("template", digest));
  for (const char* kind : {"license", "adapter", "projector", "messages", "embed", "draft", "tensor", "model"})
    manifest(layer("model", digest) + "," + layer(kind, digest));
  manifest(layer("model", "sha256:../../x"));
  manifest("{},1,null");
  for (const char* name : {"llama3.2:1b", "hf.co/org/repo:Q4_K_M", "localhost:5000/me/mine", "a//b", "..", "smolm2:135m"}) write(name);
  return 0;
}
