#include "text/tokenizer.h"

#include <algorithm>

#include "base/errors.h"

namespace halfbyte {
namespace {

constexpr size_t kLongestRun = size_t{1} << 30;  // bytes a scheme takes at a time; positions are 32 bits wide

Result<std::unique_ptr<Scheme>> open_scheme(const Metadata& metadata, const Vocabulary& vocabulary, std::vector<std::string>& warnings) {
  HB_TRY_ASSIGN(model, metadata.text("tokenizer.ggml.model"));
  if (model == "gpt2") return open_byte_level_bpe(metadata, vocabulary, warnings);
  if (model == "llama") return open_spm(metadata, vocabulary);
  if (model == "bert") return open_word_piece(metadata, vocabulary);
  return unsupported("{}: tokenizer.ggml.model: unknown model '{}'; known: bert, gpt2, llama", metadata.path(), escaped(model));
}

}  // namespace

Result<std::unique_ptr<Tokenizer>> Tokenizer::open(const Metadata& metadata) {
  std::unique_ptr<Tokenizer> tokenizer(new Tokenizer);
  Tokenizer& t = *tokenizer;
  HB_TRY_ASSIGN(vocabulary, Vocabulary::read(metadata, t.warnings_));
  t.vocabulary_ = std::move(vocabulary);
  HB_TRY_ASSIGN(scheme, open_scheme(metadata, t.vocabulary_, t.warnings_));
  t.scheme_ = std::move(scheme);
  HB_TRY_ASSIGN(ids, read_special_ids(metadata, {t.scheme_->adds_bos(), t.scheme_->adds_eos()}, t.vocabulary_, t.warnings_));
  t.ids_ = std::move(ids);
  HB_TRY_ASSIGN(stripping, Stripping::read(metadata));
  t.specials_ = std::make_unique<SpecialTokens>(t.vocabulary_, stripping);
  return tokenizer;
}

std::vector<Token> Tokenizer::encode(std::string_view text, EncodeOptions options) const {
  std::vector<Token> tokens;
  tokens.reserve(text.size() / 3 + 2);
  if (options.add_special && ids_.adds_bos) tokens.push_back(*ids_.bos);
  bool opens = true;
  for (size_t at = 0; at < text.size();) {
    const SpecialTokens::Match match = specials_->next(text, at, options.parse_special);
    for (; at < match.begin; at += std::min(match.begin - at, kLongestRun)) {
      scheme_->encode(text.substr(at, std::min(match.begin - at, kLongestRun)), opens, tokens);
      opens = false;
    }
    if (match.token >= 0) {
      tokens.push_back(match.token);
      opens = true;
    }
    at = match.end;
  }
  if (options.add_special && ids_.adds_eos) tokens.push_back(*ids_.eos);
  return tokens;
}

void Tokenizer::append_piece(Token token, bool special, std::string& bytes) const {
  if (!vocabulary_.contains(token)) return;
  switch (vocabulary_.type(token)) {
    case TokenType::kControl:
    case TokenType::kUnknown:
      if (special) bytes += vocabulary_.text(token);
      return;
    case TokenType::kUserDefined: bytes += vocabulary_.text(token); return;
    case TokenType::kNormal:
    case TokenType::kUnused:
    case TokenType::kByte: scheme_->append_piece(token, bytes); return;
  }
}

std::string Tokenizer::piece(Token token, bool special) const {
  std::string bytes;
  append_piece(token, special, bytes);
  return bytes;
}

std::string Tokenizer::decode(std::span<const Token> tokens, bool special) const {
  std::string bytes;
  bool opens = scheme_->drops_first_space();
  for (const Token token : tokens) {
    const size_t before = bytes.size();
    append_piece(token, special, bytes);
    if (!opens || !vocabulary_.contains(token)) continue;
    const TokenType type = vocabulary_.type(token);
    if (type == TokenType::kControl || type == TokenType::kUnknown) continue;  // BOS: the text has not begun yet
    if (bytes.size() > before && bytes[before] == ' ' && type != TokenType::kUserDefined) bytes.erase(before, 1);
    opens = false;
  }
  return bytes;
}

std::string_view Tokenizer::text(Token token) const { return vocabulary_.contains(token) ? vocabulary_.text(token) : std::string_view(); }

TokenType Tokenizer::type(Token token) const { return vocabulary_.contains(token) ? vocabulary_.type(token) : TokenType::kUnused; }

bool Tokenizer::ends_generation(Token token) const { return std::binary_search(ids_.ends.begin(), ids_.ends.end(), token); }

}  // namespace halfbyte
