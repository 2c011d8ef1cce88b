// A Hugging Face cache as it lies on disk: models--<org>--<repo>/snapshots/<revision>/... are links to the files.
#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "halfbyte/result.h"
#include "store/model_name.h"

namespace halfbyte {

struct CachedModel {
  std::string quant;           // the last part of a GGUF file's name: "Q4_K_M"; of a snapshot with safetensors "safetensors"
  std::filesystem::path path;  // of the file, or of the snapshot's folder
};

std::filesystem::path hugging_face_folder(const std::filesystem::path& root, const HuggingFaceName& name);
// What the repository's main revision has (any, if the cache does not say which is main): GGUF files, the first of a sharded one, no
// vision towers; then the snapshot itself where it is a checkpoint, with a config.json and safetensors. Empty: the cache has none.
std::vector<CachedModel> cached_models(const std::filesystem::path& root, const HuggingFaceName& name);
// The one that `name.quant` means, letters of either case; without one, a GGUF file before a checkpoint. kInvalid: none or several fit;
// the message lists the choices.
Result<CachedModel> choose_cached(const std::vector<CachedModel>& models, const HuggingFaceName& name);
std::vector<HuggingFaceName> list_hugging_face(const std::filesystem::path& root);

}  // namespace halfbyte
