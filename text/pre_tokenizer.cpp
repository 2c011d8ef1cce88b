#include "text/pre_tokenizer.h"

#include <algorithm>

#include "base/errors.h"
#include "text/pre_tokenizer_families.h"

namespace halfbyte {
namespace {

using chars::kS;

void cut(const Pattern& stage, const ClassifiedText& text, uint32_t begin, uint32_t end, std::vector<uint32_t>& ends) {
  stage.split(text, begin, end, ends);
}

void cut(const DigitsFromTheRight& stage, const ClassifiedText& text, uint32_t begin, uint32_t end, std::vector<uint32_t>& ends) {
  uint32_t last = begin;
  const auto cut_at = [&](uint32_t at) {
    if (last < at) ends.push_back(last = at);
  };
  for (uint32_t at = begin; at < end;) {
    if (!stage.digits.contains(text.kind(at))) {
      at = text.after(at);
      continue;
    }
    uint32_t digits = 0, stop = at;
    for (; stop < end && stage.digits.contains(text.kind(stop)); stop = text.after(stop)) ++digits;
    if (stop == end || !stage.not_before.contains(text.kind(stop))) {
      if (stage.cuts_around) cut_at(at);
      for (; digits > 0; --digits, at = text.after(at))
        if (digits % 3 == 0) cut_at(at);
      if (stage.cuts_around) cut_at(stop);
    }
    at = stop;
  }
  cut_at(end);
}

void cut(const TrailingSpace&, const ClassifiedText& text, uint32_t begin, uint32_t end, std::vector<uint32_t>& ends) {
  uint32_t space = end;
  while (space > begin && kS.contains(text.kind(text.before(space)))) space = text.before(space);
  if (begin < space) ends.push_back(space);
  if (space < end) ends.push_back(end);
}

}  // namespace

Result<PreTokenizer> PreTokenizer::open(std::string_view name, std::string_view path) {
  const auto families = pre_tokenizer_families();
  const auto family = std::find_if(families.begin(), families.end(), [&](const PreTokenizerFamily& f) { return f.name == name; });
  if (family == families.end())
    return unsupported("{}: tokenizer.ggml.pre: unknown pre-tokenizer '{}'; known: {}", path, escaped(name),
                       fmt::join(pre_tokenizer_names(), ", "));
  PreTokenizer pre;
  pre.stages_ = family->stages();
  pre.takes_whole_words_ = family->takes_whole_words;
  pre.adds_bos_ = family->adds_bos;
  return pre;
}

std::vector<uint32_t> PreTokenizer::word_ends(std::string_view text) const {
  const ClassifiedText classified(text);
  std::vector<uint32_t> ends, cut_ends;
  ends.reserve(text.size() / 4 + 1);
  if (!text.empty()) ends.push_back(classified.size());
  for (const Stage& stage : stages_) {
    cut_ends.clear();
    uint32_t begin = 0;
    for (const uint32_t end : ends) {
      std::visit([&](const auto& s) { cut(s, classified, begin, end, cut_ends); }, stage);
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
