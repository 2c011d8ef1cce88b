// How a whole text, special tokens and all, becomes tokens and comes back: one codec per kind of vocabulary file.
#pragma once

#include <algorithm>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "halfbyte/token.h"

namespace halfbyte {

// `text` without every `drop`: itself, or made in `buffer`.
inline std::string_view without(std::string_view text, std::string_view drop, std::string& buffer) {
  if (drop.empty() || text.find(drop) == std::string_view::npos) return text;
  buffer.clear();
  for (size_t at = 0; at < text.size();) {
    const size_t end = std::min(text.find(drop, at), text.size());
    buffer.append(text, at, end - at);
    at = end + drop.size();
  }
  return buffer;
}

// Immutable and thread-safe; refers to the Vocabulary it was opened with.
class Codec {
 public:
  virtual ~Codec() = default;
  // Appends the tokens of `text`, without those that only frame a text. `parse_special`: text that spells out a special token is it.
  // `drop`: left out of the plain text between the special tokens, once they are found.
  virtual void encode(std::string_view text, bool parse_special, std::string_view drop, std::vector<Token>& tokens) const = 0;
  // Appends the bytes of a token that stands somewhere inside a text. Tokens that are no text (control) only if `special`.
  virtual void append_piece(Token token, bool special, std::string& bytes) const = 0;
  virtual std::string decode(std::span<const Token> tokens, bool special) const = 0;
};

}  // namespace halfbyte
