#include "text/tokenizer_json/replacement.h"

#include "base/errors.h"

namespace halfbyte::tokenizer_json {
namespace {

constexpr size_t kLongestContent = 1024;

}  // namespace

Result<SearchPattern> SearchPattern::read(Fields& fields) {
  const Json* value = fields.take("pattern");
  if (value == nullptr) return expected(fields.place("pattern"), "an object", nullptr);
  HB_TRY_ASSIGN(inside, Fields::of(*value, fields.place("pattern")));
  HB_TRY_ASSIGN(literal, inside.optional_text("String"));
  HB_TRY_ASSIGN(expression, inside.optional_text("Regex"));
  HB_TRY(inside.finish());
  if (literal.has_value() == expression.has_value()) return expected(inside.where(), "one of String and Regex", nullptr);
  SearchPattern pattern;
  if (literal) pattern.literal_ = std::move(*literal);
  if (expression) HB_TRY_INTO(pattern.regex_, Regex::compile(*expression, inside.where()));
  return pattern;
}

Result<Replacement> Replacement::read(Fields& fields) {
  HB_TRY_ASSIGN(pattern, SearchPattern::read(fields));
  HB_TRY_ASSIGN(content, fields.text("content"));
  if (content.size() > kLongestContent)
    return unsupported("{}: expected at most {} bytes, found {}", fields.place("content"), kLongestContent, content.size());
  return Replacement(std::move(pattern), std::move(content));
}

std::string Replacement::apply(std::string_view text, size_t limit) const {
  std::string out;
  out.reserve(text.size());
  size_t at = 0;
  if (pattern_.regex() == nullptr) {
    const std::string& literal = pattern_.literal();
    while (!literal.empty() && out.size() <= limit) {
      const size_t found = text.find(literal, at);
      if (found == std::string_view::npos) break;
      out.append(text, at, found - at).append(content_);
      at = found + literal.size();
    }
  } else {
    const ClassifiedText classified(text);
    RegexSearch search(*pattern_.regex(), classified);
    search.enter(0, classified.size());
    for (Regex::Match match; out.size() <= limit && search.next(match);) {
      out.append(text, at, match.begin - at).append(content_);
      at = match.end;
    }
  }
  return out.append(text, at);
}

}  // namespace halfbyte::tokenizer_json
