// The tokens that the model of a tokenizer.json may give: its own vocabulary, without what was only added to it.
#pragma once

#include <optional>
#include <string_view>
#include <vector>

#include "text/vocabulary.h"

namespace halfbyte::tokenizer_json {

class ModelTokens {
 public:
  // `is_in_model` by id.
  ModelTokens(const Vocabulary& vocabulary, std::vector<bool> is_in_model)
      : vocabulary_(vocabulary), is_in_model_(std::move(is_in_model)) {}

  int size() const { return vocabulary_.size(); }
  size_t longest() const { return vocabulary_.longest(); }
  bool contains(Token token) const { return is_in_model_[static_cast<size_t>(token)]; }
  std::string_view text(Token token) const { return vocabulary_.text(token); }
  // -1: none.
  Token find(std::string_view text) const {
    if (text.size() > longest()) return -1;
    const auto token = vocabulary_.find(text);
    return token && contains(*token) ? *token : -1;
  }

 private:
  const Vocabulary& vocabulary_;
  std::vector<bool> is_in_model_;
};

}  // namespace halfbyte::tokenizer_json
