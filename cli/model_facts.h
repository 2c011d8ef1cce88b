// What a model file says about itself, gathered from its header for people and programs to read.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "formats/checkpoint.h"

namespace halfbyte {

struct TypeShare {  // the tensors of one number format
  std::string_view type;
  uint64_t tensors = 0, weights = 0, bytes = 0;
  double bits_per_weight() const { return weights == 0 ? 0 : 8.0 * static_cast<double>(bytes) / static_cast<double>(weights); }
};

struct Dimension {
  std::string_view name;        // in JSON
  std::string_view label;       // for people
  std::vector<int64_t> values;  // one, or one per layer
};

struct ModelFacts {
  std::string architecture, name, license, tokenizer, pre_tokenizer, chat_template;  // empty: the file does not say
  std::vector<Dimension> dimensions;                                                 // those the file states
  uint64_t vocabulary = 0;                                                           // tokens
  uint64_t file_bytes = 0;
  TypeShare all;                 // `type` empty
  std::vector<TypeShare> types;  // most bytes first
  std::vector<std::string> warnings;
};

// Nothing is required of the file: keys that are absent or of another type are left out.
ModelFacts gather_facts(const Checkpoint& file);

std::string facts_text(const ModelFacts& facts);  // lines and a table, all but the template

}  // namespace halfbyte
