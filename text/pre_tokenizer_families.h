// The table of pre-tokenizers: GGUF name -> how that family cuts text.
#pragma once

#include <span>
#include <string_view>
#include <vector>

#include "text/pre_tokenizer.h"

namespace halfbyte {

struct PreTokenizerFamily {
  std::string_view name;
  std::vector<PreTokenizer::Stage> (*stages)();
  bool takes_whole_words = false;  // "ignore_merges" of tokenizer.json
  bool adds_bos = false;           // when the file does not say
};

std::span<const PreTokenizerFamily> pre_tokenizer_families();

}  // namespace halfbyte
