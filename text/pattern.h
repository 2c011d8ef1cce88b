// The small part of regular expressions that pre-tokenizers are written in: alternatives tried in order, each a sequence of
// greedy runs of character sets. Matching is by table look-ups on the kind of each character; no text makes it more than linear.
#pragma once

#include <cstdint>
#include <span>
#include <string_view>
#include <vector>

#include "text/char_class.h"
#include "text/classified_text.h"

namespace halfbyte {

// One element of an alternative.
struct Element {
  enum class Kind : uint8_t {
    kRun,             // `least` to `most` characters of the set, as many as possible
    kSuffix,          // 's 't 're 've 'm 'll 'd, in lower case
    kAnyCaseSuffix,   // the same in any case
    kOptionalSuffix,  // the same in any case, or nothing
    kNotBeforeWord,   // (?!\S): a white-space character or the end follows
    kPhrase,          // (?:\p{L}\p{M}*(?: \p{L}\p{M}*)*)+: words with single blanks between them
    kLiteral,         // these very bytes
  };
  static constexpr uint32_t kNoLimit = UINT32_MAX;

  Kind kind = Kind::kRun;
  CharSet set = {};
  uint32_t least = 0, most = 0;
  std::span<const CodePointRange> ranges = {};  // characters beside the set, ascending
  std::string_view literal = {};
};

namespace pattern {
inline Element run(CharSet set, uint32_t least = 1, uint32_t most = Element::kNoLimit) { return {Element::Kind::kRun, set, least, most}; }
inline Element any(CharSet set) { return run(set, 0); }
inline Element optional(CharSet set) { return run(set, 0, 1); }
inline Element one(CharSet set) { return run(set, 1, 1); }
inline Element run(std::span<const CodePointRange> ranges) { return {Element::Kind::kRun, {}, 1, Element::kNoLimit, ranges}; }
inline Element suffix() { return {Element::Kind::kSuffix}; }
inline Element any_case_suffix() { return {Element::Kind::kAnyCaseSuffix}; }
inline Element optional_suffix() { return {Element::Kind::kOptionalSuffix}; }
inline Element not_before_word() { return {Element::Kind::kNotBeforeWord}; }
inline Element phrase() { return {Element::Kind::kPhrase}; }
inline Element literal(std::string_view text) { return {.kind = Element::Kind::kLiteral, .literal = text}; }
}  // namespace pattern

class Pattern {
 public:
  using Alternative = std::vector<Element>;
  Pattern(std::initializer_list<Alternative> alternatives);

  // Where the first alternative that matches at `at` ends; `at` when none does. Nothing at or past `end` is looked at.
  uint32_t match(const ClassifiedText& text, uint32_t at, uint32_t end) const;
  // Cuts [begin, end) into the matches and what lies between them; appends where each part ends.
  void split(const ClassifiedText& text, uint32_t begin, uint32_t end, std::vector<uint32_t>& ends) const;

 private:
  std::vector<Alternative> alternatives_;
  std::vector<uint32_t> starting_;  // by kind: a bit for each alternative that a character of this kind may begin
};

}  // namespace halfbyte
