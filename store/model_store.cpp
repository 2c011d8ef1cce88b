#include "store/model_store.h"

#include <algorithm>
#include <cstdlib>
#include <optional>

#include "base/errors.h"
#include "store/hugging_face_cache.h"
#include "store/model_name.h"
#include "store/near_names.h"
#include "store/ollama_store.h"

namespace halfbyte {
namespace {

struct FetchedModel {
  std::string_view name;
  std::string_view file;
  std::string_view target;  // of make
};
// The same names and files as in scripts/fetch_model.py.
constexpr FetchedModel kFetched[] = {
    {kDefaultModel, "smollm2-135m.gguf", "model"},
    {"gemma3:270m", "gemma3-270m-q4_k_m.gguf", "test-models"},
};

std::filesystem::path from_variable(const char* name) {
  const char* value = std::getenv(name);
  return value == nullptr ? std::filesystem::path() : std::filesystem::path(value);
}

bool is_file(const std::filesystem::path& path) {
  std::error_code error;
  return std::filesystem::is_regular_file(path, error);
}

bool is_something(const std::filesystem::path& path) {
  std::error_code error;
  return std::filesystem::exists(path, error);
}

bool looks_like_a_path(std::string_view model) {
  return model.ends_with(".gguf") || model.starts_with('/') || model.starts_with("./") || model.starts_with("../") ||
         model.starts_with('~');
}

// What was tried, for the message when nothing was found.
class Search {
 public:
  void tried(std::string place) { tried_ += (tried_.empty() ? "" : "; ") + std::move(place); }
  // First what would be found, then where it was looked for.
  Error failed(std::string_view model, const StoreLocations& locations) const {
    std::vector<std::string> names;
    for (const ResolvedModel& here : list_models(locations)) names.push_back(here.name);
    const bool has_default = std::ranges::find(names, kFetched[0].name) != names.end();
    const std::vector<std::string> near = near_names(model, names);
    std::string offer;
    if (!near.empty()) offer += fmt::format("did you mean {}? ", fmt::join(near, " or "));
    if (near.empty() && !names.empty())
      offer += fmt::format("on this machine: {}{}; ", fmt::join(std::span(names).first(std::min(names.size(), kMostNamed)), ", "),
                           names.size() > kMostNamed ? fmt::format(" and {} more (`halfbyte list`)", names.size() - kMostNamed) : "");
    offer += fmt::format("the default model is {}{}; or give the path of a .gguf file", kFetched[0].name,
                         has_default ? "" : ", which `make model` fetches");
    return not_found("model '{}' not found: {} (looked at: {})", escaped(model), offer, tried_);
  }

 private:
  static constexpr size_t kMostNamed = 8;
  std::string tried_;
};

using Found = std::optional<ResolvedModel>;

Result<Found> among_fetched(std::string_view model, const StoreLocations& locations, Search& search) {
  for (const FetchedModel& known : kFetched) {
    if (!equal_but_for_case(model, known.name) || locations.fetched.empty()) continue;
    const auto path = locations.fetched / known.file;
    if (is_file(path)) return Found(ResolvedModel{.name = std::string(known.name), .place = "fetched", .path = path});
    search.tried(fmt::format("no {} (`make {}` fetches it)", path.string(), known.target));
  }
  return Found();
}

Result<Found> in_ollama_stores(std::string_view model, const StoreLocations& locations, Search& search) {
  const auto name = parse_ollama_name(model);
  if (!name) return Found();
  for (const auto& root : locations.ollama) {
    if (const auto manifest = ollama_manifest(root, *name); !is_file(manifest)) {
      search.tried(fmt::format("no {}", manifest.string()));
      continue;
    }
    HB_TRY_ASSIGN(found, open_ollama_manifest(root, *name));
    return Found(std::move(found));
  }
  return Found();
}

Result<Found> in_hugging_face_cache(std::string_view model, const StoreLocations& locations, Search& search) {
  const auto name = parse_hugging_face_name(model);
  if (!name || locations.hugging_face.empty()) return Found();
  const auto models = cached_models(locations.hugging_face, *name);
  if (models.empty()) {
    search.tried(fmt::format("no .gguf file and no safetensors in {}", hugging_face_folder(locations.hugging_face, *name).string()));
    return Found();
  }
  HB_TRY_ASSIGN(chosen, choose_cached(models, *name));
  return Found(ResolvedModel{.name = std::string(model), .place = "Hugging Face cache", .path = chosen.path});
}

}  // namespace

StoreLocations StoreLocations::from_environment() {
  const auto home = from_variable("HOME");
  const auto cache = !from_variable("XDG_CACHE_HOME").empty() ? from_variable("XDG_CACHE_HOME") : home.empty() ? home : home / ".cache";
  StoreLocations out;
  out.fetched = from_variable("HALFBYTE_MODELS");
  if (out.fetched.empty() && !cache.empty()) out.fetched = cache / "halfbyte" / "models";
  if (const auto given = from_variable("OLLAMA_MODELS"); !given.empty()) {
    out.ollama = {given};
  } else {
    if (!home.empty()) out.ollama.push_back(home / ".ollama" / "models");
    out.ollama.emplace_back("/usr/share/ollama/.ollama/models");  // where Ollama's service on Linux keeps them
  }
  out.hugging_face = from_variable("HF_HUB_CACHE");
  if (out.hugging_face.empty()) {
    const auto hf_home = from_variable("HF_HOME");
    if (!hf_home.empty())
      out.hugging_face = hf_home / "hub";
    else if (!cache.empty())
      out.hugging_face = cache / "huggingface" / "hub";
  }
  return out;
}

Result<ResolvedModel> resolve_model(std::string_view model, const StoreLocations& locations) {
  if (model.empty()) return invalid("no model named: expected the path of a .gguf file or a name such as {}", kFetched[0].name);
  if (model.find('\0') != std::string_view::npos) return invalid("model '{}': a name has no zero byte", escaped(model));
  const std::filesystem::path path(model);
  if (is_file(path)) return ResolvedModel{.name = std::string(model), .place = "file", .path = path};
  if (is_file(path / "config.json")) return ResolvedModel{.name = std::string(model), .place = "directory", .path = path};
  if (looks_like_a_path(model)) {
    if (is_something(path)) return invalid("{}: neither a regular file nor a directory with a config.json", escaped(model));
    return not_found("{}: no such file", escaped(model));
  }
  Search search;
  search.tried("no file of that name");
  for (const auto look : {among_fetched, in_ollama_stores, in_hugging_face_cache}) {
    HB_TRY_ASSIGN(found, look(model, locations, search));
    if (found) return std::move(*found);
  }
  return search.failed(model, locations);
}

Result<ResolvedModel> find_model(std::string_view model) { return resolve_model(model, StoreLocations::from_environment()); }

std::vector<ResolvedModel> list_models(const StoreLocations& locations) {
  std::vector<ResolvedModel> models;
  for (const FetchedModel& known : kFetched)
    if (const auto path = locations.fetched / known.file; !locations.fetched.empty() && is_file(path))
      models.push_back({.name = std::string(known.name), .place = "fetched", .path = path});
  for (const auto& root : locations.ollama)
    for (const OllamaName& name : list_ollama(root))
      if (auto found = open_ollama_manifest(root, name)) models.push_back(std::move(*found));
  if (locations.hugging_face.empty()) return models;
  for (const HuggingFaceName& name : list_hugging_face(locations.hugging_face))
    for (const CachedModel& model : cached_models(locations.hugging_face, name))
      models.push_back({.name = fmt::format("{}/{}:{}", name.organization, name.repository, model.quant),
                        .place = "Hugging Face cache",
                        .path = model.path});
  return models;
}

}  // namespace halfbyte
