// How a family cuts text into words before its byte-pair merges, under the name GGUF gives it (tokenizer.ggml.pre).
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "halfbyte/result.h"
#include "text/regex.h"

namespace halfbyte {

class PreTokenizer {
 public:
  // kUnsupported names `name` and lists the known ones. `path` is for the message.
  static Result<PreTokenizer> open(std::string_view name, std::string_view path);

  bool takes_whole_words() const { return takes_whole_words_; }  // a word that is a token is that token, whatever merges would make of it
  bool adds_bos() const { return adds_bos_; }                    // when the file does not say

  // Where each word of the text ends, ascending; the last is the text's size. Each pattern cuts the words of the one before.
  std::vector<uint32_t> word_ends(std::string_view text) const;

 private:
  PreTokenizer() = default;
  std::vector<Regex> patterns_;
  bool takes_whole_words_ = false;
  bool adds_bos_ = false;
};

std::vector<std::string_view> pre_tokenizer_names();

}  // namespace halfbyte
