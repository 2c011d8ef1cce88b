#include "formats/hugging_face_tokens.h"

#include <algorithm>

#include "base/errors.h"
#include "formats/hugging_face_settings.h"
#include "formats/json_metadata.h"
#include "formats/limits.h"

namespace halfbyte {
namespace {

constexpr std::string_view kGenerationConfig = "generation_config.json";
constexpr std::string_view kTokenizerConfig = "tokenizer_config.json";
constexpr std::string_view kTokensMap = "special_tokens_map.json";

// One id or a list of them, of every source, each once and in the order of the sources.
Result<std::vector<int64_t>> valid_ids(std::string_view key, const std::vector<Metadata>& sources, uint64_t vocabulary,
                                       const std::string& where, std::vector<std::string>& warnings) {
  std::vector<int64_t> out;
  for (const Metadata& source : sources) {
    HB_TRY_ASSIGN(ids, source.integers(key));
    for (const int64_t id : ids) {
      if (id >= 0 && static_cast<uint64_t>(id) < vocabulary) {
        if (std::ranges::find(out, id) == out.end()) out.push_back(id);
        continue;
      }
      std::string warning = fmt::format("{}: {} {} is outside the vocabulary of {}: left out", where, key, id, vocabulary);
      if (std::ranges::find(warnings, warning) == warnings.end()) warnings.push_back(std::move(warning));
    }
  }
  return out;
}

// A special token's text: a string, an AddedToken, or null, which is none: an empty one. Nothing: the file does not say.
Result<std::optional<std::string>> token_text(const Json& settings, std::string_view key, const std::string& path) {
  const Json* value = settings.find(key);
  if (value == nullptr) return std::optional<std::string>();
  if (std::holds_alternative<std::nullptr_t>(value->value)) return std::optional<std::string>("");
  const Json* content = value->object() == nullptr ? value : value->find("content");
  if (content == nullptr || content->text() == nullptr)
    return corrupt("{}: {}: expected a string, an object with one as content, or null", path, key);
  return std::optional(*content->text());
}

// The texts that templates see, as transformers takes them: tokenizer_config.json's; special_tokens_map.json counts before it unless
// tokenizer_config.json describes its added tokens itself.
Result<void> read_token_texts(const CheckpointTexts& texts, const std::optional<Json>& settings, Metadata& out) {
  HB_TRY_ASSIGN(map, texts.json(kTokensMap, limits::kStringBytes));
  const bool map_counts = map && (!settings || settings->find("added_tokens_decoder") == nullptr);
  for (const std::string_view key : {"bos_token", "eos_token"}) {
    std::optional<std::string> text;
    if (settings) {
      HB_TRY_ASSIGN(said, token_text(*settings, key, texts.path_of(kTokenizerConfig)));
      text = std::move(said);
    }
    if (map_counts) {
      HB_TRY_ASSIGN(said, token_text(*map, key, texts.path_of(kTokensMap)));
      if (said) text = std::move(said);
    }
    if (text) out.insert(fmt::format("tokenizer.huggingface.{}", key), std::move(*text));
  }
  return {};
}

// A text, which is the one named "default", or a list of named ones.
const std::string* template_in(const Json& value, std::string_view wanted) {
  if (value.text() != nullptr || value.array() == nullptr) return wanted == "default" ? value.text() : nullptr;
  for (const Json& entry : *value.array()) {
    const Json* name = entry.find("name");
    const Json* text = entry.find("template");
    if (name != nullptr && text != nullptr && name->text() != nullptr && *name->text() == wanted) return text->text();
  }
  return nullptr;
}

// Tokens that transformers adds to a tokenizer.json that lacks them.
Result<std::vector<std::string>> added_tokens(const CheckpointTexts& texts, const std::optional<Json>& settings) {
  std::vector<std::string> out;
  const Json* described = settings ? settings->find("added_tokens_decoder") : nullptr;
  if (described != nullptr && described->object() != nullptr)
    for (const JsonMember& token : *described->object())
      if (const Json* content = token.value.find("content"); content != nullptr && content->text() != nullptr)
        out.push_back(*content->text());
  HB_TRY_ASSIGN(ids, texts.json("added_tokens.json", limits::kStringBytes));
  if (ids)
    for (const JsonMember& token : *ids->object()) out.push_back(token.key);
  return out;
}

// A file of its own counts before the setting. transformers takes "tool_use" where tools are given, "default" else, no other unasked.
Result<void> read_templates(const CheckpointTexts& texts, const Json* setting, Metadata& out) {
  HB_TRY_ASSIGN(jinja, texts.text("chat_template.jinja", limits::kStringBytes));
  HB_TRY_ASSIGN(for_tools, texts.text("additional_chat_templates/tool_use.jinja", limits::kStringBytes));
  const bool from_files = jinja.has_value() || for_tools.has_value();
  const auto add = [&](std::string_view key, std::optional<std::string>& file, std::string_view name) {
    const std::string* text = setting != nullptr && !from_files ? template_in(*setting, name) : nullptr;
    if (file)
      out.insert(std::string(key), std::move(*file));
    else if (text != nullptr)
      out.insert(std::string(key), *text);
  };
  add("tokenizer.chat_template", jinja, "default");
  add("tokenizer.chat_template.tool_use", for_tools, "tool_use");
  return {};
}

}  // namespace

Result<void> read_tokens(const CheckpointTexts& texts, const Json& config, uint64_t vocabulary, Metadata& out,
                         std::vector<std::string>& warnings) {
  HB_TRY_ASSIGN(tokenizer, texts.text("tokenizer.json", limits::kTokenizerBytes));
  if (tokenizer)
    out.insert("tokenizer.huggingface.json", std::move(*tokenizer));
  else
    out.insert("tokenizer.ggml.model", std::string("no_vocab"));

  HB_TRY_ASSIGN(generation, texts.json(kGenerationConfig, limits::kConfigBytes));
  std::vector<Metadata> sources;
  const auto add_source = [&](const Json* json, std::string_view file) -> Result<void> {
    if (json == nullptr || json->object() == nullptr) return {};
    HB_TRY_ASSIGN(source, metadata_of(*json, texts.path_of(file)));
    sources.push_back(std::move(source));
    return {};
  };
  if (generation) {
    HB_TRY(add_source(&*generation, kGenerationConfig));
    HB_TRY(check_known_keys(sources.front(), "", {&kGenerationSettings, 1}, warnings));
  }
  HB_TRY(add_source(&config, "config.json"));
  HB_TRY(add_source(config.find("text_config"), "config.json"));
  // Every one of them ends a reply.
  const std::string where = texts.where();
  HB_TRY_ASSIGN(bos, valid_ids("bos_token_id", sources, vocabulary, where, warnings));
  if (!bos.empty()) out.insert("tokenizer.ggml.bos_token_id", static_cast<uint64_t>(bos.front()));
  HB_TRY_ASSIGN(eos, valid_ids("eos_token_id", sources, vocabulary, where, warnings));
  if (!eos.empty()) out.insert("tokenizer.ggml.eos_token_id", static_cast<uint64_t>(eos.front()));
  if (eos.size() > 1) out.insert("tokenizer.ggml.eos_token_ids", std::move(eos));

  HB_TRY_ASSIGN(settings, texts.json(kTokenizerConfig, limits::kStringBytes));
  HB_TRY(read_token_texts(texts, settings, out));
  HB_TRY_ASSIGN(added, added_tokens(texts, settings));
  if (!added.empty()) out.insert("tokenizer.huggingface.added_tokens", std::move(added));
  if (settings) {
    HB_TRY_ASSIGN(values, metadata_of(*settings, texts.path_of(kTokenizerConfig)));
    for (const std::string_view key : {"add_bos_token", "add_eos_token"}) {
      if (!values.contains(key)) continue;
      HB_TRY_ASSIGN(adds, values.flag_or(key, false));
      out.insert(fmt::format("tokenizer.ggml.{}", key), adds);
    }
  }
  return read_templates(texts, settings ? settings->find("chat_template") : nullptr, out);
}

}  // namespace halfbyte
