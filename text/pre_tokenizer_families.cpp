#include "text/pre_tokenizer_families.h"

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

// Each pattern is that of the families' own tokenizer.json (pre_tokenizer), cited as it stands there.

constexpr CodePointRange kIdeographsAndKana[] = {{0x3040, 0x30ff}, {0x4e00, 0x9fa5}};                 // [一-龥぀-ゟ゠-ヿ]
constexpr CodePointRange kDeepSeekIdeographs[] = {{0x800, 0x9fa5}, {0xac00, 0xd7ff}};                 // [一-龥ࠀ-一가-퟿]

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

Stages deepseek_3() { return {Pattern{{run(kN, 1, 3)}}, Pattern{{run(kIdeographsAndKana)}}, deepseek3()}; }

// DeepSeek's first models: [\r\n], then \s?[letters that have case]+, then \s?[punctuation]+, then \s+$, then ideographs, then \p{N}+
Stages deepseek_llm() {
  static constexpr CodePointRange kCased[] = {
      {0x41, 0x5a},       {0x61, 0x7a},       {0xb5, 0xb5},       {0xc0, 0xd6},       {0xd8, 0xf6},       {0xf8, 0x1ba},
      {0x1bc, 0x1bf},     {0x1c4, 0x293},     {0x295, 0x2af},     {0x370, 0x373},     {0x376, 0x377},     {0x37b, 0x37d},
      {0x37f, 0x37f},     {0x386, 0x386},     {0x388, 0x38a},     {0x38c, 0x38c},     {0x38e, 0x3a1},     {0x3a3, 0x3f5},
      {0x3f7, 0x481},     {0x48a, 0x52f},     {0x531, 0x556},     {0x10a0, 0x10c5},   {0x13a0, 0x13f5},   {0x13f8, 0x13fd},
      {0x1c90, 0x1cba},   {0x1cbd, 0x1cbf},   {0x1d00, 0x1d2b},   {0x1d6b, 0x1d77},   {0x1d79, 0x1d9a},   {0x1e00, 0x1f15},
      {0x1f18, 0x1f1d},   {0x1f20, 0x1f45},   {0x1f48, 0x1f4d},   {0x1f50, 0x1f57},   {0x1f59, 0x1f59},   {0x1f5b, 0x1f5b},
      {0x1f5d, 0x1f5d},   {0x1f5f, 0x1f7d},   {0x1f80, 0x1fb4},   {0x1fb6, 0x1fbc},   {0x1fbe, 0x1fbe},   {0x1fc2, 0x1fc4},
      {0x1fc6, 0x1fcc},   {0x1fd0, 0x1fd3},   {0x1fd6, 0x1fdb},   {0x1fe0, 0x1fec},   {0x1ff2, 0x1ff4},   {0x1ff6, 0x1ffc},
      {0x2102, 0x2102},   {0x2107, 0x2107},   {0x210a, 0x2113},   {0x2115, 0x2115},   {0x2119, 0x211d},   {0x2124, 0x2124},
      {0x2126, 0x2126},   {0x2128, 0x2128},   {0x212a, 0x212d},   {0x212f, 0x2134},   {0x2139, 0x2139},   {0x213c, 0x213f},
      {0x2145, 0x2149},   {0x214e, 0x214e},   {0x2183, 0x2184},   {0x2c00, 0x2c7b},   {0x2c7e, 0x2ce4},   {0x2ceb, 0x2cee},
      {0x2cf2, 0x2cf3},   {0xa640, 0xa66d},   {0xa680, 0xa69b},   {0xa722, 0xa76f},   {0xa771, 0xa787},   {0xa78b, 0xa78e},
      {0xab70, 0xabbf},   {0xfb00, 0xfb06},   {0xfb13, 0xfb17},   {0xff21, 0xff3a},   {0xff41, 0xff5a},   {0x10400, 0x1044f},
      {0x104b0, 0x104d3}, {0x104d8, 0x104fb}, {0x10c80, 0x10cb2}, {0x10cc0, 0x10cf2}, {0x118a0, 0x118df}, {0x1e900, 0x1e943}};
  static constexpr CodePointRange kMarks[] = {{0x21, 0x2f},     {0x3a, 0x7e},     {0x2018, 0x201f},
                                              {0x3000, 0x3002}, {0xff01, 0xff0f}, {0xff1a, 0xff5e}};  // [!-/:-~！-／：-～‘-‟　-。]
  return {Pattern{{one(kCrLf)}}, Pattern{{optional(kS), run(kCased)}},      Pattern{{optional(kS), run(kMarks)}},
          TrailingSpace{},       Pattern{{run(kDeepSeekIdeographs)}}, Pattern{{run(kN)}}};
}

// [\r\n], then \s?\p{L}+, then \s?\p{P}+, then ideographs, then \p{N}
Stages deepseek_coder() {
  return {Pattern{{one(kCrLf)}}, Pattern{{optional(kS), run(kL)}}, Pattern{{optional(kS), run(kP)}}, Pattern{{run(kDeepSeekIdeographs)}},
          Pattern{{one(kN)}}};
}

// Runs of punctuation, then GPT-2's, then [0-9][0-9][0-9]
Stages falcon() { return {Pattern{{run(kP | CharKind::kAsciiSymbol)}}, gpt2(), Pattern{{run(CharKind::kAsciiDigit, 3, 3)}}}; }

// Files older than the key: [\p{P}\$\+<=>\^~\|]+, then GPT-2's, then \p{N}+, then [0-9][0-9][0-9]
Stages unnamed() {
  static constexpr CodePointRange kSymbols[] = {{'$', '$'}, {'+', '+'}, {'<', '>'}, {'^', '^'}, {'|', '|'}, {'~', '~'}};
  Element marks = run(kSymbols);
  marks.set = kP;
  return {Pattern{{marks}}, gpt2(), Pattern{{run(kN)}}, Pattern{{run(CharKind::kAsciiDigit, 3, 3)}}};
}

//  ?[^(\s|.,!?…。，、।۔،)]+   The brackets and bar are members of the set, whatever was meant.
Pattern bloom_words() {
  static constexpr CodePointRange kOthers[] = {
      {0x0, 0x8},         {0xe, 0x1f},        {0x22, 0x27},       {0x2a, 0x2b},     {0x2d, 0x2d},         {0x2f, 0x3e},     {0x40, 0x7b},
      {0x7d, 0x84},       {0x86, 0x9f},       {0xa1, 0x60b},      {0x60d, 0x6d3},   {0x6d5, 0x963},       {0x965, 0x167f},  {0x1681, 0x1fff},
      {0x200b, 0x2025},   {0x2027, 0x2027},   {0x202a, 0x202e},   {0x2030, 0x205e}, {0x2060, 0x2fff},     {0x3003, 0xff0b}, {0xff0d, 0x10ffff}};
  return {{optional(kSpace), run(kOthers)}};
}
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
                  spaces(512), spaces(256), spaces(128), spaces(64), spaces(32), spaces(16), spaces(8), spaces(4),
                  {run(kS, 1, 2), not_before_word()},
                  {one(kS)}}};
}

// As DeepSeek 3, but newlines one by one and not after punctuation.
Stages spark() {
  return {Pattern{{run(kN, 1, 3)}}, Pattern{{run(kIdeographsAndKana)}},
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
  static constexpr CodePointRange kHangul[] = {{0x3131, 0x318e}, {0xac00, 0xd7a3}};
  static constexpr CodePointRange kMarks[] = {{0x2014, 0x2014}, {0x2018, 0x2019}, {0x201c, 0x201d}, {0x2026, 0x2026}, {0x3001, 0x303f},
                                              {0xfe30, 0xfe4f}, {0xff01, 0xff01}, {0xff0c, 0xff0c}, {0xff1a, 0xff1b}};
  static constexpr CodePointRange kBopomofo[] = {{0x3105, 0x312f}};
  return {Pattern{{run(kHangul)}, {run(kMarks)}, {run(kBopomofo)}, {run(kIdeographsAndKana)}}, cased_words(1, true)};
}

// \d{1,3}(?=(?:\d{3})*\b), then GPT-4o's
Stages tiny_aya() {
  constexpr CharSet kDigits = CharSet(CharKind::kAsciiDigit) | CharKind::kDigit;
  return {DigitsFromTheRight{kDigits, kL | kM | kN | CharKind::kUnderscore, true}, cased_words(3, true)};
}

// \p{N}+, then (?=(\d{3})+(?!\d)); no words otherwise
Stages superbpe() { return {Pattern{{run(kN)}}, DigitsFromTheRight{CharSet(CharKind::kAsciiDigit) | CharKind::kDigit, {}, false}}; }

// Digits in threes from the right, scripts without blanks, then DeepSeek 3's
Stages afmoe() {
  static constexpr CodePointRange kScripts[] = {{0xe40, 0xeff},   {0x1000, 0x109f}, {0x1100, 0x11ff}, {0x1780, 0x17ff}, {0x2f00, 0x2fdf},
                                                {0x3040, 0x30ff}, {0x3400, 0x4dbf}, {0x4e00, 0x9fff}, {0xa9e0, 0xa9ff}, {0xaa60, 0xaa7f},
                                                {0xac00, 0xd7af}, {0xf900, 0xfaff}, {0xff65, 0xff9f}};
  return {DigitsFromTheRight{kN, {}, true}, Pattern{{run(kScripts)}}, deepseek3()};
}

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
  static constexpr CodePointRange kHanSigns[] = {{0x2e80, 0x2e99}, {0x2e9b, 0x2ef3}, {0x2f00, 0x2fd5},
                                                 {0x3007, 0x3007}, {0x3021, 0x3029}, {0x3038, 0x303a}};  // \p{Han} that is no letter
  constexpr CharSet kNoHan = ~CharSet(CharKind::kHan);
  constexpr CharSet kHigh = (kUpperOrTitle | kUncased | kM) & kNoHan, kLow = (kLower | kUncased | kM) & kNoHan;
  constexpr CharSet kBefore = ~(kCrLf | kL | kN);
  Element han = run(kHanSigns);
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
  static constexpr CodePointRange kImageLetters[] = {{'A', 'I'}};
  Element image = run(kImageLetters);
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
