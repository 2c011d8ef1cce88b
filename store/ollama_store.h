// An Ollama store as it lies on disk: manifests/<host>/<namespace>/<model>/<tag> names blobs/sha256-<hex> by their digests.
#pragma once

#include <filesystem>
#include <vector>

#include "halfbyte/result.h"
#include "store/model_name.h"
#include "store/model_store.h"

namespace halfbyte {

// Where the manifest is, or would be. Names that differ in case alone are one, where only one of them is there.
std::filesystem::path ollama_manifest(const std::filesystem::path& root, const OllamaName& name);
// The manifest exists. The errors are parse_ollama_manifest's; kCorrupt too when a blob is not there.
Result<ResolvedModel> open_ollama_manifest(const std::filesystem::path& root, const OllamaName& name);
std::vector<OllamaName> list_ollama(const std::filesystem::path& root);

}  // namespace halfbyte
