// Where a reply stands in what its model thinks before it answers, token by token.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "halfbyte/grammar.h"
#include "text/tokenizer.h"

namespace halfbyte {

// Thinking begins with the opening marker, before which there is white space at most, or has begun in the prompt; it ends with the closing
// marker. How either is cut into tokens does not matter. Requires: the tokenizer outlives it.
class Thinking {
 public:
  Thinking(ThinkingMarkers markers, const Tokenizer& tokenizer);

  void accept(Token token);  // the reply's next
  void rewind(int count);    // takes back the last tokens. Requires: thinking was not over before them
  bool is_at_beginning() const { return state_ == State::kBefore && before_.empty(); }
  bool is_inside() const { return state_ == State::kInside; }
  int tokens() const { return static_cast<int>(before_.size()) - opening_tokens_; }  // thought. Requires: is_inside()
  const std::string& close() const { return markers_.close; }
  std::string_view begun_close() const;  // the thought's end, where the closing marker may begin. Requires: is_inside()

 private:
  enum class State { kBefore, kInside, kOver };
  struct Before {  // a token was accepted
    size_t bytes;
    State state;
  };
  void begin(size_t at);

  ThinkingMarkers markers_;
  const Tokenizer& tokenizer_;
  State state_ = State::kBefore;
  std::string text_;  // until it is over
  std::vector<Before> before_;
  size_t begin_ = 0;  // of the thought in the text
  int opening_tokens_ = 0;
};

}  // namespace halfbyte
