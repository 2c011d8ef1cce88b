// Text <-> token ids, as the model file defines it. Immutable after open; thread-safe.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "formats/checkpoint.h"
#include "halfbyte/result.h"

namespace halfbyte {

using Token = int32_t;

enum class TokenType : uint8_t { kNormal = 1, kUnknown = 2, kControl = 3, kUserDefined = 4, kUnused = 5, kByte = 6 };  // GGUF's numbers

struct EncodeOptions {
  bool add_special = false;   // BOS / EOS / CLS / SEP as the model file asks for
  bool parse_special = true;  // "<|im_end|>" in the text is that token; false: plain characters
};

class Tokenizer {
 public:
  // From tokenizer.ggml.*. kCorrupt: the vocabulary contradicts itself; kUnsupported: an unknown model or pre-tokenizer, by name.
  static Result<std::unique_ptr<Tokenizer>> open(const Metadata& metadata);
  virtual ~Tokenizer() = default;

  // Any bytes are accepted; invalid UTF-8 is encoded as far as the vocabulary can and never refused.
  std::vector<Token> encode(std::string_view text, EncodeOptions options = {}) const;
  // The bytes of one token. Control tokens give their text when `special`, else nothing. Ids out of range give nothing.
  // A word-initial space mark becomes a space. Bytes may be part of a character: see Detokenizer.
  std::string piece(Token token, bool special = false) const;
  // All of `tokens`, with what the model's scheme does at the text's beginning (SPM drops the space it added).
  std::string decode(std::span<const Token> tokens, bool special = false) const;

  int vocabulary_size() const;
  std::string_view text(Token token) const;  // as it stands in the file
  TokenType type(Token token) const;
  std::optional<Token> find(std::string_view text) const;
  std::optional<Token> bos() const, eos() const, unknown() const, pad() const;
  bool adds_bos() const;  // the file asks for it
  bool adds_eos() const;
  bool ends_generation(Token token) const;  // eos, eot, eom, and every end-of-turn token the vocabulary is known by
  std::span<const Token> end_tokens() const;
  // What was odd in the file but harmless (a pad id past the vocabulary, ...).
  std::span<const std::string> warnings() const;
};

// Turns a stream of tokens into text that never ends in half a character.
class Detokenizer {
 public:
  explicit Detokenizer(const Tokenizer& tokenizer, bool special = false);
  // Text that has become complete with this token; may be empty. Invalid bytes become U+FFFD, one per maximal ill-formed part (Unicode 3.9).
  std::string push(Token token);
  // What is left at the end: an incomplete character as U+FFFD.
  std::string finish();
};

}  // namespace halfbyte
