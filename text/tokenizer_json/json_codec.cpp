#include "text/tokenizer_json/json_codec.h"

#include <algorithm>

namespace halfbyte::tokenizer_json {
namespace {

// Plain text is taken in parts of this many bytes: positions are 32 bits wide, also after a normalizer made text longer.
constexpr size_t kLongestPart = size_t{16} << 20;

std::vector<AddedToken> those(const std::vector<AddedToken>& tokens, bool is_normalized) {
  std::vector<AddedToken> some;
  std::copy_if(tokens.begin(), tokens.end(), std::back_inserter(some),
               [&](const AddedToken& token) { return token.is_normalized == is_normalized; });
  return some;
}

std::vector<AddedToken> normalized(std::vector<AddedToken> tokens, const Normalizer& normalizer) {
  for (AddedToken& token : tokens) {
    std::string buffer;
    token.text = std::string(normalizer.apply(token.text, buffer));
  }
  return tokens;
}

// The end of the part that begins at `begin`, not inside a character.
size_t part_end(std::string_view text, size_t begin, size_t end) {
  if (end - begin <= kLongestPart) return end;
  size_t stop = begin + kLongestPart;
  for (int i = 0; i < 3 && (text[stop] & 0xc0) == 0x80; ++i) --stop;
  return stop;
}

}  // namespace

JsonCodec::JsonCodec(const Vocabulary& vocabulary, const std::vector<AddedToken>& added, Parts parts)
    : vocabulary_(vocabulary),
      parts_(std::move(parts)),
      as_they_stand_(those(added, false)),
      normalized_(normalized(those(added, true), parts_.normalizer)) {
  for (const AddedToken& token : normalized(those(added, true), parts_.normalizer))
    if (token.text != vocabulary.text(token.id)) normalized_texts_.emplace(token.id, token.text);
}

void JsonCodec::encode(std::string_view text, bool parse_special, std::string_view drop, std::vector<Token>& tokens) const {
  std::string buffer;
  for (const AddedTokens::Section& section : as_they_stand_.sections(text, parse_special)) {
    if (section.token >= 0) {
      tokens.push_back(section.token);
      continue;
    }
    for (size_t at = section.begin; at < section.end;) {
      const size_t end = part_end(text, at, section.end);
      const std::string_view part = without(text.substr(at, end - at), drop, buffer);
      if (!part.empty()) encode_plain(part, at == 0, parse_special, tokens);
      at = end;
    }
  }
}

void JsonCodec::encode_plain(std::string_view text, bool opens_input, bool parse_special, std::vector<Token>& tokens) const {
  std::string buffer;
  const std::string_view normal = parts_.normalizer.apply(text, buffer);
  for (const AddedTokens::Section& section : normalized_.sections(normal, parse_special)) {
    if (section.token >= 0) {
      tokens.push_back(section.token);
      continue;
    }
    Words words(normal.substr(section.begin, section.end - section.begin), opens_input && section.begin == 0);
    parts_.pre_tokenizer.apply(words);
    parts_.model->encode(words, tokens);
  }
}

const std::string* JsonCodec::text_of(Token token, bool special, std::string& buffer) const {
  if (!vocabulary_.contains(token)) return nullptr;
  const TokenType type = vocabulary_.type(token);
  if (type == TokenType::kUnused || (type == TokenType::kControl && !special)) return nullptr;
  if (const auto changed = normalized_texts_.find(token); changed != normalized_texts_.end()) return &changed->second;
  buffer = vocabulary_.text(token);
  return &buffer;
}

void JsonCodec::append_piece(Token token, bool special, std::string& bytes) const {
  std::string buffer;
  const std::string* text = text_of(token, special, buffer);
  if (text == nullptr) return;
  if (vocabulary_.type(token) == TokenType::kControl)
    bytes += vocabulary_.text(token);
  else
    bytes += parts_.decoder.piece(*text);
}

std::string JsonCodec::decode(std::span<const Token> tokens, bool special) const {
  std::vector<std::string> texts;
  texts.reserve(tokens.size());
  std::string buffer;
  for (const Token token : tokens)
    if (const std::string* text = text_of(token, special, buffer)) texts.push_back(*text);
  return parts_.decoder.decode(std::move(texts));
}

}  // namespace halfbyte::tokenizer_json
