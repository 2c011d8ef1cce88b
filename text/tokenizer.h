// Text <-> token ids, as the model file defines it. Immutable after open; thread-safe.
#pragma once

#include <bitset>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "formats/checkpoint.h"
#include "halfbyte/result.h"
#include "halfbyte/token.h"
#include "text/codec.h"
#include "text/special_ids.h"
#include "text/token_type.h"
#include "text/vocabulary.h"

namespace halfbyte {

struct EncodeOptions {
  bool add_special = false;    // BOS / EOS / CLS / SEP as the model file asks for
  bool parse_special = true;   // "<|im_end|>" in the text is that token; false: plain characters
  std::string_view drop = {};  // left out of what is no special token: a mark of spelled_apart()
};

class Tokenizer {
 public:
  // From tokenizer.ggml.*, or where that lists no tokens from the text of a tokenizer.json in tokenizer.huggingface.json; keeps nothing
  // of `metadata`. kCorrupt: the vocabulary contradicts itself; kUnsupported: an unknown model, pre-tokenizer, ..., by name.
  static Result<std::unique_ptr<Tokenizer>> open(const Metadata& metadata);
  Tokenizer(const Tokenizer&) = delete;
  Tokenizer& operator=(const Tokenizer&) = delete;

  // False: tokenizer.ggml.model is "no_vocab", and there are ids only. Then no text has tokens and no token has text.
  bool has_text() const { return codec_ != nullptr; }
  // Any bytes are accepted; invalid UTF-8 is encoded as far as the vocabulary can and never refused.
  std::vector<Token> encode(std::string_view text, EncodeOptions options = {}) const;
  // `text` with `mark` behind the first character of every control token that it spells, so that it spells none: tokenized with
  // `mark` dropped, it is the tokens of its characters. `mark` is not empty and does not occur in the text.
  std::string spelled_apart(std::string_view text, std::string_view mark) const;
  // The bytes of one token. Control tokens give their text when `special`, else nothing. Ids out of range give nothing.
  // A word-initial space mark becomes a space, also of what could be the first word. Bytes may be part of a character: see Detokenizer.
  std::string piece(Token token, bool special = false) const;
  // All of `tokens`, with what the model's scheme does at the text's beginning (SPM drops the space it added).
  std::string decode(std::span<const Token> tokens, bool special = false) const;

  int vocabulary_size() const { return vocabulary_.size(); }
  std::string_view text(Token token) const;  // as it stands in the file; empty: out of range
  TokenType type(Token token) const;         // kUnused: out of range
  std::optional<Token> find(std::string_view text) const { return vocabulary_.find(text); }
  std::optional<Token> bos() const { return ids_.bos; }
  std::optional<Token> eos() const { return ids_.eos; }
  // What a template sees of them: as the files say it, else the token's text. Empty: none.
  std::string_view bos_text() const { return ids_.bos_text ? *ids_.bos_text : text(ids_.bos.value_or(-1)); }
  std::string_view eos_text() const { return ids_.eos_text ? *ids_.eos_text : text(ids_.eos.value_or(-1)); }
  bool adds_bos() const { return ids_.adds_bos; }  // the file asks for it
  bool adds_eos() const { return ids_.adds_eos; }
  std::span<const Token> end_tokens() const { return ids_.ends; }  // those that end a generation, ascending
  bool ends_generation(Token token) const;                         // eos, eot, eom, and every end-of-turn token the vocabulary is known by
  // What was odd in the file but harmless (a pad id past the vocabulary, ...).
  std::span<const std::string> warnings() const { return warnings_; }

 private:
  Tokenizer() = default;
  Result<void> open_gguf_vocabulary(const Metadata& metadata);
  Result<void> open_tokenizer_json(const Metadata& metadata);
  Result<void> open_ids_only(const Metadata& metadata);
  void list_controls();
  bool is_control(Token token) const;
  // Sets ids_ and what frames a text; `frame` is what the file asks for where keys of the metadata do not.
  struct Frame {
    std::vector<Token> before, after;
  };
  Result<void> read_ids(const Metadata& metadata, SpecialDefaults defaults, Frame frame);

  Vocabulary vocabulary_;
  SpecialIds ids_;
  Frame frame_;
  std::unique_ptr<const Codec> codec_;     // refers to vocabulary_
  std::vector<size_t> control_lengths_;    // of the texts of control tokens, ascending
  std::bitset<65536> control_beginnings_;  // the first two bytes of those
  std::vector<std::string> warnings_;
};

// Turns a stream of tokens into text that never ends in half a character.
class Detokenizer {
 public:
  explicit Detokenizer(const Tokenizer& tokenizer, bool special = false) : tokenizer_(tokenizer), special_(special) {}
  // Text that has become complete with this token; may be empty. Invalid bytes become U+FFFD, one per maximal ill-formed part
  // (Unicode 3.9).
  std::string push(Token token);
  // What is left at the end: an incomplete character as U+FFFD.
  std::string finish();

 private:
  const Tokenizer& tokenizer_;
  bool special_;
  std::string pending_;  // the beginning of a character, at most 3 bytes
};

}  // namespace halfbyte
