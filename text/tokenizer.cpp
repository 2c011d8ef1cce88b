#include "text/tokenizer.h"

#include <algorithm>
#include <set>

#include "base/errors.h"
#include "formats/known_keys.h"
#include "text/gguf_codec.h"
#include "text/scheme.h"
#include "text/special_tokens.h"
#include "text/tokenizer_json/document.h"

namespace halfbyte {
namespace {

constexpr std::string_view kNoVocabulary = "no_vocab";

// tokenizer.ggml.*; the schemes and special_ids.cpp read them.
constexpr KnownKey kAnyModelsKeys[] = {
    key_read("model"),
    key_read("pre"),
    key_read("tokens"),
    key_read("token_type"),
    key_read("scores"),
    key_read("merges"),
    key_read("bos_token_id"),
    key_read("eos_token_id"),
    key_read("eos_token_ids"),
    key_read("eot_token_id"),
    key_read("eom_token_id"),
    key_read("unknown_token_id"),
    key_read("padding_token_id"),
    key_read("seperator_token_id"),
    key_read("cls_token_id"),
    key_read("fim_pad_token_id"),
    key_read("fim_rep_token_id"),
    key_read("fim_sep_token_id"),
    key_read("add_bos_token"),
    key_read("add_eos_token"),
    // Of tasks that are not ours: filling in, pairs of texts, batches.
    key_harmless("mask_token_id"),
    key_harmless("fim_pre_token_id"),
    key_harmless("fim_suf_token_id"),
    key_harmless("fim_mid_token_id"),
    key_harmless("prefix_token_id"),
    key_harmless("suffix_token_id"),
    key_harmless("middle_token_id"),
    key_harmless("token_type_count"),
    key_harmless("add_sep_token"),
    key_harmless("add_padding_token"),
    key_harmless("add_unknown_token"),
    // Byte-level BPE takes texts as they are, whatever stands here.
    key_harmless("add_space_prefix"),
    key_only("remove_extra_whitespaces", 0),
    key_only("normalizer.lowercase", 0),
    key_only("normalizer.strip_accents", 0),
};
constexpr KnownKey kBertsKeys[] = {
    key_read("normalizer.lowercase"), key_read("normalizer.strip_accents"),
    key_harmless("remove_extra_whitespaces"),  // words are cut at any number of blanks
};

Result<void> check_keys(const Metadata& metadata, std::vector<std::string>& warnings) {
  HB_TRY_ASSIGN(model, metadata.text("tokenizer.ggml.model"));
  const std::span<const KnownKey> tables[] = {model == "bert" ? std::span(kBertsKeys) : std::span<const KnownKey>(), kAnyModelsKeys};
  return check_known_keys(metadata, "tokenizer.ggml.", tables, warnings);
}

Result<std::unique_ptr<Scheme>> open_scheme(const Metadata& metadata, const Vocabulary& vocabulary, std::vector<std::string>& warnings) {
  HB_TRY_ASSIGN(model, metadata.text("tokenizer.ggml.model"));
  if (model == "gpt2") return open_byte_level_bpe(metadata, vocabulary, warnings);
  if (model == "llama") return open_spm(metadata, vocabulary);
  if (model == "bert") return open_word_piece(metadata, vocabulary);
  return unsupported("{}: tokenizer.ggml.model: unknown model '{}'; known: bert, gpt2, llama", metadata.path(), escaped(model));
}

// Tokens that the files beside tokenizer.json would add to it.
Result<void> warn_of_missing_tokens(const Metadata& metadata, const Vocabulary& vocabulary, std::vector<std::string>& warnings) {
  HB_TRY_ASSIGN(added, metadata.strings("tokenizer.huggingface.added_tokens"));
  if (added == nullptr) return {};
  std::vector<std::string_view> missing;
  for (const std::string& text : *added)
    if (!text.empty() && !vocabulary.find(text)) missing.push_back(text);
  if (!missing.empty())
    warnings.push_back(
        fmt::format("tokenizer.json lacks {} tokens of tokenizer_config.json or added_tokens.json, first '{}': they stay text",
                    missing.size(), escaped(missing.front())));
  return {};
}

size_t beginning_of(std::string_view text) { return size_t{static_cast<uint8_t>(text[0])} << 8 | static_cast<uint8_t>(text[1]); }

}  // namespace

Result<std::unique_ptr<Tokenizer>> Tokenizer::open(const Metadata& metadata) {
  std::unique_ptr<Tokenizer> tokenizer(new Tokenizer);
  HB_TRY_ASSIGN(model, metadata.text_or("tokenizer.ggml.model", ""));
  const bool has_tokens = metadata.contains("tokenizer.ggml.tokens");
  if (!has_tokens && metadata.contains(tokenizer_json::kKey))
    HB_TRY(tokenizer->open_tokenizer_json(metadata));
  else if (!has_tokens && model == kNoVocabulary)
    HB_TRY(tokenizer->open_ids_only(metadata));
  else
    HB_TRY(tokenizer->open_gguf_vocabulary(metadata));
  tokenizer->list_controls();
  return tokenizer;
}

Result<void> Tokenizer::open_gguf_vocabulary(const Metadata& metadata) {
  HB_TRY_INTO(vocabulary_, Vocabulary::read(metadata, warnings_));
  HB_TRY_ASSIGN(scheme, open_scheme(metadata, vocabulary_, warnings_));
  HB_TRY(check_keys(metadata, warnings_));
  HB_TRY(read_ids(metadata, {scheme->adds_bos(), scheme->adds_eos()}, {}));
  HB_TRY_ASSIGN(stripping, Stripping::read(metadata));
  codec_ = std::make_unique<GgufCodec>(vocabulary_, std::move(scheme), stripping);
  return {};
}

Result<void> Tokenizer::open_tokenizer_json(const Metadata& metadata) {
  HB_TRY_ASSIGN(document, tokenizer_json::Document::read(metadata, warnings_));
  HB_TRY_INTO(vocabulary_, Vocabulary::make(document.take_lists(), metadata.path(), "tokenizer.json", warnings_));
  HB_TRY(warn_of_missing_tokens(metadata, vocabulary_, warnings_));
  HB_TRY_INTO(codec_, document.codec(vocabulary_));
  Frame frame{document.frame().before, document.frame().after};
  SpecialDefaults defaults{!frame.before.empty(), !frame.after.empty()};
  if (!frame.before.empty()) defaults.bos = frame.before.front();
  if (!frame.after.empty()) defaults.eos = frame.after.back();
  return read_ids(metadata, defaults, std::move(frame));
}

Result<void> Tokenizer::open_ids_only(const Metadata& metadata) {
  HB_TRY_ASSIGN(architecture, metadata.text("general.architecture"));
  HB_TRY_ASSIGN(size, metadata.unsigned_integer(architecture + ".vocab_size", 1, FlatIndex::kMostItems));
  VocabularyLists lists;
  lists.texts.resize(size);
  lists.types.assign(size, TokenType::kUnused);
  HB_TRY_INTO(vocabulary_, Vocabulary::make(std::move(lists), metadata.path(), architecture + ".vocab_size", warnings_));
  return read_ids(metadata, {false, false}, {});
}

Result<void> Tokenizer::read_ids(const Metadata& metadata, SpecialDefaults defaults, Frame frame) {
  HB_TRY_INTO(ids_, read_special_ids(metadata, defaults, vocabulary_, warnings_));
  frame_ = std::move(frame);
  // The keys decide about BOS and EOS; what else frames a text stays.
  std::vector<Token>& before = frame_.before;
  std::vector<Token>& after = frame_.after;
  const bool has_bos = ids_.bos && !before.empty() && before.front() == *ids_.bos;
  const bool has_eos = ids_.eos && !after.empty() && after.back() == *ids_.eos;
  if (ids_.adds_bos && !has_bos) before.insert(before.begin(), *ids_.bos);
  if (!ids_.adds_bos && has_bos) before.erase(before.begin());
  if (ids_.adds_eos && !has_eos) after.push_back(*ids_.eos);
  if (!ids_.adds_eos && has_eos) after.pop_back();
  return {};
}

std::vector<Token> Tokenizer::encode(std::string_view text, EncodeOptions options) const {
  std::vector<Token> tokens;
  if (!has_text()) return tokens;
  tokens.reserve(text.size() / 3 + 2);
  if (options.add_special) tokens = frame_.before;
  codec_->encode(text, options.parse_special, options.drop, tokens);
  if (options.add_special) tokens.insert(tokens.end(), frame_.after.begin(), frame_.after.end());
  return tokens;
}

void Tokenizer::list_controls() {
  std::set<size_t> lengths;
  for (Token token = 0; token < vocabulary_.size(); ++token) {
    const std::string_view text = vocabulary_.text(token);
    if (!is_control(token) || text.size() < 2) continue;
    lengths.insert(text.size());
    control_beginnings_.set(beginning_of(text));
  }
  control_lengths_.assign(lengths.begin(), lengths.end());
}

bool Tokenizer::is_control(Token token) const {
  return vocabulary_.type(token) == TokenType::kControl || vocabulary_.type(token) == TokenType::kUnknown;
}

std::string Tokenizer::spelled_apart(std::string_view text, std::string_view mark) const {
  std::string apart;
  size_t copied = 0;
  for (size_t at = 0; at + 1 < text.size(); ++at) {
    if (!control_beginnings_.test(beginning_of(text.substr(at)))) continue;
    const bool is_spelled = std::ranges::any_of(control_lengths_, [&](size_t length) {
      const auto token = length <= text.size() - at ? vocabulary_.find(text.substr(at, length)) : std::nullopt;
      return token && is_control(*token);
    });
    if (!is_spelled) continue;
    // Behind a whole character: marks and texts are UTF-8.
    size_t end = at + 1;
    while (end < text.size() && (static_cast<uint8_t>(text[end]) & 0xc0) == 0x80) ++end;
    apart.append(text, copied, end - copied).append(mark);
    copied = end;
  }
  return apart.append(text, copied, std::string_view::npos);
}

std::string Tokenizer::piece(Token token, bool special) const {
  std::string bytes;
  if (has_text()) codec_->append_piece(token, special, bytes);
  return bytes;
}

std::string Tokenizer::decode(std::span<const Token> tokens, bool special) const {
  return has_text() ? codec_->decode(tokens, special) : std::string();
}

std::string_view Tokenizer::text(Token token) const { return vocabulary_.contains(token) ? vocabulary_.text(token) : std::string_view(); }

TokenType Tokenizer::type(Token token) const { return vocabulary_.contains(token) ? vocabulary_.type(token) : TokenType::kUnused; }

bool Tokenizer::ends_generation(Token token) const { return std::binary_search(ids_.ends.begin(), ids_.ends.end(), token); }

}  // namespace halfbyte
