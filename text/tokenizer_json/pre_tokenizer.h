// "pre_tokenizer" of a tokenizer.json: how normalized text is cut into the words that the model takes one by one.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "base/json.h"
#include "halfbyte/result.h"
#include "text/tokenizer_json/words.h"

namespace halfbyte::tokenizer_json {

class PreTokenizerStep {
 public:
  virtual ~PreTokenizerStep() = default;
  virtual void apply(Words& words) const = 0;
  virtual bool writes_byte_level() const { return false; }
};

class PreTokenizer {
 public:
  static Result<PreTokenizer> read(const Json& value, const std::string& where);

  void apply(Words& words) const;
  // When the last thing done is to write bytes as printable characters: leaves that out, for a model that takes the bytes.
  bool leave_bytes();

 private:
  Result<void> add(const Json& value, const std::string& where);
  std::vector<std::unique_ptr<const PreTokenizerStep>> steps_;
};

}  // namespace halfbyte::tokenizer_json
