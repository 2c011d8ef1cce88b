// A text on its way to the model: cut into words, some of it perhaps left out.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "text/classified_text.h"

namespace halfbyte::tokenizer_json {

struct Word {
  uint32_t begin, end;  // bytes of the text; never empty
  bool opens_input;     // nothing of the input stands before it
};

class Words {
 public:
  Words(std::string_view text, bool opens_input) : text_(text), words_{{0, static_cast<uint32_t>(text.size()), opens_input}} {}

  std::string_view text() const { return text_; }
  std::string_view text(const Word& word) const { return text_.substr(word.begin, word.end - word.begin); }
  const std::vector<Word>& all() const { return words_; }
  const ClassifiedText& classified() {
    if (!classified_) classified_.emplace(text_);
    return *classified_;
  }
  void set(std::vector<Word> words) { words_ = std::move(words); }

  // `write(out, word)` appends what the text of each word becomes.
  template <class Write>
  void rewrite(const Write& write) {
    std::string out;
    out.reserve(text_.size() + text_.size() / 8);
    std::vector<Word> words;
    words.reserve(words_.size());
    for (const Word& word : words_) {
      const auto begin = static_cast<uint32_t>(out.size());
      write(out, word);
      if (out.size() > begin) words.push_back({begin, static_cast<uint32_t>(out.size()), word.opens_input});
    }
    buffer_ = std::move(out);
    text_ = buffer_;
    words_ = std::move(words);
    classified_.reset();
  }

 private:
  std::string_view text_;  // of the caller, or buffer_
  std::string buffer_;
  std::vector<Word> words_;
  std::optional<ClassifiedText> classified_;
};

}  // namespace halfbyte::tokenizer_json
