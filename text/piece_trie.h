// A trie of pieces of text, walked byte by byte. Children are found by hash: no node is larger than another.
#pragma once

#include <array>
#include <cstdint>
#include <string_view>
#include <vector>

#include "text/flat_index.h"

namespace halfbyte {

class PieceTrie {
 public:
  static constexpr uint32_t kNone = UINT32_MAX;
  static constexpr size_t kMostBytes = FlatIndex::kMostItems - 1;

  // `bytes`: of all pieces together, at most kMostBytes.
  explicit PieceTrie(size_t bytes) : nodes_(1), index_(bytes + 1) {
    nodes_.reserve(bytes + 1);
    roots_.fill(kNone);
  }

  void insert(std::string_view piece, uint32_t value) {
    uint32_t node = 0;
    for (const char c : piece) {
      const auto byte = static_cast<uint8_t>(c);
      uint32_t next = child(node, byte);
      if (next == kNone) {
        next = static_cast<uint32_t>(nodes_.size());
        nodes_.push_back({node, byte, kNone});
        index_.insert(hash_of(node, byte), next);
        if (node == 0) roots_[byte] = next;
      }
      node = next;
    }
    nodes_[node].value = value;
  }

  static constexpr uint32_t root() { return 0; }
  // kNone: no piece goes on this way.
  uint32_t child(uint32_t node, uint8_t byte) const {
    if (node == 0) return roots_[byte];
    const auto found = index_.find(hash_of(node, byte), [&](uint32_t i) { return nodes_[i].parent == node && nodes_[i].byte == byte; });
    return found.value_or(kNone);
  }
  uint32_t value(uint32_t node) const { return nodes_[node].value; }  // kNone: no piece ends here
  // Where `piece` leads from the root; kNone: nowhere.
  uint32_t find(std::string_view piece) const {
    uint32_t node = 0;
    for (size_t i = 0; i < piece.size() && node != kNone; ++i) node = child(node, static_cast<uint8_t>(piece[i]));
    return node;
  }

 private:
  struct Node {
    uint32_t parent = 0;
    uint8_t byte = 0;
    uint32_t value = kNone;
  };
  std::vector<Node> nodes_;
  std::array<uint32_t, 256> roots_;
  FlatIndex index_;
};

}  // namespace halfbyte
