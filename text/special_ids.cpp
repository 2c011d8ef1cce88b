#include "text/special_ids.h"

#include <algorithm>
#include <string_view>

#include "base/errors.h"

namespace halfbyte {
namespace {

constexpr uint64_t kAnyId = UINT64_MAX;
constexpr std::string_view kEosIds = "tokenizer.ggml.eos_token_ids";  // of a checkpoint that names several

// Texts by which vocabularies mark the end of a turn or of everything. Files often name only one of them as eos.
constexpr std::string_view kEndTexts[] = {
    "<|eot_id|>",        // Llama 3
    "<|eom_id|>",        // Llama 3, before a tool's answer
    "<|im_end|>",        // ChatML
    "<|end|>",           // Phi
    "<|return|>",        // gpt-oss
    "<|call|>",          // gpt-oss
    "<|flush|>",         // Solar Open
    "<|calls|>",         // Solar Open
    "<end_of_turn>",     // Gemma
    "<eos>",             // Gemma
    "<turn|>",           // Gemma 4
    "<|tool_response>",  // Gemma 4
    "<|endoftext|>",     // GPT-2, Qwen
    "<|end_of_text|>",   // Llama 3, Granite
    "</s>",              // Llama, Mistral
    "<EOT>",             // CodeLlama
    "_<EOT>",
    "[EOT]",               // Kimi K2
    "[EOS]",               // Kimi K2
    "<end_of_utterance>",  // SmolVLM
    "<\xef\xbd\x9c"        // DeepSeek: <｜end▁of▁sentence｜>
    "end\xe2\x96\x81of\xe2\x96\x81sentence\xef\xbd\x9c>",
    "[e~[",  // MiniMax
    // A completion inside a file ends where padding, another file or another repository begins.
    "<|fim_pad|>",
    "<fim-pad>",
    "<fim_pad>",
    "<PAD>",
    "[PAD]",
    "<|fim_repo|>",
    "<|repo_name|>",
    "<fim-repo>",
    "<REPO>",
    "<reponame>",
    "<|file_sep|>",
};

// The same by key.
constexpr std::string_view kEndKeys[] = {"tokenizer.ggml.eot_token_id", "tokenizer.ggml.eom_token_id", "tokenizer.ggml.fim_pad_token_id",
                                         "tokenizer.ggml.fim_rep_token_id", "tokenizer.ggml.fim_sep_token_id"};

Result<std::optional<Token>> read_id(const Metadata& metadata, std::string_view key, const Vocabulary& vocabulary, bool is_required_to_fit,
                                     std::vector<std::string>& warnings) {
  if (!metadata.contains(key)) return std::optional<Token>();
  HB_TRY_ASSIGN(id, metadata.unsigned_integer(key, 0, kAnyId));
  if (id < static_cast<uint64_t>(vocabulary.size())) return std::optional<Token>(static_cast<Token>(id));
  if (is_required_to_fit) return corrupt("{}: {}: expected a token below {}, found {}", metadata.path(), key, vocabulary.size(), id);
  warnings.push_back(fmt::format("{}: expected a token below {}, found {}; ignored", key, vocabulary.size(), id));
  return std::optional<Token>();
}

std::optional<Token> if_contained(const Vocabulary& vocabulary, Token token) {
  return vocabulary.contains(token) ? std::optional<Token>(token) : std::nullopt;
}

Result<bool> read_adds(const Metadata& metadata, std::string_view key, bool fallback, const std::optional<Token>& token,
                       std::string_view token_key, std::vector<std::string>& warnings) {
  HB_TRY_ASSIGN(adds, metadata.flag_or(key, fallback));
  if (!adds || token) return adds;
  if (metadata.contains(key)) return corrupt("{}: {} is true: expected {} beside it, found nothing", metadata.path(), key, token_key);
  warnings.push_back(fmt::format("{} is missing: none is added, though this pre-tokenizer's models ask for it", token_key));
  return false;
}

// A special token that tokenizer_config.json names by its text: `token` becomes that one, or none where the text is empty. A text that no
// token has leaves the id of the other files.
Result<std::optional<std::string>> read_text(const Metadata& metadata, std::string_view key, const Vocabulary& vocabulary,
                                             std::optional<Token>& token, std::vector<std::string>& warnings) {
  if (!metadata.contains(key)) return std::optional<std::string>();
  HB_TRY_ASSIGN(text, metadata.text(key));
  const auto found = text.empty() ? std::nullopt : vocabulary.find(text);
  if (found || text.empty())
    token = found;
  else
    warnings.push_back(fmt::format("{}: '{}' is no token of the vocabulary", key, escaped(text)));
  return std::optional(std::move(text));
}

// gpt-oss and Solar Open end a message with <|end|> and the reply with another token.
bool ends_only_a_message(std::string_view text, const Vocabulary& vocabulary) {
  const auto has = [&](std::string_view other) { return vocabulary.find(other).has_value(); };
  return text == "<|end|>" && ((has("<|return|>") && has("<|call|>")) || (has("<|calls|>") && has("<|flush|>")));
}

// To Gemma and others </s> is HTML, struck-out text.
bool is_markup(std::string_view text, TokenType type) { return text == "</s>" && type != TokenType::kControl; }

}  // namespace

Result<SpecialIds> read_special_ids(const Metadata& metadata, SpecialDefaults defaults, Vocabulary& vocabulary,
                                    std::vector<std::string>& warnings) {
  SpecialIds ids;
  const auto read = [&](std::string_view key, bool is_required_to_fit) {
    return read_id(metadata, key, vocabulary, is_required_to_fit, warnings);
  };
  HB_TRY_ASSIGN(model, metadata.text_or("tokenizer.ggml.model", ""));
  HB_TRY_ASSIGN(bos, read("tokenizer.ggml.bos_token_id", true));
  HB_TRY_ASSIGN(eos, read("tokenizer.ggml.eos_token_id", true));
  // Of no use here; one past the vocabulary is told of.
  for (const char* key : {"tokenizer.ggml.unknown_token_id", "tokenizer.ggml.padding_token_id"}) HB_TRY(read(key, false));
  if (model == "llama") {  // Llama's own numbers, for files that do not say
    if (!bos) bos = if_contained(vocabulary, 1);
    if (!eos) eos = if_contained(vocabulary, 2);
  }
  if (model == "bert") {
    HB_TRY_ASSIGN(cls, read("tokenizer.ggml.cls_token_id", false));
    HB_TRY_ASSIGN(separator, read("tokenizer.ggml.seperator_token_id", false));  // so spelled in GGUF
    bos = cls ? cls : bos ? bos : vocabulary.find("[CLS]");
    eos = separator ? separator : eos ? eos : vocabulary.find("[SEP]");
  }
  HB_TRY_ASSIGN(bos_text, read_text(metadata, "tokenizer.huggingface.bos_token", vocabulary, bos, warnings));
  if (eos) ids.ends.push_back(*eos);  // it ends a reply also where the text names another
  HB_TRY_ASSIGN(eos_text, read_text(metadata, "tokenizer.huggingface.eos_token", vocabulary, eos, warnings));
  if (!bos) bos = defaults.bos;
  if (!eos) eos = defaults.eos;
  HB_TRY_ASSIGN(adds_bos,
                read_adds(metadata, "tokenizer.ggml.add_bos_token", defaults.adds_bos, bos, "tokenizer.ggml.bos_token_id", warnings));
  HB_TRY_ASSIGN(adds_eos,
                read_adds(metadata, "tokenizer.ggml.add_eos_token", defaults.adds_eos, eos, "tokenizer.ggml.eos_token_id", warnings));
  ids.bos = bos;
  ids.eos = eos;
  ids.adds_bos = adds_bos;
  ids.adds_eos = adds_eos;
  ids.bos_text = std::move(bos_text);
  ids.eos_text = std::move(eos_text);

  for (const std::string_view text : kEndTexts) {
    const auto token = vocabulary.find(text);
    if (!token || ends_only_a_message(text, vocabulary) || is_markup(text, vocabulary.type(*token))) continue;
    if (vocabulary.type(*token) != TokenType::kControl) {
      warnings.push_back(fmt::format("token {} '{}' ends a reply but is not of type control; taken as control", *token, escaped(text)));
      vocabulary.set_type(*token, TokenType::kControl);
    }
    ids.ends.push_back(*token);
  }
  if (eos) ids.ends.push_back(*eos);
  HB_TRY_ASSIGN(more, metadata.integers(kEosIds));
  for (const int64_t id : more) {
    if (id < 0 || id >= vocabulary.size())
      return corrupt("{}: {}: expected tokens below {}, found {}", metadata.path(), kEosIds, vocabulary.size(), id);
    ids.ends.push_back(static_cast<Token>(id));
  }
  for (const std::string_view key : kEndKeys) {
    HB_TRY_ASSIGN(token, read(key, false));
    if (token) ids.ends.push_back(*token);
  }
  std::sort(ids.ends.begin(), ids.ends.end());
  ids.ends.erase(std::unique(ids.ends.begin(), ids.ends.end()), ids.ends.end());
  return ids;
}

}  // namespace halfbyte
