// A tokenizer.json and a text, both from the fuzzer: the file up to the first byte 0, then the text.
#include <algorithm>
#include <cstdlib>

#include "formats/checkpoint.h"
#include "text/tokenizer.h"

namespace {

using namespace halfbyte;

void require(bool holds) {
  if (!holds) std::abort();
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const std::string_view input(reinterpret_cast<const char*>(data), size);
  const size_t end = std::min(input.find('\0'), input.size());
  const std::string_view text = input.substr(std::min(end + 1, input.size()));
  Metadata metadata("fuzz");
  metadata.insert("tokenizer.huggingface.json", std::string(input.substr(0, end)));
  const auto tokenizer = Tokenizer::open(metadata);
  if (!tokenizer) {
    require(!tokenizer.error().message.empty());
    return 0;
  }
  const Tokenizer& t = **tokenizer;
  for (const bool parse_special : {false, true}) {
    const auto tokens = t.encode(text, {.add_special = parse_special, .parse_special = parse_special});
    require(t.encode(text, {.add_special = parse_special, .parse_special = parse_special}) == tokens);  // what was learnt changes nothing
    Detokenizer stream(t, parse_special);
    for (const Token token : tokens) {
      require(token >= 0 && token < t.vocabulary_size());
      stream.push(token);
    }
    stream.finish();
    t.decode(tokens, parse_special);
  }
  return 0;
}
