#include "grammar/grammars.h"

#include <algorithm>

namespace halfbyte {

Result<std::shared_ptr<const GrammarVocabulary>> Grammars::vocabulary() {
  const std::lock_guard lock(opening_);
  if (vocabulary_ == nullptr) {
    HB_TRY_ASSIGN(opened, GrammarVocabulary::open(*tokenizer_));
    vocabulary_ = std::make_shared<const GrammarVocabulary>(std::move(opened));
  }
  return vocabulary_;
}

std::shared_ptr<const Grammar> Grammars::find(const GrammarSource& source) {
  const std::lock_guard lock(mutex_);
  const auto found = std::ranges::find(kept_, source, &Kept::source);
  if (found == kept_.end()) return nullptr;
  kept_.splice(kept_.begin(), kept_, found);
  return found->grammar;
}

// Compiled outside the lock: a slow one holds up nobody, and one that two ask for at once is compiled twice.
Result<std::shared_ptr<const Grammar>> Grammars::compile(const GrammarSource& source) {
  if (auto grammar = find(source)) return grammar;
  HB_TRY_ASSIGN(vocabulary, vocabulary());
  HB_TRY_ASSIGN(grammar, Grammar::compile(source, *vocabulary));
  const std::lock_guard lock(mutex_);
  kept_.push_front({source, grammar});
  if (kept_.size() > kMost) kept_.pop_back();
  return grammar;
}

}  // namespace halfbyte
