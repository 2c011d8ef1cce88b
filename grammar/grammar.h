// A compiled grammar, and where a sequence is in it.
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <string_view>
#include <vector>

#include "halfbyte/grammar.h"
#include "halfbyte/result.h"
#include "halfbyte/token.h"
#include "text/tokenizer.h"

struct hb_vocabulary;
struct hb_grammar;
struct hb_grammar_state;

namespace halfbyte {

// A bit for each token: bit i % 32 of words[i / 32].
class TokenSet {
 public:
  explicit TokenSet(int tokens) : words_((static_cast<size_t>(tokens) + 31) / 32) {}
  bool contains(Token token) const {
    const auto i = static_cast<size_t>(token);
    return token >= 0 && i / 32 < words_.size() && (words_[i / 32] >> (i % 32) & 1) != 0;
  }
  std::span<uint32_t> words() { return words_; }
  std::span<const uint32_t> words() const { return words_; }
  bool operator==(const TokenSet&) const = default;

 private:
  std::vector<uint32_t> words_;
};

// A tokenizer's tokens as grammars see them. Takes some 0.1 s and tens of megabytes to make. Immutable, thread-safe.
class GrammarVocabulary {
 public:
  static Result<GrammarVocabulary> open(const Tokenizer& tokenizer);
  int size() const { return size_; }

 private:
  friend class Grammar;
  struct Free {
    void operator()(hb_vocabulary* vocabulary) const;
  };
  GrammarVocabulary(hb_vocabulary* vocabulary, int size) : vocabulary_(vocabulary), size_(size) {}
  std::unique_ptr<hb_vocabulary, Free> vocabulary_;
  int size_;
};

// Where one sequence is in its grammar. Move-only; for one thread at a time. After an error it is of no more use.
class GrammarState {
 public:
  // The tokens that may follow, among them those that end a reply where it may end. None: it is complete.
  // kTooLong: it takes more work than is allowed for one token.
  Result<TokenSet> mask();
  // False: the token may not follow, and nothing has changed. Tokens that end a reply are not for accept().
  Result<bool> accept(Token token);
  // Takes back the last `count` accepted tokens.
  Result<void> rewind(int count);
  Result<bool> may_end();
  Result<bool> is_complete();  // nothing may follow

 private:
  friend class Grammar;
  struct Free {
    void operator()(hb_grammar_state* state) const;
  };
  GrammarState(hb_grammar_state* state, int size) : state_(state), size_(size) {}
  struct End {
    bool may_end, is_complete;
  };
  Result<End> end();
  std::unique_ptr<hb_grammar_state, Free> state_;
  int size_;
};

// Thread-safe. It comes from outside: its size, nesting and repeats are bounded, and so are memory, steps and time of compiling.
class Grammar {
 public:
  // kInvalid: no grammar of its kind; says where. kUnsupported: asks for what is not done; of a JSON Schema the path of the keyword.
  // kTooLong: past a bound.
  static Result<std::shared_ptr<const Grammar>> compile(const GrammarSource& source, const GrammarVocabulary& vocabulary);
  Result<GrammarState> begin() const;

 private:
  struct Free {
    void operator()(hb_grammar* grammar) const;
  };
  Grammar(hb_grammar* grammar, int size) : grammar_(grammar), size_(size) {}
  std::unique_ptr<hb_grammar, Free> grammar_;
  int size_;
};

}  // namespace halfbyte
