// An Ollama store as it lies on disk: manifests/<host>/<namespace>/<model>/<tag> names blobs/sha256-<hex> by their digests.
#pragma once

#include <filesystem>
#include <vector>

#include "halfbyte/result.h"
#include "store/model_name.h"
#include "store/model_store.h"

namespace halfbyte {

std::filesystem::path ollama_manifest(const std::filesystem::path& root, const OllamaName& name);
// The manifest exists. kCorrupt: it is malformed, names no model layer, or a blob is not there.
Result<ResolvedModel> open_ollama_manifest(const std::filesystem::path& root, const OllamaName& name);
std::vector<OllamaName> list_ollama(const std::filesystem::path& root);

}  // namespace halfbyte
