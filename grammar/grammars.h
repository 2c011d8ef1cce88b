// The grammars of one tokenizer.
#pragma once

#include <list>
#include <memory>
#include <mutex>
#include <optional>

#include "grammar/grammar.h"

namespace halfbyte {

// Thread-safe. The vocabulary is made when the first grammar is asked for; the last kMost grammars are kept.
class Grammars {
 public:
  static constexpr size_t kMost = 32;

  explicit Grammars(const Tokenizer& tokenizer) : tokenizer_(&tokenizer) {}  // which must outlive it
  // The errors are Grammar::compile's.
  Result<std::shared_ptr<const Grammar>> compile(const GrammarSource& source);

 private:
  struct Kept {
    GrammarSource source;
    std::shared_ptr<const Grammar> grammar;
  };
  Result<std::shared_ptr<const GrammarVocabulary>> vocabulary();
  std::shared_ptr<const Grammar> find(const GrammarSource& source);

  const Tokenizer* tokenizer_;
  std::mutex opening_, mutex_;  // of vocabulary_, of kept_
  std::shared_ptr<const GrammarVocabulary> vocabulary_;
  std::list<Kept> kept_;  // used last comes first
};

}  // namespace halfbyte
