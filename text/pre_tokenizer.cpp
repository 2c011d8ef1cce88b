#include "text/pre_tokenizer.h"

#include <algorithm>

#include "base/errors.h"
#include "text/pre_tokenizer_families.h"

namespace halfbyte {
namespace {

// Cuts [begin, end) into the matches and what lies between them; appends where each part ends.
void cut(RegexSearch& search, uint32_t begin, uint32_t end, std::vector<uint32_t>& ends) {
  uint32_t last = begin;
  const auto cut_at = [&](uint32_t at) {
    if (last < at) ends.push_back(last = at);
  };
  search.enter(begin, end);
  for (Regex::Match match; search.next(match);) {
    cut_at(match.begin);
    cut_at(match.end);
  }
  cut_at(end);
}

}  // namespace

Result<PreTokenizer> PreTokenizer::open(std::string_view name, std::string_view path) {
  const auto families = pre_tokenizer_families();
  const auto family = std::find_if(families.begin(), families.end(), [&](const PreTokenizerFamily& f) { return f.name == name; });
  if (family == families.end())
    return unsupported("{}: tokenizer.ggml.pre: unknown pre-tokenizer '{}'; known: {}", path, escaped(name),
                       fmt::join(pre_tokenizer_names(), ", "));
  PreTokenizer pre;
  for (const std::string_view pattern : family->patterns) {
    HB_TRY_ASSIGN(regex, Regex::compile(pattern, name));
    pre.patterns_.push_back(std::move(regex));
  }
  pre.takes_whole_words_ = family->takes_whole_words;
  pre.adds_bos_ = family->adds_bos;
  return pre;
}

std::vector<uint32_t> PreTokenizer::word_ends(std::string_view text) const {
  const ClassifiedText classified(text);
  std::vector<uint32_t> ends, cut_ends;
  cut_ends.reserve(text.size() / 4 + 1);
  if (!text.empty()) ends.push_back(classified.size());
  for (const Regex& pattern : patterns_) {
    RegexSearch search(pattern, classified);
    cut_ends.clear();
    uint32_t begin = 0;
    for (const uint32_t end : ends) {
      cut(search, begin, end, cut_ends);
      begin = end;
    }
    ends.swap(cut_ends);
  }
  return ends;
}

std::vector<std::string_view> pre_tokenizer_names() {
  std::vector<std::string_view> names;
  for (const PreTokenizerFamily& family : pre_tokenizer_families()) names.push_back(family.name);
  return names;
}

}  // namespace halfbyte
