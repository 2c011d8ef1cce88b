#include "text/pre_tokenizer_families.h"

#include "text/code_point_ranges.h"

namespace halfbyte {
namespace {

using namespace pattern;
using Stages = std::vector<PreTokenizer::Stage>;
using chars::kAnything, chars::kAsciiLetter, chars::kAsciiP, chars::kCrLf, chars::kL, chars::kLower, chars::kM, chars::kN, chars::kP,
    chars::kS, chars::kSymbol, chars::kUncased, chars::kUpperOrTitle;
constexpr CharSet kSpace = CharKind::kSpace;
constexpr CharSet kSlashes = kCrLf | CharKind::kSlash;
constexpr CharSet kAsciiMarks = kAsciiP | CharKind::kAsciiSymbol;
constexpr CharSet kLineFeed = CharKind::kLineFeed;

// The patterns of the families' own tokenizer.json (pre_tokenizer), cited as they stand there.

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

// [^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]*[\p{Ll}\p{Lm}\p{Lo}\p{M}]+(?i:'s|'t|'re|'ve|'m|'ll|'d)?
// |[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]+[\p{Ll}\p{Lm}\p{Lo}\p{M}]*(?i:'s|'t|'re|'ve|'m|'ll|'d)?
// |\p{N}{1,digits}| ?[^\s\p{L}\p{N}]+[\r\n/]*|\s*[\r\n]+|\s+(?!\S)|\s+
// Tekken is the same without the suffixes.
Pattern cased_words(uint32_t digits, bool has_suffixes) {
  constexpr CharSet kHigh = kUpperOrTitle | kUncased | kM, kLow = kLower | kUncased | kM, kBefore = ~(kCrLf | kL | kN);
  const Element end = has_suffixes ? optional_suffix() : any(CharSet());
  return {{optional(kBefore), any(kHigh), run(kLow), end},
          {optional(kBefore), run(kHigh), any(kLow), end},
          {run(kN, 1, digits)},
          {optional(kSpace), run(~(kS | kL | kN)), any(kSlashes)},
          {any(kS), run(kCrLf)},
          {run(kS), not_before_word()},
          {run(kS)}};
}

// [!"#$%&'()*+,\-./:;<=>?@\[\\\]^_`{|}~][A-Za-z]+|[^\r\n\p{L}\p{P}\p{S}]?[\p{L}\p{M}]+| ?[\p{P}\p{S}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+
Pattern deepseek3() {
  return {{one(kAsciiMarks), run(kAsciiLetter)},
          {optional(~(kCrLf | kL | kP | kSymbol)), run(kL | kM)},
          {optional(kSpace), run(kP | kSymbol), any(kCrLf)},
          {any(kS), run(kCrLf)},
          {run(kS), not_before_word()},
          {run(kS)}};
}

Stages gpt_2() { return {gpt2()}; }
Stages llama_3() { return {llama3(3)}; }
Stages qwen_2() { return {llama3(1)}; }
Stages gpt_4o() { return {cased_words(3, true)}; }
Stages tekken() { return {cased_words(1, false)}; }
Stages single_digits() { return {Pattern{{one(kN)}}, gpt2()}; }

// (?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?[\p{L}\p{M}]+|\p{N}| ?[^\s\p{L}\p{M}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+
Stages qwen_35() {
  return {Pattern{{any_case_suffix()},
                  {optional(~(kCrLf | kL | kN)), run(kL | kM)},
                  {one(kN)},
                  {optional(kSpace), run(~(kS | kL | kM | kN)), any(kCrLf)},
                  {any(kS), run(kCrLf)},
                  {run(kS), not_before_word()},
                  {run(kS)}}};
}

Stages deepseek_3() { return {Pattern{{run(kN, 1, 3)}}, Pattern{{run(ranges::kIdeographsAndKana)}}, deepseek3()}; }

// DeepSeek's first models: [\r\n], then \s?[letters that have case]+, then \s?[punctuation]+, then \s+$, then ideographs, then \p{N}+
Stages deepseek_llm() {
  return {Pattern{{one(kCrLf)}}, Pattern{{optional(kS), run(ranges::kDeepSeekCased)}}, Pattern{{optional(kS), run(ranges::kDeepSeekMarks)}},
          TrailingSpace{},       Pattern{{run(ranges::kDeepSeekIdeographs)}},          Pattern{{run(kN)}}};
}

// [\r\n], then \s?\p{L}+, then \s?\p{P}+, then ideographs, then \p{N}
Stages deepseek_coder() {
  return {Pattern{{one(kCrLf)}}, Pattern{{optional(kS), run(kL)}}, Pattern{{optional(kS), run(kP)}},
          Pattern{{run(ranges::kDeepSeekIdeographs)}}, Pattern{{one(kN)}}};
}

// Runs of punctuation, then GPT-2's, then [0-9][0-9][0-9]
Stages falcon() { return {Pattern{{run(kP | CharKind::kAsciiSymbol)}}, gpt2(), Pattern{{run(CharKind::kAsciiDigit, 3, 3)}}}; }

// Files older than the key: [\p{P}\$\+<=>\^~\|]+, then GPT-2's, then \p{N}+, then [0-9][0-9][0-9]
Stages unnamed() {
  Element marks = run(ranges::kUnnamedSymbols);
  marks.set = kP;
  return {Pattern{{marks}}, gpt2(), Pattern{{run(kN)}}, Pattern{{run(CharKind::kAsciiDigit, 3, 3)}}};
}

//  ?[^(\s|.,!?…。，、।۔،)]+
Pattern bloom_words() { return {{optional(kSpace), run(ranges::kBloomWord)}}; }
Stages bloom() { return {bloom_words()}; }
Stages viking() { return {bloom_words(), Pattern{{one(kN)}}}; }

// As Llama 3, but with white space in runs of 512, 256, ... 4, then 1 or 2.
Stages jais_2() {
  const auto spaces = [](uint32_t count) { return Pattern::Alternative{run(kS, count, count), not_before_word()}; };
  return {Pattern{{any_case_suffix()},
                  {optional(~(kCrLf | kL | kN)), run(kL)},
                  {run(kN, 1, 3)},
                  {optional(kSpace), run(~(kS | kL | kN)), any(kCrLf)},
                  {any(kS), run(kCrLf)},
                  spaces(512),
                  spaces(256),
                  spaces(128),
                  spaces(64),
                  spaces(32),
                  spaces(16),
                  spaces(8),
                  spaces(4),
                  {run(kS, 1, 2), not_before_word()},
                  {one(kS)}}};
}

// As DeepSeek 3, but newlines one by one and not after punctuation.
Stages spark() {
  return {Pattern{{run(kN, 1, 3)}}, Pattern{{run(ranges::kIdeographsAndKana)}},
          Pattern{{one(kAsciiMarks), run(kAsciiLetter)},
                  {optional(~(kCrLf | kL | kP | kSymbol)), run(kL | kM)},
                  {optional(kSpace), run(kP | kSymbol)},
                  {one(kCrLf)},
                  {run(kS), not_before_word()},
                  {run(kS)}},
          Pattern{{one(kN)}}};
}

// [가-힣ㄱ-ㆎ]+|[！…“”‘’—：；，、-〿︰-﹏]+|[ㄅ-ㄯ]+|[一-龥぀-ゟ゠-ヿ]+, then GPT-4o's with single digits
Stages youtu() {
  return {Pattern{{run(ranges::kHangul)}, {run(ranges::kYoutuMarks)}, {run(ranges::kBopomofo)}, {run(ranges::kIdeographsAndKana)}},
          cased_words(1, true)};
}

// \d{1,3}(?=(?:\d{3})*\b), then GPT-4o's
Stages tiny_aya() {
  constexpr CharSet kDigits = CharSet(CharKind::kAsciiDigit) | CharKind::kDigit;
  return {DigitsFromTheRight{kDigits, kL | kM | kN | CharKind::kUnderscore, true}, cased_words(3, true)};
}

// \p{N}+, then (?=(\d{3})+(?!\d)); no words otherwise
Stages superbpe() { return {Pattern{{run(kN)}}, DigitsFromTheRight{CharSet(CharKind::kAsciiDigit) | CharKind::kDigit, {}, false}}; }

// Digits in threes from the right, scripts without blanks, then DeepSeek 3's
Stages afmoe() { return {DigitsFromTheRight{kN, {}, true}, Pattern{{run(ranges::kAfmoeScripts)}}, deepseek3()}; }

// (?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1}| ?[^\s\p{L}\p{N}\r\n]+|\s*[\r\n]+|\s+(?!\S)|\s+
Stages seed_coder() {
  return {Pattern{{any_case_suffix()},
                  {optional(~(kCrLf | kL | kN)), run(kL)},
                  {one(kN)},
                  {optional(kSpace), run(~(kS | kL | kN))},
                  {any(kS), run(kCrLf)},
                  {run(kS), not_before_word()},
                  {run(kS)}}};
}

// Qwen 2's without the English suffixes
Stages ufakzeka() {
  return {Pattern{{optional(~(kCrLf | kL | kN)), run(kL)},
                  {one(kN)},
                  {optional(kSpace), run(~(kS | kL | kN)), any(kCrLf)},
                  {any(kS), run(kCrLf)},
                  {run(kS), not_before_word()},
                  {run(kS)}}};
}

// [^\n]+|[\n]+, then Qwen 2's
Stages laguna() { return {Pattern{{run(~kLineFeed)}, {run(kLineFeed)}}, llama3(1)}; }

// (?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?(?:\p{L}\p{M}*(?: \p{L}\p{M}*)*)+|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n/]?|\s*[\r\n]|\s+(?!\S)|\s+
Stages exaone_moe() {
  return {Pattern{{any_case_suffix()},
                  {optional(~(kCrLf | kL | kN)), phrase()},
                  {one(kN)},
                  {optional(kSpace), run(~(kS | kL | kN)), optional(kSlashes)},
                  {any(kS), one(kCrLf)},
                  {run(kS), not_before_word()},
                  {run(kS)}}};
}

// \p{N}{1,3}, then Llama 3's with runs of digits whole
Stages minicpm_5() { return {Pattern{{run(kN, 1, 3)}}, llama3(Element::kNoLimit)}; }

// [\p{Han}]+, then GPT-4o's words without Han in them and without the slash after punctuation
Stages kimi_k2() {
  constexpr CharSet kNoHan = ~CharSet(CharKind::kHan);
  constexpr CharSet kHigh = (kUpperOrTitle | kUncased | kM) & kNoHan, kLow = (kLower | kUncased | kM) & kNoHan;
  constexpr CharSet kBefore = ~(kCrLf | kL | kN);
  Element han = run(ranges::kHanSigns);
  han.set = CharKind::kHan;
  return {Pattern{{han},
                  {optional(kBefore), any(kHigh), run(kLow), optional_suffix()},
                  {optional(kBefore), run(kHigh), any(kLow), optional_suffix()},
                  {run(kN, 1, 3)},
                  {optional(kSpace), run(~(kS | kL | kN)), any(kCrLf)},
                  {any(kS), run(kCrLf)},
                  {run(kS), not_before_word()},
                  {run(kS)}}};
}

// <sentinel:[0-9]+>, (IMGIMG)((A|B|C|D|E|F|G|H|I){1,4})Z, ([\t\n]|    |  ), \p{N}, [\p{P}!-/:-@\[-`{-~], then GPT-2's
Stages chameleon() {
  Element image = run(ranges::kAToI);
  image.most = 4;
  return {Pattern{{literal("<sentinel:"), run(CharKind::kAsciiDigit), literal(">")}},
          Pattern{{literal("IMGIMG"), image, literal("Z")}},
          Pattern{{one(kLineFeed | CharKind::kTab)}, {literal("    ")}, {literal("  ")}},
          Pattern{{one(kN)}},
          Pattern{{one(kP | CharKind::kAsciiSymbol)}},
          gpt2()};
}

constexpr PreTokenizerFamily kFamilies[] = {
    {"default", unnamed},
    {"gpt-2", gpt_2},
    {"a.x-4.0", gpt_2},
    {"exaone4", gpt_2},
    {"gigachat", gpt_2},
    {"granite-docling", gpt_2},
    {"jais", gpt_2},
    {"jina-de", gpt_2},
    {"jina-es", gpt_2},
    {"jina-v1-en", gpt_2},
    {"jina-v2-code", gpt_2},
    {"jina-v2-de", gpt_2},
    {"jina-v2-es", gpt_2},
    {"mellum", gpt_2},
    {"modern-bert", gpt_2},
    {"mpt", gpt_2},
    {"olmo", gpt_2},
    {"phi-2", gpt_2},
    {"roberta-bpe", gpt_2},
    {"trillion", gpt_2},
    {"smollm", single_digits},
    {"codeshell", single_digits},
    {"command-r", single_digits},
    {"exaone", single_digits},
    {"mellum2", single_digits},
    {"minerva-7b", single_digits},
    {"refact", single_digits},
    {"starcoder", single_digits},
    {"llama-bpe", llama_3, true, true},
    {"llama3", llama_3, true, true},
    {"llama-v3", llama_3, true, true},
    {"falcon3", llama_3, true, true},
    {"falcon-h1", llama_3, true, true},
    {"jina-v5-nano", llama_3, true, true},
    {"lfm2", llama_3, true, true},
    {"midm-2.0", llama_3, true, true},
    {"pixtral", llama_3, true, true},
    {"chatglm-bpe", llama_3},
    {"dbrx", llama_3},
    {"glm4", llama_3},
    {"smaug-bpe", llama_3},
    {"qwen2", qwen_2},
    {"bailingmoe", qwen_2},
    {"bailingmoe2", qwen_2},
    {"deepseek-r1-qwen", qwen_2},
    {"f2llmv2", qwen_2},
    {"grok-2", qwen_2},
    {"hunyuan", qwen_2},
    {"kormo", qwen_2},
    {"llada-moe", qwen_2},
    {"megrez", qwen_2},
    {"solar-open", qwen_2},
    {"stablelm2", qwen_2},
    {"qwen35", qwen_35},
    {"gpt-4o", gpt_4o},
    {"granite-embed-multi-97m", gpt_4o, true},
    {"kanana2", gpt_4o},
    {"llama4", gpt_4o},
    {"minimax-m2", gpt_4o},
    {"talkie", gpt_4o},
    {"tekken", tekken, true, true},
    {"deepseek-llm", deepseek_llm},
    {"deepseek-coder", deepseek_coder},
    {"deepseek-v3", deepseek_3},
    {"hunyuan-dense", deepseek_3},
    {"hy_v4", deepseek_3},
    {"joyai-llm", deepseek_3},
    {"falcon", falcon},
    {"bloom", bloom},
    {"gpt3-finnish", bloom},
    {"poro-chat", bloom},
    {"viking", viking},
    {"afmoe", afmoe},
    {"chameleon", chameleon, false, true},
    {"cohere2moe", tiny_aya},
    {"tiny_aya", tiny_aya},
    {"exaone-moe", exaone_moe},
    {"jais-2", jais_2},
    {"kimi-k2", kimi_k2},
    {"laguna", laguna},
    {"minicpm5", minicpm_5, true},
    {"seed-coder", seed_coder},
    {"spark2_5", spark},
    {"superbpe", superbpe},
    {"ufakzeka", ufakzeka},
    {"youtu", youtu, true},
};

}  // namespace

std::span<const PreTokenizerFamily> pre_tokenizer_families() { return kFamilies; }

}  // namespace halfbyte
