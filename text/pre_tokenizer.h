// How a family cuts text into words before its byte-pair merges, under the name GGUF gives it (tokenizer.ggml.pre).
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "halfbyte/result.h"
#include "text/pattern.h"

namespace halfbyte {

// Cuts a run of digits into threes counted from its right end, 12345 -> 12 345, unless one of `not_before` follows it.
struct DigitsFromTheRight {
  CharSet digits, not_before;
  bool cuts_around;  // also where the run begins and ends
};
// Cuts the white space that ends the text off it.
struct TrailingSpace {};

class PreTokenizer {
 public:
  using Stage = std::variant<Pattern, DigitsFromTheRight, TrailingSpace>;

  // kUnsupported names `name` and lists the known ones. `path` is for the message.
  static Result<PreTokenizer> open(std::string_view name, std::string_view path);

  bool takes_whole_words() const { return takes_whole_words_; }  // a word that is a token is that token, whatever merges would make of it
  bool adds_bos() const { return adds_bos_; }                    // when the file does not say

  // Where each word of the text ends, ascending; the last is the text's size. Each stage cuts the words of the one before.
  std::vector<uint32_t> word_ends(std::string_view text) const;

 private:
  PreTokenizer() = default;
  std::vector<Stage> stages_;
  bool takes_whole_words_ = false;
  bool adds_bos_ = false;
};

std::vector<std::string_view> pre_tokenizer_names();

}  // namespace halfbyte
