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
  if (expression) {
    HB_TRY_ASSIGN(regex, Regex::compile(*expression, inside.where()));
    pattern.regex_ = std::move(regex);
  }
  return pattern;
}

std::vector<Regex::Match> SearchPattern::matches(const ClassifiedText& text, uint32_t begin, uint32_t end, Regex::Budget& budget) const {
  if (regex_) return regex_->matches(text, begin, end, budget);
  std::vector<Regex::Match> found;
  if (literal_.empty()) return found;
  const std::string_view inside = text.text().substr(0, end);
  for (size_t at = inside.find(literal_, begin); at != std::string_view::npos; at = inside.find(literal_, at + literal_.size()))
    found.push_back({static_cast<uint32_t>(at), static_cast<uint32_t>(at + literal_.size())});
  return found;
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
  if (pattern_.is_literal()) {
    const std::string& literal = pattern_.literal();
    while (!literal.empty() && out.size() <= limit) {
      const size_t found = text.find(literal, at);
      if (found == std::string_view::npos) break;
      out.append(text, at, found - at).append(content_);
      at = found + literal.size();
    }
  } else {
    const ClassifiedText classified(text);
    Regex::Budget budget(text.size());
    for (const Regex::Match& match : pattern_.matches(classified, 0, classified.size(), budget)) {
      if (out.size() > limit) break;
      out.append(text, at, match.begin - at).append(content_);
      at = match.end;
    }
  }
  return out.append(text, at);
}

}  // namespace halfbyte::tokenizer_json
