// Models that a training run left under artifacts/models/NAME: where they are, and which of them to take.
#pragma once

#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "base/json.h"

namespace halfbyte {

// `root`, else the nearest folder from here upwards that has artifacts/models, else here.
std::filesystem::path project_root(const std::filesystem::path& root);

// kInvalid: `name` is not letters, digits, '.', '_' and '-', and so no plain folder name.
Result<std::filesystem::path> artifact_folder(const std::filesystem::path& root, const std::string& name);

// The object in a JSON file, an empty one where the file is not there. kCorrupt: something else is in it.
Result<Json> read_json_object(const std::filesystem::path& file);

// The file, or the first of several, that holds the weights: GGUF, else safetensors, else model.pt.
std::optional<std::filesystem::path> artifact_weights(const std::filesystem::path& folder);

struct ArtifactChoice {
  std::optional<std::string> name;
  std::vector<std::string> tried;
};
// NAME-DPO, NAME-SFT or NAME; without a name suffix by suffix the strongest, and BaseLM last (ArtifactOptions says more).
Result<ArtifactChoice> choose_artifact(const std::filesystem::path& root, const std::optional<std::string>& name);

std::string artifact_family(const std::string& name);  // without -DPO or -SFT

}  // namespace halfbyte
