#include "formats/hugging_face_tokens.h"

#include <algorithm>

#include "base/errors.h"
#include "formats/limits.h"

namespace halfbyte {
namespace {

constexpr std::string_view kGenerationConfig = "generation_config.json";
constexpr std::string_view kTokenizerConfig = "tokenizer_config.json";

// One id or a list of them; neither: none.
std::vector<int64_t> ids_of(const Json* value) {
  std::vector<int64_t> out;
  if (value == nullptr) return out;
  if (const auto* id = std::get_if<int64_t>(&value->value)) out.push_back(*id);
  if (value->array() == nullptr) return out;
  for (const Json& element : *value->array())
    if (const auto* id = std::get_if<int64_t>(&element.value)) out.push_back(*id);
  return out;
}

std::vector<int64_t> valid_ids(std::string_view key, const std::vector<const Json*>& sources, uint64_t vocabulary, const std::string& where,
                               std::vector<std::string>& warnings) {
  for (const Json* source : sources) {
    std::vector<int64_t> out;
    for (const int64_t id : ids_of(source->find(key))) {
      if (id >= 0 && static_cast<uint64_t>(id) < vocabulary) {
        out.push_back(id);
        continue;
      }
      std::string warning = fmt::format("{}: {} {} is outside the vocabulary of {}: left out", where, key, id, vocabulary);
      if (std::ranges::find(warnings, warning) == warnings.end()) warnings.push_back(std::move(warning));
    }
    if (!out.empty()) return out;
  }
  return {};
}

// A text, or a list of named ones, of which "default" is meant.
const std::string* template_in(const Json& value) {
  if (value.text() != nullptr || value.array() == nullptr) return value.text();
  for (const Json& entry : *value.array()) {
    const Json* name = entry.find("name");
    const Json* text = entry.find("template");
    if (name != nullptr && text != nullptr && name->text() != nullptr && *name->text() == "default") return text->text();
  }
  return nullptr;
}

}  // namespace

Result<void> read_tokens(const CheckpointFolder& folder, const Json& config, uint64_t vocabulary, Metadata& out,
                         std::vector<std::string>& warnings) {
  HB_TRY_ASSIGN(tokenizer, folder.text("tokenizer.json", limits::kTokenizerBytes));
  if (tokenizer)
    out.insert("tokenizer.huggingface.json", std::move(*tokenizer));
  else
    out.insert("tokenizer.ggml.model", std::string("no_vocab"));

  HB_TRY_ASSIGN(generation, folder.json(kGenerationConfig, limits::kConfigBytes));
  std::vector<const Json*> sources;
  if (generation) sources.push_back(&*generation);
  sources.push_back(&config);
  if (const Json* text = config.find("text_config")) sources.push_back(text);
  const std::string where = folder.path().string();
  if (const auto bos = valid_ids("bos_token_id", sources, vocabulary, where, warnings); !bos.empty())
    out.insert("tokenizer.ggml.bos_token_id", static_cast<uint64_t>(bos.front()));
  if (auto eos = valid_ids("eos_token_id", sources, vocabulary, where, warnings); !eos.empty()) {
    out.insert("tokenizer.ggml.eos_token_id", static_cast<uint64_t>(eos.front()));
    if (eos.size() > 1) out.insert("tokenizer.ggml.eos_token_ids", std::move(eos));
  }

  HB_TRY_ASSIGN(settings, folder.json(kTokenizerConfig, limits::kStringBytes));
  if (settings) {
    if (const Json* adds = settings->find("add_bos_token"))
      if (const auto* flag = std::get_if<bool>(&adds->value)) out.insert("tokenizer.ggml.add_bos_token", *flag);
  }
  // A file of its own counts before the setting.
  HB_TRY_ASSIGN(jinja, folder.text("chat_template.jinja", limits::kStringBytes));
  const Json* setting = settings ? settings->find("chat_template") : nullptr;
  if (jinja)
    out.insert("tokenizer.chat_template", std::move(*jinja));
  else if (const std::string* text = setting == nullptr ? nullptr : template_in(*setting))
    out.insert("tokenizer.chat_template", *text);
  return {};
}

}  // namespace halfbyte
