// A manifest of an Ollama store, or a model's name.
#include <algorithm>
#include <cstdlib>

#include "store/model_name.h"
#include "store/near_names.h"
#include "store/ollama_manifest.h"

namespace {

using namespace halfbyte;

void require(bool holds) {
  if (!holds) std::abort();
}

bool is_hex(const std::string& digest) {
  return digest.size() == 64 && std::ranges::all_of(digest, [](char c) { return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f'); });
}

// What becomes part of a path stays one part of it.
bool is_part(const std::string& text) {
  return !text.empty() && text.front() != '.' && text.find('/') == std::string::npos && text.find('\0') == std::string::npos &&
         text.find("..") == std::string::npos;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const std::string_view input(reinterpret_cast<const char*>(data), size);
  if (const auto manifest = parse_ollama_manifest(input, "fuzz")) {
    require(is_hex(manifest->model));
    require(manifest->system.empty() || is_hex(manifest->system));
    require(manifest->parameters.empty() || is_hex(manifest->parameters));
  } else {
    require(!manifest.error().message.empty());
  }
  if (const auto name = parse_ollama_name(input)) {
    require(is_part(name->host) && is_part(name->space) && is_part(name->model) && is_part(name->tag));
    const auto again = parse_ollama_name(short_form(*name));
    require(again && short_form(*again) == short_form(*name));
  }
  if (const auto name = parse_hugging_face_name(input)) require(is_part(name->organization) && is_part(name->repository));
  const std::string known[] = {"smollm2:135m", "org/Repo-GGUF:Q4_K_M"};
  require(near_names(input, known).size() <= 2);
  return 0;
}
