#include "cli/grammar_options.h"

#include "base/errors.h"
#include "base/file.h"
#include "base/json_writer.h"
#include "base/white_space.h"

namespace halfbyte {
namespace {

constexpr uint64_t kMostBytes = 1 << 20;  // of a file; grammars have their own limit

Result<void> set_once(std::optional<GrammarSource>& grammar, GrammarKind kind, std::string source) {
  if (grammar) return invalid("a reply is held to one grammar, and there is one already");
  grammar = GrammarSource{kind, std::move(source)};
  return {};
}

// An array of the choices, which each further one is added to.
Result<void> add_choice(std::optional<GrammarSource>& grammar, const std::string& choice) {
  if (!grammar || grammar->kind != GrammarKind::kChoice) HB_TRY(set_once(grammar, GrammarKind::kChoice, "[]"));
  std::string& choices = grammar->source;
  choices.pop_back();
  choices += fmt::format("{}{}]", choices == "[" ? "" : ", ", JsonWriter().value(choice).take());
  return {};
}

}  // namespace

void declare_grammar(Arguments& args, std::optional<GrammarSource>& grammar) {
  args.value("--json-schema", "FILE|TEXT", "hold the reply to this JSON Schema; \"{}\" is any JSON",
             [&grammar](const std::string& given) -> Result<void> {
               if (trimmed(given).starts_with('{')) return set_once(grammar, GrammarKind::kJsonSchema, given);
               HB_TRY_ASSIGN(text, read_text(given, kMostBytes));
               return set_once(grammar, GrammarKind::kJsonSchema, std::move(text));
             });
  args.value("--grammar", "FILE",
             "hold the reply to this grammar: GBNF, or Lark where it has no ::=", [&grammar](const std::string& given) -> Result<void> {
               HB_TRY_ASSIGN(text, read_text(given, kMostBytes));
               const bool is_gbnf = text.find("::=") != std::string::npos;
               return set_once(grammar, is_gbnf ? GrammarKind::kGbnf : GrammarKind::kLark, std::move(text));
             });
  args.value("--regex", "PATTERN", "hold the reply to this regular expression",
             [&grammar](const std::string& given) { return set_once(grammar, GrammarKind::kRegex, given); });
  args.repeated("--choice", "TEXT", "hold the reply to one of these; given several times",
                [&grammar](const std::string& given) { return add_choice(grammar, given); });
}

}  // namespace halfbyte
