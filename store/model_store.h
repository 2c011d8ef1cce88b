// The models that are already on this machine, found by name or path and used in place.
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

#include "halfbyte/result.h"

namespace halfbyte {

// The model that is taken where none is named; `make` fetches it.
inline constexpr std::string_view kDefaultModel = "smollm2:135m";

// Folders to look in; an empty one is not looked in.
struct StoreLocations {
  std::filesystem::path fetched;              // what `make model` fetched
  std::vector<std::filesystem::path> ollama;  // each with manifests/ and blobs/
  std::filesystem::path hugging_face;         // with models--*/

  // HALFBYTE_MODELS, OLLAMA_MODELS, HF_HUB_CACHE, HF_HOME, or the usual places under HOME. Call it once, at the door.
  static StoreLocations from_environment();
};

struct ResolvedModel {
  std::string name;                   // as a user would type it
  std::string place;                  // "file", "directory", "fetched", "Ollama store", "Hugging Face cache"
  std::filesystem::path path;         // of the GGUF file, the first one if it is sharded; or of the directory
  std::string system;                 // system text that came with the model; may be empty
  std::string parameters;             // JSON of default options that came with it (Ollama's names); may be empty
  bool has_foreign_template = false;  // it came with a prompt template in a language that is not read (Go's)
  std::vector<std::string> notes;     // what came with it and is not taken though it changes answers, one line each
};

// Looks in this order: an existing file or a directory with a config.json, a fetched model, an Ollama store, a Hugging Face cache. kNotFound says
// which names are near, what the default is, and every place that was looked at; kInvalid: several files fit; kCorrupt: what was found contradicts itself.
Result<ResolvedModel> resolve_model(std::string_view model, const StoreLocations& locations);

// resolve_model() in the usual places.
Result<ResolvedModel> find_model(std::string_view model);

// All that resolve_model() would find by name.
std::vector<ResolvedModel> list_models(const StoreLocations& locations);

}  // namespace halfbyte
