#include "grammar/grammar.h"

#include <string>

#include "base/errors.h"
#include "rust/halfbyte_rust.h"

namespace halfbyte {
namespace {

std::string_view name_of(GrammarKind kind) {
  switch (kind) {
    case GrammarKind::kJsonObject: return "json object";
    case GrammarKind::kJsonSchema: return "json schema";
    case GrammarKind::kRegex: return "regex";
    case GrammarKind::kChoice: return "choice";
    case GrammarKind::kLark: return "lark grammar";
    case GrammarKind::kGbnf: return "gbnf grammar";
  }
  return "grammar";
}

static_assert(static_cast<uint32_t>(GrammarKind::kJsonObject) == HB_GRAMMAR_JSON_OBJECT);
static_assert(static_cast<uint32_t>(GrammarKind::kJsonSchema) == HB_GRAMMAR_JSON_SCHEMA);
static_assert(static_cast<uint32_t>(GrammarKind::kRegex) == HB_GRAMMAR_REGEX);
static_assert(static_cast<uint32_t>(GrammarKind::kChoice) == HB_GRAMMAR_CHOICE);
static_assert(static_cast<uint32_t>(GrammarKind::kLark) == HB_GRAMMAR_LARK);
static_assert(static_cast<uint32_t>(GrammarKind::kGbnf) == HB_GRAMMAR_GBNF);

Code code_of(uint32_t outcome) {
  switch (outcome) {
    case HB_GRAMMAR_INVALID: return Code::kInvalid;
    case HB_GRAMMAR_UNSUPPORTED: return Code::kUnsupported;
    case HB_GRAMMAR_TOO_LARGE: return Code::kTooLong;
    default: return Code::kInternal;
  }
}

// What is said may quote the grammar; it becomes one line of plain characters.
Result<void> result_of(hb_grammar_reply reply, std::string_view whose) {
  const std::string text(reply.text.bytes, reply.text.size);
  hb_text_free(reply.text);
  if (reply.outcome == HB_GRAMMAR_OK) return {};
  return Error{code_of(reply.outcome), fmt::format("{}: {}", whose, escaped(text, 400))};
}

}  // namespace

void GrammarVocabulary::Free::operator()(hb_vocabulary* vocabulary) const { hb_vocabulary_free(vocabulary); }
void GrammarState::Free::operator()(hb_grammar_state* state) const { hb_grammar_state_free(state); }
void Grammar::Free::operator()(hb_grammar* grammar) const { hb_grammar_free(grammar); }

Result<GrammarVocabulary> GrammarVocabulary::open(const Tokenizer& tokenizer) {
  if (!tokenizer.has_text()) return unsupported("grammar: the model's tokens have no text");
  const int size = tokenizer.vocabulary_size();
  std::string bytes;
  std::vector<uint32_t> ends;
  const auto is_special = std::make_unique<bool[]>(static_cast<size_t>(size));
  std::vector<uint32_t> end_tokens;
  for (Token token = 0; token < size; ++token) {
    const TokenType type = tokenizer.type(token);
    const bool is_end = tokenizer.ends_generation(token);
    if (is_end) end_tokens.push_back(static_cast<uint32_t>(token));
    if (is_end || type == TokenType::kControl) {
      is_special[static_cast<size_t>(token)] = true;
      bytes += tokenizer.text(token);
    } else if (type != TokenType::kUnknown && type != TokenType::kUnused) {
      bytes += tokenizer.piece(token);
    }
    ends.push_back(static_cast<uint32_t>(bytes.size()));
  }
  hb_vocabulary* vocabulary = nullptr;
  HB_TRY(result_of(
      hb_vocabulary_open(bytes.data(), ends.data(), is_special.get(), ends.size(), end_tokens.data(), end_tokens.size(), &vocabulary),
      "grammar: vocabulary"));
  return GrammarVocabulary(vocabulary, size);
}

Result<std::shared_ptr<const Grammar>> Grammar::compile(const GrammarSource& source, const GrammarVocabulary& vocabulary) {
  hb_grammar* grammar = nullptr;
  HB_TRY(result_of(hb_grammar_compile(vocabulary.vocabulary_.get(), static_cast<uint32_t>(source.kind), source.source.data(),
                                      source.source.size(), &grammar),
                   name_of(source.kind)));
  return std::shared_ptr<const Grammar>(new Grammar(grammar, vocabulary.size()));
}

Result<GrammarState> Grammar::begin() const {
  hb_grammar_state* state = nullptr;
  HB_TRY(result_of(hb_grammar_begin(grammar_.get(), &state), "grammar"));
  return GrammarState(state, size_);
}

Result<TokenSet> GrammarState::mask() {
  TokenSet mask(size_);
  HB_TRY(result_of(hb_grammar_mask(state_.get(), mask.words().data(), mask.words().size()), "grammar"));
  return mask;
}

Result<bool> GrammarState::accept(Token token) {
  bool accepted = false;
  HB_TRY(result_of(hb_grammar_accept(state_.get(), static_cast<uint32_t>(token), &accepted), "grammar"));
  return accepted;
}

Result<void> GrammarState::rewind(int count) { return result_of(hb_grammar_rewind(state_.get(), static_cast<size_t>(count)), "grammar"); }

Result<GrammarState::End> GrammarState::end() {
  End end{};
  HB_TRY(result_of(hb_grammar_may_end(state_.get(), &end.may_end, &end.is_complete), "grammar"));
  return end;
}

Result<bool> GrammarState::may_end() {
  HB_TRY_ASSIGN(end, end());
  return end.may_end;
}

Result<bool> GrammarState::is_complete() {
  HB_TRY_ASSIGN(end, end());
  return end.is_complete;
}

}  // namespace halfbyte
