// Finds in a text the tokens that are matched as they stand before anything else: <|im_end|>, <bos>, runs of newlines.
#pragma once

#include <array>
#include <cstdint>
#include <string_view>
#include <vector>

#include "text/vocabulary.h"

namespace halfbyte {

// Leftmost first, longest at one place. Tokens of type kUserDefined are always matched, kControl and kUnknown only on demand.
class SpecialTokens {
 public:
  explicit SpecialTokens(const Vocabulary& vocabulary);

  struct Match {
    size_t begin, end;  // begin == end == text.size(): none
    Token token;
  };
  Match next(std::string_view text, size_t from, bool with_control) const;

 private:
  // A trie. A node's children lie side by side, in order of their byte.
  struct Node {
    uint32_t first_child = 0;
    uint16_t children = 0;
    uint8_t byte = 0;
    bool control = false;  // the token that ends here is matched only on demand
    Token token = -1;
  };
  Match longest_at(std::string_view text, size_t at, bool with_control) const;

  std::vector<Node> nodes_;
  std::array<uint32_t, 256> roots_{};  // by first byte; 0: none
};

}  // namespace halfbyte
