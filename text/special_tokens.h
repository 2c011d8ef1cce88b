// Finds in a text the tokens that are matched as they stand before anything else: <|im_end|>, <bos>, runs of newlines.
#pragma once

#include <array>
#include <cstdint>
#include <string_view>
#include <utility>
#include <vector>

#include "formats/checkpoint.h"
#include "halfbyte/result.h"
#include "text/vocabulary.h"

namespace halfbyte {

// Special tokens that take the white space beside them along. GGUF has no key for it: it follows from names in the file.
struct Stripping {
  bool phi3 = false;              // to the right, of all but <s>, <unk> and <|endoftext|>
  std::string_view left_of = {};  // to the left, of this one

  static Result<Stripping> read(const Metadata& metadata);
};

// Leftmost first, longest at one place. Tokens of type kUserDefined are always matched, kControl and kUnknown only on demand.
class SpecialTokens {
 public:
  SpecialTokens(const Vocabulary& vocabulary, Stripping stripping);

  struct Match {
    size_t begin, end;  // with the white space it takes along; begin == end == text.size(): none
    Token token;
  };
  Match next(std::string_view text, size_t from, bool with_control) const;

 private:
  // A trie. A node's children lie side by side, in order of their byte.
  struct Node {
    uint32_t first_child = 0;
    uint16_t children = 0;
    uint8_t byte = 0;
    // Of the token that ends here, if one does:
    bool on_demand = false;  // matched only with_control
    bool strips_left = false, strips_right = false;
    Token token = -1;
  };
  // The node where the longest token at `at` ends, and its end; node 0: none.
  std::pair<uint32_t, size_t> longest_at(std::string_view text, size_t at, bool with_control) const;

  std::vector<Node> nodes_;
  std::array<uint32_t, 256> roots_{};  // by first byte; 0: none
};

}  // namespace halfbyte
