// The texts of a Hugging Face directory from the fuzzer, a byte 0 between them: config.json, generation_config.json,
// tokenizer_config.json, special_tokens_map.json.
#include <algorithm>
#include <cstdlib>
#include <map>

#include "formats/hugging_face_config.h"
#include "formats/hugging_face_tokens.h"

namespace {

using namespace halfbyte;

constexpr std::string_view kNames[] = {"config.json", "generation_config.json", "tokenizer_config.json", "special_tokens_map.json"};

void require(bool holds) {
  if (!holds) std::abort();
}

class TextsInMemory final : public CheckpointTexts {
 public:
  explicit TextsInMemory(std::string_view input) {
    for (const std::string_view name : kNames) {
      const size_t end = std::min(input.find('\0'), input.size());
      texts_.emplace(name, input.substr(0, end));
      input.remove_prefix(std::min(end + 1, input.size()));
    }
  }
  std::string where() const override { return "fuzz"; }
  std::string path_of(std::string_view name) const override { return "fuzz/" + std::string(name); }
  Result<std::optional<std::string>> text(std::string_view name, uint64_t) const override {
    const auto at = texts_.find(name);
    return at == texts_.end() || at->second.empty() ? std::optional<std::string>() : std::optional(at->second);
  }

 private:
  std::map<std::string, std::string, std::less<>> texts_;
};

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const TextsInMemory texts(std::string_view(reinterpret_cast<const char*>(data), size));
  const auto config = texts.json("config.json", size);
  if (!config || !*config) return 0;
  auto translated = read_config(**config, texts.path_of("config.json"), "fuzz");
  if (!translated) {
    require(translated.error().message.starts_with("fuzz/config.json: "));
    return 0;
  }
  // What users of it count on without looking.
  require(translated->heads > 0 && translated->kv_heads > 0 && translated->vocabulary > 0);
  require(translated->metadata.contains("general.architecture"));
  std::vector<std::string> warnings;
  const auto read = read_tokens(texts, **config, translated->vocabulary, translated->metadata, warnings);
  require(read || read.error().message.starts_with("fuzz/"));
  const auto eos = translated->metadata.unsigned_integer_or("tokenizer.ggml.eos_token_id", 0, UINT64_MAX, 0);
  require(eos && *eos < translated->vocabulary);
  return 0;
}
