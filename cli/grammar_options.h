// --json-schema, --grammar, --regex and --choice: what a reply is held to.
#pragma once

#include <optional>

#include "cli/command_line.h"
#include "halfbyte/grammar.h"

namespace halfbyte {

// One kind of them may be given; --choice several times.
void declare_grammar(Arguments& args, std::optional<GrammarSource>& grammar);

}  // namespace halfbyte
