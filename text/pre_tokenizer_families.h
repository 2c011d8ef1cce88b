// The table of pre-tokenizers: GGUF name -> the regular expressions by which that family cuts text.
#pragma once

#include <span>
#include <string_view>

namespace halfbyte {

struct PreTokenizerFamily {
  std::string_view name;
  std::span<const std::string_view> patterns;  // each cuts the words of the one before into its matches and what lies between them
  bool takes_whole_words = false;              // "ignore_merges" of tokenizer.json
  bool adds_bos = false;                       // when the file does not say
};

std::span<const PreTokenizerFamily> pre_tokenizer_families();

}  // namespace halfbyte
