// How a whole text, special tokens and all, becomes tokens and comes back: one codec per kind of vocabulary file.
#pragma once

#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "halfbyte/token.h"

namespace halfbyte {

// Immutable and thread-safe; refers to the Vocabulary it was opened with.
class Codec {
 public:
  virtual ~Codec() = default;
  // Appends the tokens of `text`, without those that only frame a text. `parse_special`: text that spells out a special token is it.
  virtual void encode(std::string_view text, bool parse_special, std::vector<Token>& tokens) const = 0;
  // Appends the bytes of a token that stands somewhere inside a text. Tokens that are no text (control) only if `special`.
  virtual void append_piece(Token token, bool special, std::string& bytes) const = 0;
  virtual std::string decode(std::span<const Token> tokens, bool special) const = 0;
};

}  // namespace halfbyte
