// "normalizer" of a tokenizer.json: what is done to text before it is cut into words.
#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/json.h"
#include "halfbyte/result.h"

namespace halfbyte::tokenizer_json {

class NormalizerStep {
 public:
  virtual ~NormalizerStep() = default;
  // Not longer than `limit` bytes by more than one replacement: a chain of them could ask for any amount of memory.
  virtual std::string apply(std::string_view text, size_t limit) const = 0;
};

class Normalizer {
 public:
  static Result<Normalizer> read(const Json& value, const std::string& where);

  // `text` itself when there is nothing to do, else a view of `buffer`. A step that would make more than 16 times the text, which
  // none does in earnest, is left out.
  std::string_view apply(std::string_view text, std::string& buffer) const;

 private:
  Result<void> add(const Json& value, const std::string& where);
  std::vector<std::unique_ptr<const NormalizerStep>> steps_;
};

}  // namespace halfbyte::tokenizer_json
