// {"type": "Replace", "pattern": {"String" or "Regex": ...}, "content": ...}, of normalizers and of decoders.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "halfbyte/result.h"
#include "text/regex.h"
#include "text/tokenizer_json/fields.h"

namespace halfbyte::tokenizer_json {

// A string or a regular expression to look for. The empty string is nowhere.
class SearchPattern {
 public:
  static Result<SearchPattern> read(Fields& fields);
  const Regex* regex() const { return regex_ ? &*regex_ : nullptr; }  // null: look for the literal
  const std::string& literal() const { return literal_; }

 private:
  std::string literal_;
  std::optional<Regex> regex_;
};

class Replacement {
 public:
  static Result<Replacement> read(Fields& fields);
  // Stops replacing when the result passes `limit` bytes.
  std::string apply(std::string_view text, size_t limit) const;

 private:
  Replacement(SearchPattern pattern, std::string content) : pattern_(std::move(pattern)), content_(std::move(content)) {}
  SearchPattern pattern_;
  std::string content_;
};

}  // namespace halfbyte::tokenizer_json
