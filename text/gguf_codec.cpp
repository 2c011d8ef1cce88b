#include "text/gguf_codec.h"

#include <algorithm>

namespace halfbyte {
namespace {

constexpr size_t kLongestRun = size_t{1} << 30;  // bytes a scheme takes at a time; positions are 32 bits wide

}  // namespace

void GgufCodec::encode(std::string_view text, bool parse_special, std::string_view drop, std::vector<Token>& tokens) const {
  std::string buffer;
  bool opens = true;
  for (size_t at = 0; at < text.size();) {
    const SpecialTokens::Match match = specials_.next(text, at, parse_special);
    for (; at < match.begin; at += std::min(match.begin - at, kLongestRun)) {
      const std::string_view run = without(text.substr(at, std::min(match.begin - at, kLongestRun)), drop, buffer);
      if (run.empty()) continue;
      scheme_->encode(run, opens, tokens);
      opens = false;
    }
    if (match.token >= 0) {
      tokens.push_back(match.token);
      opens = true;
    }
    at = match.end;
  }
}

void GgufCodec::append_piece(Token token, bool special, std::string& bytes) const {
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

std::string GgufCodec::decode(std::span<const Token> tokens, bool special) const {
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

}  // namespace halfbyte
