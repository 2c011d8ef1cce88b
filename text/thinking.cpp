#include "text/thinking.h"

#include <algorithm>
#include <utility>

#include "base/white_space.h"
#include "text/possible_beginning.h"

namespace halfbyte {

Thinking::Thinking(ThinkingMarkers markers, const Tokenizer& tokenizer) : markers_(std::move(markers)), tokenizer_(tokenizer) {
  if (markers_.has_begun) begin(0);
}

void Thinking::begin(size_t at) {
  state_ = State::kInside;
  begin_ = at;
  opening_tokens_ = static_cast<int>(before_.size());
}

void Thinking::accept(Token token) {
  if (state_ == State::kOver) return;
  const size_t before = text_.size();
  before_.push_back({before, state_});
  text_ += tokenizer_.piece(token, true);
  if (state_ == State::kBefore) {
    const std::string_view said = trimmed_left(text_);
    if (said.starts_with(markers_.open))
      begin(text_.size() - said.size() + markers_.open.size());
    else if (!markers_.open.starts_with(said))
      state_ = State::kOver;
  }
  if (state_ != State::kInside) return;
  const size_t overlap = std::min(before - std::min(before, begin_), markers_.close.size() - 1);
  if (text_.find(markers_.close, std::max(before - overlap, begin_)) != std::string::npos) state_ = State::kOver;
}

void Thinking::rewind(int count) {
  for (; count > 0; --count) {
    text_.resize(before_.back().bytes);
    state_ = before_.back().state;
    before_.pop_back();
  }
}

std::string_view Thinking::begun_close() const {
  const std::string_view thought = std::string_view(text_).substr(begin_);
  return thought.substr(thought.size() - possible_beginning(thought, markers_.close));
}

}  // namespace halfbyte
