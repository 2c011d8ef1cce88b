// The table of architectures: one line each.
#include "models/models.h"

#include "base/errors.h"
#include "models/known_keys.h"

namespace halfbyte {
namespace {

struct NamedFormula {
  std::string_view name;  // general.architecture
  Result<std::unique_ptr<Formula>> (*make)(const Metadata& metadata, int vocabulary);
  const std::span<const KnownKey>& keys;       // its own, before those that all have
  const std::span<const KnownKey>& positions;  // of the kind of positions it has
};
const std::span<const KnownKey> kLearned;  // a table of positions has no keys

const NamedFormula kFormulas[] = {
    {"llama", make_llama, kLlamaKeys, kRopeKeys},    {"qwen2", make_qwen2, kQwenKeys, kRopeKeys},
    {"qwen3", make_qwen3, kQwenKeys, kRopeKeys},     {"qwen3moe", make_qwen3moe, kQwen3MoeKeys, kRopeKeys},
    {"gemma3", make_gemma3, kGemma3Keys, kRopeKeys}, {"gpt2", make_gpt2, kGpt2Keys, kLearned},
};

}  // namespace

Result<std::unique_ptr<Formula>> make_formula(const Metadata& metadata, int vocabulary, std::vector<std::string>& warnings) {
  HB_TRY_ASSIGN(name, metadata.text("general.architecture"));
  std::string known;
  for (const NamedFormula& formula : kFormulas) {
    if (formula.name == name) {
      const std::span<const KnownKey> tables[] = {formula.keys, formula.positions, kDecoderKeys};
      HB_TRY(check_known_keys(metadata, name + ".", tables, warnings));
      return formula.make(metadata, vocabulary);
    }
    known += fmt::format("{}{}", known.empty() ? "" : ", ", formula.name);
  }
  return unsupported("{}: architecture '{}'; this build runs {}", metadata.path(), escaped(name), known);
}

}  // namespace halfbyte
