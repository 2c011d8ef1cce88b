// "decoder" of a tokenizer.json: how the texts of tokens become text.
#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/json.h"
#include "halfbyte/result.h"

namespace halfbyte::tokenizer_json {

class DecoderStep {
 public:
  virtual ~DecoderStep() = default;
  // From the texts of the tokens, or of what earlier steps made of them, to fewer or others.
  virtual std::vector<std::string> apply(std::vector<std::string> texts) const = 0;
  // The same for one that stands somewhere inside; `is_fused`: an earlier step made all texts one.
  virtual std::string apply_inside(std::string text, bool is_fused) const = 0;
  virtual bool fuses() const { return false; }
};

class Decoder {
 public:
  Decoder();  // of a file without one: texts with blanks between
  static Result<Decoder> read(const Json& value, const std::string& where);

  // Bytes that are no UTF-8 come out as they are.
  std::string decode(std::vector<std::string> texts) const;
  // What one token stands for inside a text.
  std::string piece(std::string_view text) const;

 private:
  Result<void> add(const Json& value, const std::string& where);
  std::vector<std::unique_ptr<const DecoderStep>> steps_;
};

}  // namespace halfbyte::tokenizer_json
