// The table of architectures: one line each.
#include "models/models.h"

#include "base/errors.h"

namespace halfbyte {
namespace {

struct Family {
  std::string_view name;  // general.architecture
  Result<std::unique_ptr<Architecture>> (*make)(const Metadata& metadata, int vocabulary);
};

constexpr Family kFamilies[] = {
    {"llama", make_llama},       {"qwen2", make_qwen2},   {"qwen3", make_qwen3},
    {"qwen3moe", make_qwen3moe}, {"gemma3", make_gemma3}, {"gpt2", make_gpt2},
};

}  // namespace

Result<std::unique_ptr<Architecture>> make_architecture(const Metadata& metadata, int vocabulary) {
  HB_TRY_ASSIGN(name, metadata.text("general.architecture"));
  std::string known;
  for (const Family& family : kFamilies) {
    if (family.name == name) return family.make(metadata, vocabulary);
    known += fmt::format("{}{}", known.empty() ? "" : ", ", family.name);
  }
  return unsupported("{}: architecture '{}'; this build runs {}", metadata.path(), escaped(name), known);
}

}  // namespace halfbyte
