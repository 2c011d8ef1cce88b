#include "text/pattern.h"

#include <algorithm>
#include <array>
#include <bit>

namespace halfbyte {
namespace {

using Kind = Element::Kind;
constexpr uint32_t kNoMatch = UINT32_MAX;

bool in_ranges(std::span<const CodePointRange> ranges, char32_t c) {
  const auto at = std::partition_point(ranges.begin(), ranges.end(), [&](const CodePointRange& r) { return r.last < c; });
  return at != ranges.end() && at->first <= c;
}

bool takes(const Element& element, const ClassifiedText& text, uint32_t at) {
  return element.set.contains(text.kind(at)) || (!element.ranges.empty() && in_ranges(element.ranges, text.code_point(at)));
}

// The end of 's 't 're 've 'm 'll 'd at `at`, or `at`.
uint32_t suffix_end(const ClassifiedText& text, uint32_t at, uint32_t end, bool any_case) {
  if (end - at < 2 || text.byte(at) != '\'') return at;
  const auto letter = [&](uint32_t i) {
    const char c = text.byte(i);
    return any_case && c >= 'A' && c <= 'Z' ? static_cast<char>(c + ('a' - 'A')) : c;
  };
  const char first = letter(at + 1);
  if (first == 's' || first == 't' || first == 'm' || first == 'd') return at + 2;
  if (end - at < 3) return at;
  const char second = letter(at + 2);
  const bool known = (first == 'r' && second == 'e') || (first == 'v' && second == 'e') || (first == 'l' && second == 'l');
  return known ? at + 3 : at;
}

// The end of words with single blanks between them at `at`, or `at`.
uint32_t phrase_end(const ClassifiedText& text, uint32_t at, uint32_t end) {
  const auto is = [&](CharSet set, uint32_t i) { return i < end && set.contains(text.kind(i)); };
  if (!is(chars::kL, at)) return at;
  for (at = text.after(at);;) {
    if (is(chars::kL | chars::kM, at))
      at = text.after(at);
    else if (is(CharKind::kSpace, at) && is(chars::kL, at + 1))
      at = text.after(at + 1);
    else
      return at;
  }
}

uint32_t match_from(std::span<const Element> elements, const ClassifiedText& text, uint32_t at, uint32_t end) {
  if (elements.empty()) return at;
  const Element& element = elements.front();
  const auto rest = elements.subspan(1);
  switch (element.kind) {
    case Kind::kRun: {
      uint32_t stop = at, count = 0;
      while (count < element.most && stop < end && takes(element, text, stop)) {
        stop = text.after(stop);
        ++count;
      }
      for (;; --count, stop = text.before(stop)) {
        if (count < element.least) return kNoMatch;
        const uint32_t last = match_from(rest, text, stop, end);
        if (last != kNoMatch || count == 0) return last;
      }
    }
    case Kind::kSuffix:
    case Kind::kAnyCaseSuffix: {
      const uint32_t stop = suffix_end(text, at, end, element.kind == Kind::kAnyCaseSuffix);
      return stop == at ? kNoMatch : match_from(rest, text, stop, end);
    }
    case Kind::kOptionalSuffix: return match_from(rest, text, suffix_end(text, at, end, true), end);
    case Kind::kNotBeforeWord: return at == end || chars::kS.contains(text.kind(at)) ? match_from(rest, text, at, end) : kNoMatch;
    case Kind::kPhrase: {
      const uint32_t stop = phrase_end(text, at, end);
      return stop == at ? kNoMatch : match_from(rest, text, stop, end);
    }
    case Kind::kLiteral: {
      const bool here = text.text().substr(at, end - at).starts_with(element.literal);
      return here ? match_from(rest, text, at + static_cast<uint32_t>(element.literal.size()), end) : kNoMatch;
    }
  }
  return kNoMatch;
}

// The kinds of character an alternative may begin with.
CharSet first_set(const Pattern::Alternative& alternative) {
  CharSet first;
  for (const Element& element : alternative) {
    switch (element.kind) {
      case Kind::kRun: first = first | (element.ranges.empty() ? element.set : chars::kAnything); break;
      case Kind::kSuffix:
      case Kind::kAnyCaseSuffix: return first | CharKind::kApostrophe;
      case Kind::kOptionalSuffix: first = first | CharKind::kApostrophe; break;
      case Kind::kNotBeforeWord: break;
      case Kind::kPhrase: return first | chars::kL;
      case Kind::kLiteral: return first | kind_of(static_cast<unsigned char>(element.literal.front()));
    }
    if (element.kind == Kind::kRun && element.least > 0) return first;
  }
  return first;
}

}  // namespace

Pattern::Pattern(std::initializer_list<Alternative> alternatives)
    : alternatives_(alternatives), starting_(static_cast<size_t>(CharKind::kContinuation)) {
  for (size_t i = 0; i < alternatives_.size(); ++i) {
    const CharSet first = first_set(alternatives_[i]);
    for (size_t kind = 0; kind < starting_.size(); ++kind)
      if (first.contains(static_cast<CharKind>(kind))) starting_[kind] |= 1u << i;
  }
}

uint32_t Pattern::match(const ClassifiedText& text, uint32_t at, uint32_t end) const {
  for (uint32_t left = starting_[static_cast<size_t>(text.kind(at))]; left != 0; left &= left - 1) {
    const uint32_t stop = match_from(alternatives_[static_cast<size_t>(std::countr_zero(left))], text, at, end);
    if (stop != kNoMatch && stop != at) return stop;
  }
  return at;
}

void Pattern::split(const ClassifiedText& text, uint32_t begin, uint32_t end, std::vector<uint32_t>& ends) const {
  uint32_t between = begin;  // where the part outside any match began
  for (uint32_t at = begin; at < end;) {
    const uint32_t stop = match(text, at, end);
    if (stop == at) {
      at = text.after(at);
      continue;
    }
    if (between < at) ends.push_back(at);
    ends.push_back(stop);
    between = at = stop;
  }
  if (between < end) ends.push_back(end);
}

}  // namespace halfbyte
