// A vocabulary and a text, both from the fuzzer. The input is lines: model and pre-tokenizer; tokens, each with a digit for its type and a
// letter for its score before its text; a line "--"; merges; a line "--"; the text, which is the rest as it is.
#include <cstdlib>

#include "base/utf8.h"
#include "formats/checkpoint.h"
#include "text/byte_level.h"
#include "text/tokenizer.h"

namespace {

using namespace halfbyte;

std::string_view take_line(std::string_view& input) {
  const size_t end = std::min(input.find('\n'), input.size());
  const std::string_view line = input.substr(0, end);
  input.remove_prefix(std::min(end + 1, input.size()));
  return line;
}

Metadata read_metadata(std::string_view& input) {
  const std::string_view names = take_line(input);
  const size_t blank = std::min(names.find(' '), names.size());
  Metadata metadata("fuzz");
  metadata.insert("tokenizer.ggml.model", std::string(names.substr(0, blank)));
  metadata.insert("tokenizer.ggml.pre", std::string(names.substr(std::min(blank + 1, names.size()))));
  std::vector<std::string> texts, merges;
  std::vector<int64_t> types;
  std::vector<double> scores;
  const auto add = [&](std::string_view text, int64_t type, double score) {
    texts.emplace_back(text);
    types.push_back(type);
    scores.push_back(score);
  };
  if (names.starts_with("gpt2")) {
    for (int byte = 0; byte < 256; ++byte) {
      const char c = static_cast<char>(byte);
      std::string text;
      append_byte_level({&c, 1}, text);
      add(text, 1, 0);
    }
  }
  while (!input.empty()) {
    const std::string_view line = take_line(input);
    if (line == "--") break;
    if (line.size() >= 2) add(line.substr(2), line[0] - '0', -(line[1] - 'a'));
  }
  while (!input.empty()) {
    const std::string_view line = take_line(input);
    if (line == "--") break;
    merges.emplace_back(line);
  }
  metadata.insert("tokenizer.ggml.tokens", std::move(texts));
  metadata.insert("tokenizer.ggml.token_type", std::move(types));
  metadata.insert("tokenizer.ggml.scores", std::move(scores));
  metadata.insert("tokenizer.ggml.merges", std::move(merges));
  return metadata;
}

void require(bool holds) {
  if (!holds) std::abort();
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  std::string_view input(reinterpret_cast<const char*>(data), size);
  const auto tokenizer = Tokenizer::open(read_metadata(input));
  if (!tokenizer) return 0;
  const Tokenizer& t = **tokenizer;
  for (const bool parse_special : {false, true}) {
    const auto tokens = t.encode(input, {.add_special = parse_special, .parse_special = parse_special});
    require(tokens.size() <= 4 * input.size() + 4);
    require(t.encode(input, {.add_special = parse_special, .parse_special = parse_special}) == tokens);  // what was learnt changes nothing
    Detokenizer stream(t, parse_special);
    std::string text;
    for (const Token token : tokens) {
      require(token >= 0 && token < t.vocabulary_size());
      text += stream.push(token);
    }
    text += stream.finish();
    for (size_t at = 0; at < text.size();) {
      const Utf8Character character = read_utf8(text, at);
      require(character.form == Utf8Character::Form::kWhole);
      at += character.bytes;
    }
    t.decode(tokens, parse_special);
  }
  return 0;
}
