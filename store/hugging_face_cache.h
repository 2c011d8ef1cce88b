// A Hugging Face cache as it lies on disk: models--<org>--<repo>/snapshots/<revision>/... are links to the files.
#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "halfbyte/result.h"
#include "store/model_name.h"

namespace halfbyte {

struct CachedGguf {
  std::string quant;  // the last part of the file's name: "Q4_K_M"
  std::filesystem::path path;
};

std::filesystem::path hugging_face_folder(const std::filesystem::path& root, const HuggingFaceName& name);
// GGUF files of the repository's main revision (of any, if the cache does not say which is main): the first of a sharded one, no
// vision towers. Empty: the cache has none.
std::vector<CachedGguf> cached_ggufs(const std::filesystem::path& root, const HuggingFaceName& name);
// The one that `name.quant` means, letters of either case. kInvalid: none or several fit; the message lists the choices.
Result<CachedGguf> choose_gguf(const std::vector<CachedGguf>& files, const HuggingFaceName& name);
std::vector<HuggingFaceName> list_hugging_face(const std::filesystem::path& root);

}  // namespace halfbyte
