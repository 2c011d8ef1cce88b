#include "store/ollama_store.h"

#include <algorithm>

#include "base/errors.h"
#include "base/file.h"
#include "base/json.h"

namespace halfbyte {
namespace {

constexpr uint64_t kLargestManifest = uint64_t{1} << 20;
constexpr uint64_t kLargestText = uint64_t{1} << 20;  // system, parameters
constexpr size_t kMostLayers = 1024;

Result<std::filesystem::path> blob(const std::filesystem::path& root, const std::filesystem::path& manifest, std::string_view digest) {
  const auto hex = parse_digest(digest);
  if (!hex) return corrupt("{}: layer digest '{}': expected sha256: and 64 hex digits", manifest.string(), escaped(digest));
  auto path = root / "blobs" / fmt::format("sha256-{}", *hex);
  std::error_code error;
  if (!std::filesystem::is_regular_file(path, error)) return corrupt("{}: its blob {} is not there", manifest.string(), path.string());
  return path;
}

std::vector<std::filesystem::path> entries(const std::filesystem::path& folder) {
  std::vector<std::filesystem::path> paths;
  std::error_code error;
  for (std::filesystem::directory_iterator it(folder, error), end; !error && it != end; it.increment(error)) paths.push_back(it->path());
  std::ranges::sort(paths);
  return paths;
}

}  // namespace

std::filesystem::path ollama_manifest(const std::filesystem::path& root, const OllamaName& name) {
  return root / "manifests" / name.host / name.space / name.model / name.tag;
}

Result<ResolvedModel> open_ollama_manifest(const std::filesystem::path& root, const OllamaName& name) {
  const auto manifest = ollama_manifest(root, name);
  HB_TRY_ASSIGN(text, read_text(manifest, kLargestManifest));
  HB_TRY_ASSIGN(json, parse_json(text, manifest.string()));
  const Json* layers = json.find("layers");
  if (layers == nullptr || layers->array() == nullptr) return corrupt("{}: no list of layers", manifest.string());
  if (layers->array()->size() > kMostLayers)
    return corrupt("{}: {} layers, at most {} are read", manifest.string(), layers->array()->size(), kMostLayers);

  ResolvedModel model{.name = short_form(name), .place = "Ollama store"};
  for (const Json& layer : *layers->array()) {
    const Json* type = layer.find("mediaType");
    const Json* digest = layer.find("digest");
    if (type == nullptr || type->text() == nullptr || digest == nullptr || digest->text() == nullptr)
      return corrupt("{}: a layer without mediaType or digest", manifest.string());
    const bool is_model = *type->text() == "application/vnd.ollama.image.model";
    const bool is_system = *type->text() == "application/vnd.ollama.image.system";
    const bool is_parameters = *type->text() == "application/vnd.ollama.image.params";
    if (!is_model && !is_system && !is_parameters) continue;
    HB_TRY_ASSIGN(path, blob(root, manifest, *digest->text()));
    if (is_model) {
      if (!model.path.empty()) return unsupported("{}: two model layers; this build reads one", manifest.string());
      model.path = path;
    } else {
      HB_TRY_ASSIGN(content, read_text(path, kLargestText));
      (is_system ? model.system : model.parameters) = std::move(content);
    }
  }
  if (model.path.empty()) return corrupt("{}: no model layer", manifest.string());
  return model;
}

std::vector<OllamaName> list_ollama(const std::filesystem::path& root) {
  std::vector<OllamaName> names;
  for (const auto& host : entries(root / "manifests"))
    for (const auto& space : entries(host))
      for (const auto& model : entries(space))
        for (const auto& tag : entries(model)) {
          const auto part = [](const std::filesystem::path& path) { return path.filename().string(); };
          if (auto name = parse_ollama_name(part(host) + "/" + part(space) + "/" + part(model) + ":" + part(tag))) names.push_back(*name);
        }
  return names;
}

}  // namespace halfbyte
