// The merges of a byte-pair encoding: which two neighbours become which token, and how soon.
#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "halfbyte/token.h"
#include "text/flat_index.h"
#include "text/merge.h"

namespace halfbyte {

class MergeTable {
 public:
  static constexpr size_t kMostMerges = FlatIndex::kMostItems;

  explicit MergeTable(size_t merges) : index_(merges) { merges_.reserve(merges); }

  // In order of rank; no more than the constructor was told. False: the pair is there already, and keeps its rank.
  bool add(Token left, Token right, Token token) {
    const bool is_new = !find(left, right);
    if (is_new) index_.insert(hash(left, right), static_cast<uint32_t>(merges_.size()));
    merges_.push_back({left, right, token});
    return is_new;
  }

  Merge operator()(const Symbol& left, const Symbol& right) const {
    const auto rank = find(left.token, right.token);
    if (!rank) return {};
    return {*rank, merges_[*rank].token};
  }

 private:
  struct Line {
    Token left, right, token;
  };
  static uint64_t hash(Token left, Token right) { return hash_of(static_cast<uint32_t>(left), static_cast<uint32_t>(right)); }
  std::optional<uint32_t> find(Token left, Token right) const {
    return index_.find(hash(left, right), [&](uint32_t i) { return merges_[i].left == left && merges_[i].right == right; });
  }

  std::vector<Line> merges_;  // by rank
  FlatIndex index_;
};

}  // namespace halfbyte
