#include "store/ollama_manifest.h"

#include <algorithm>

#include "base/errors.h"
#include "base/json.h"
#include "store/model_name.h"

namespace halfbyte {
namespace {

constexpr size_t kMostLayers = 1024;
constexpr std::string_view kTypes = "application/vnd.ollama.image.";

// Layers that are not the model itself, its system text or its parameters. All kinds that Ollama writes are here.
enum class Effect { kNone, kSaid, kRefused };
struct LayerKind {
  std::string_view name;
  Effect effect;
  std::string_view what;
};
constexpr LayerKind kOtherKinds[] = {
    {"license", Effect::kNone, ""},
    {"template", Effect::kNone, ""},  // the model file's own is taken; where it has none, that is said when it is opened
    {"embed", Effect::kNone, ""},     // cached embeddings of releases before 0.1.30
    {"adapter", Effect::kRefused,
     "an adapter (LoRA): without it another model would answer; open the model file itself, with the adapter as a LoRA adapter beside it"},
    {"projector", Effect::kSaid, "a projector for images: the model answers text only"},
    {"messages", Effect::kSaid, "messages that begin every conversation (MESSAGE)"},
    {"draft", Effect::kNone, ""},  // speed, not what is answered
};

Result<std::string> hex_of(const std::string& digest, const std::string& path) {
  const auto hex = parse_digest(digest);
  if (!hex) return corrupt("{}: layer digest '{}': expected sha256: and 64 hex digits", path, escaped(digest));
  return std::string(*hex);
}

}  // namespace

Result<OllamaManifest> parse_ollama_manifest(std::string_view text, const std::string& path) {
  HB_TRY_ASSIGN(json, parse_json(text, path));
  const Json* layers = json.find("layers");
  if (layers == nullptr || layers->array() == nullptr) return corrupt("{}: no list of layers", path);
  if (layers->array()->size() > kMostLayers)
    return corrupt("{}: {} layers, at most {} are read", path, layers->array()->size(), kMostLayers);

  OllamaManifest manifest;
  for (const Json& layer : *layers->array()) {
    const Json* type = layer.find("mediaType");
    const Json* digest = layer.find("digest");
    if (type == nullptr || type->text() == nullptr || digest == nullptr || digest->text() == nullptr)
      return corrupt("{}: a layer without mediaType or digest", path);
    std::string_view kind = *type->text();
    if (kind.starts_with(kTypes)) kind.remove_prefix(kTypes.size());
    std::string* const target = kind == "model"    ? &manifest.model
                                : kind == "system" ? &manifest.system
                                : kind == "params" ? &manifest.parameters
                                                   : nullptr;
    if (target != nullptr) {
      if (!target->empty()) return unsupported("{}: two {} layers; this build reads one", path, kind);
      HB_TRY_ASSIGN(hex, hex_of(*digest->text(), path));
      *target = std::move(hex);
      continue;
    }
    manifest.has_template |= kind == "template";
    const auto known = std::ranges::find(kOtherKinds, kind, &LayerKind::name);
    if (known == std::end(kOtherKinds))
      manifest.notes.push_back(fmt::format("a layer of an unknown kind, {}", escaped(*type->text())));
    else if (known->effect == Effect::kRefused)
      return unsupported("{}: the model has {}", path, known->what);
    else if (known->effect == Effect::kSaid)
      manifest.notes.emplace_back(known->what);
  }
  if (manifest.model.empty()) return corrupt("{}: no model layer", path);
  return manifest;
}

}  // namespace halfbyte
