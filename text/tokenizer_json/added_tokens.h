// "added_tokens" of a tokenizer.json: found in the text as they stand, before the model sees what lies between.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "halfbyte/token.h"
#include "text/piece_trie.h"

namespace halfbyte::tokenizer_json {

struct AddedToken {
  Token id = -1;
  std::string text;
  bool is_special = false;
  bool is_single_word = false;                     // not inside a word
  bool strips_left = false, strips_right = false;  // takes the white space beside it along
  bool is_normalized = false;                      // looked for in the normalized text
};

// Leftmost first, longest at one place.
class AddedTokens {
 public:
  static constexpr size_t kLongest = 4096;  // bytes

  explicit AddedTokens(std::vector<AddedToken> tokens);

  struct Section {
    size_t begin, end;  // of the text; with the white space a token takes along
    Token token;        // -1: plain text
  };
  // The whole text in order; plain sections are not empty. Special tokens are found only `with_special`.
  std::vector<Section> sections(std::string_view text, bool with_special) const;

 private:
  struct Found {
    size_t end = 0;
    const AddedToken* token = nullptr;  // null: none
  };
  Found longest_at(std::string_view text, size_t at) const;

  std::vector<AddedToken> tokens_;
  PieceTrie trie_;
};

}  // namespace halfbyte::tokenizer_json
