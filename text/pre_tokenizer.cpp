#include "text/pre_tokenizer.h"

#include <algorithm>
#include <array>

#include "base/errors.h"

namespace halfbyte {
namespace {

using namespace pattern;
using Stage = PreTokenizer::Stage;
using Stages = std::vector<Stage>;
using chars::kCrLf, chars::kL, chars::kM, chars::kN, chars::kP, chars::kS, chars::kSymbol;
constexpr CharSet kSpace = CharKind::kSpace;
constexpr CharSet kNewlineOrSlash = kCrLf | CharKind::kSlash;

// The patterns below are those of each family's tokenizer.json, cited above them as they stand there.

// 's|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+
Pattern gpt2() {
  return {{suffix()},
          {optional(kSpace), run(kL)},
          {optional(kSpace), run(kN)},
          {optional(kSpace), run(~(kS | kL | kN))},
          {run(kS), not_before_word()},
          {run(kS)}};
}

// (?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,digits}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+
Pattern llama3(uint32_t digits) {
  return {{any_case_suffix()},
          {optional(~(kCrLf | kL | kN)), run(kL)},
          {run(kN, 1, digits)},
          {optional(kSpace), run(~(kS | kL | kN)), any(kCrLf)},
          {any(kS), run(kCrLf)},
          {run(kS), not_before_word()},
          {run(kS)}};
}

struct Row {
  std::string_view name;
  Stages (*stages)();
  bool takes_whole_words = false;
  bool adds_bos = false;
};

Stages gpt2_stages() { return {gpt2()}; }
Stages llama3_stages() { return {llama3(3)}; }
Stages qwen2_stages() { return {llama3(1)}; }
// \p{N}, then GPT-2's
Stages single_digits_stages() { return {Pattern{{one(kN)}}, gpt2()}; }

constexpr Row kRows[] = {
    {"gpt-2", gpt2_stages},
    {"llama-bpe", llama3_stages, true, true},
    {"qwen2", qwen2_stages},
    {"smollm", single_digits_stages},
};

void cut(const Pattern& stage, const ClassifiedText& text, uint32_t begin, uint32_t end, std::vector<uint32_t>& ends) {
  stage.split(text, begin, end, ends);
}

void cut(const DigitsFromTheRight& stage, const ClassifiedText& text, uint32_t begin, uint32_t end, std::vector<uint32_t>& ends) {
  uint32_t between = begin;
  for (uint32_t at = begin; at < end;) {
    if (!stage.digits.contains(text.kind(at))) {
      at = text.after(at);
      continue;
    }
    uint32_t digits = 0, stop = at;
    for (; stop < end && stage.digits.contains(text.kind(stop)); stop = text.after(stop)) ++digits;
    if (between < at) ends.push_back(at);
    while (digits > 0) {
      at = text.after(at);
      if (--digits % 3 == 0) ends.push_back(at);
    }
    between = at;
  }
  if (between < end) ends.push_back(end);
}

void cut(const TrailingSpace&, const ClassifiedText& text, uint32_t begin, uint32_t end, std::vector<uint32_t>& ends) {
  uint32_t space = end;
  while (space > begin && kS.contains(text.kind(text.before(space)))) space = text.before(space);
  if (begin < space) ends.push_back(space);
  if (space < end) ends.push_back(end);
}

}  // namespace

Result<PreTokenizer> PreTokenizer::open(std::string_view name, std::string_view path) {
  const auto row = std::find_if(std::begin(kRows), std::end(kRows), [&](const Row& r) { return r.name == name; });
  if (row == std::end(kRows))
    return unsupported("{}: tokenizer.ggml.pre: unknown pre-tokenizer '{}'; known: {}", path, escaped(name),
                       fmt::join(pre_tokenizer_names(), ", "));
  PreTokenizer pre;
  pre.stages_ = row->stages();
  pre.takes_whole_words_ = row->takes_whole_words;
  pre.adds_bos_ = row->adds_bos;
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
  for (const Row& row : kRows) names.push_back(row.name);
  return names;
}

}  // namespace halfbyte
