// How plain text, with no special token in it, becomes tokens, and what bytes a token stands for: one scheme per tokenizer.ggml.model.
#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "formats/checkpoint.h"
#include "halfbyte/result.h"
#include "halfbyte/token.h"
#include "text/vocabulary.h"

namespace halfbyte {

// Immutable and thread-safe; refers to the Vocabulary it was opened with.
class Scheme {
 public:
  virtual ~Scheme() = default;
  // Appends the tokens of `text`, at most 1 GiB. `opens`: it begins the input, or follows a special token.
  virtual void encode(std::string_view text, bool opens, std::vector<Token>& tokens) const = 0;
  // Appends the bytes of a token of type kNormal, kByte or kUnused.
  virtual void append_piece(Token token, std::string& bytes) const = 0;
  virtual bool drops_first_space() const { return false; }  // decode(): the space before the first word is the scheme's, not the text's
  virtual bool adds_bos() const { return false; }           // when the file does not say
  virtual bool adds_eos() const { return false; }
};

Result<std::unique_ptr<Scheme>> open_byte_level_bpe(const Metadata& metadata, const Vocabulary& vocabulary,
                                                    std::vector<std::string>& warnings);
Result<std::unique_ptr<Scheme>> open_spm(const Metadata& metadata, const Vocabulary& vocabulary);
Result<std::unique_ptr<Scheme>> open_word_piece(const Metadata& metadata, const Vocabulary& vocabulary);

}  // namespace halfbyte
