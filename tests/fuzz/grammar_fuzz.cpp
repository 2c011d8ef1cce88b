// A grammar from the fuzzer: its kind in the first byte, then its source; then a walk through the tokens it allows. The Rust crate is
// not instrumented (cargo builds it as it is), so its branches do not steer the fuzzer; seeds carry it into them.
#include <cstdlib>
#include <string>

#include "grammar/grammar.h"
#include "text/small_vocabulary.h"

namespace {

using namespace halfbyte;

void require(bool holds) {
  if (!holds) std::abort();
}

const GrammarVocabulary& vocabulary() {
  static const auto tokenizer = *Tokenizer::open(byte_vocabulary().add("<|im_end|>", 3).add("true").add("\",\"").add("]]"));
  static const GrammarVocabulary opened = *GrammarVocabulary::open(*tokenizer);
  return opened;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  if (size == 0) return 0;
  const auto kind = static_cast<GrammarKind>(data[0] % 6);
  const auto grammar = Grammar::compile({kind, std::string(reinterpret_cast<const char*>(data + 1), size - 1)}, vocabulary());
  if (!grammar) {
    require(grammar.error().code != Code::kInternal && !grammar.error().message.empty());
    return 0;
  }
  GrammarState state = *(*grammar)->begin();
  for (size_t step = 0; step < 16; ++step) {
    const auto mask = state.mask();
    if (!mask) {
      require(mask.error().code != Code::kInternal);
      return 0;
    }
    Token chosen = -1;
    int skip = data[step % size];
    for (Token token = 0; token < vocabulary().size() && skip >= 0; ++token)
      if (token != 256 && mask->contains(token)) {
        chosen = token;
        --skip;
      }
    if (chosen < 0) return 0;
    const auto accepted = state.accept(chosen);
    require(!accepted || *accepted);
    if (!accepted) return 0;
    if (step % 5 == 4) {
      require(static_cast<bool>(state.rewind(1)));
      require(*state.mask() == *mask);
      require(*state.accept(chosen));
    }
  }
  return 0;
}
