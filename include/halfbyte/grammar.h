// What a reply may be held to.
#pragma once

#include <string>

namespace halfbyte {

enum class GrammarKind {
  kJsonObject,  // any JSON object; no source
  kJsonSchema,  // drafts 4 to 2020-12; a keyword that is not done is refused by its path
  kRegex,       // a regular expression for all of the reply, in the syntax of Rust's regex
  kChoice,      // one of the strings in a JSON array
  kLark,        // Lark, as llguidance has it
  kGbnf,        // llama.cpp's grammars
};

struct GrammarSource {
  GrammarKind kind = GrammarKind::kJsonObject;
  std::string source;
  bool operator==(const GrammarSource&) const = default;
};

// How a model marks what it thinks before it answers: <think> and </think>, say.
struct ThinkingMarkers {
  std::string open, close;  // neither is empty
  bool has_begun = false;   // the prompt ends with `open`
};

}  // namespace halfbyte
