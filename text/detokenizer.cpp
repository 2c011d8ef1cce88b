#include "base/utf8.h"
#include "text/tokenizer.h"

namespace halfbyte {
namespace {

constexpr std::string_view kReplacement = "\xef\xbf\xbd";  // U+FFFD

}  // namespace

std::string Detokenizer::push(Token token) {
  pending_ += tokenizer_.piece(token, special_);
  std::string text;
  size_t at = 0;
  while (at < pending_.size()) {
    const Utf8Character character = read_utf8(pending_, at);
    if (character.form == Utf8Character::Form::kCutShort) break;
    if (character.form == Utf8Character::Form::kWhole)
      text.append(pending_, at, character.bytes);
    else
      text += kReplacement;
    at += character.bytes;
  }
  pending_.erase(0, at);
  return text;
}

std::string Detokenizer::finish() {
  std::string text;
  if (!pending_.empty()) text = kReplacement;  // one ill-formed part: what push() leaves could have become one character
  pending_.clear();
  return text;
}

}  // namespace halfbyte
