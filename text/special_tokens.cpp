#include "text/special_tokens.h"

#include <algorithm>

namespace halfbyte {

SpecialTokens::SpecialTokens(const Vocabulary& vocabulary) : nodes_(1) {
  std::vector<Token> special;
  for (Token token = 0; token < vocabulary.size(); ++token) {
    const TokenType type = vocabulary.type(token);
    const bool matched = type == TokenType::kControl || type == TokenType::kUserDefined || type == TokenType::kUnknown;
    if (matched && !vocabulary.text(token).empty()) special.push_back(token);
  }
  std::sort(special.begin(), special.end(), [&](Token a, Token b) {
    const int order = vocabulary.text(a).compare(vocabulary.text(b));
    return order < 0 || (order == 0 && a < b);
  });
  const auto repeats = [&](Token a, Token b) { return vocabulary.text(a) == vocabulary.text(b); };
  special.erase(std::unique(special.begin(), special.end(), repeats), special.end());
  // Breadth first: a group is the tokens below one node, which share their first `depth` bytes.
  struct Group {
    uint32_t node;
    size_t depth, begin, end;
  };
  std::vector<Group> groups{{0, 0, 0, special.size()}};
  for (size_t g = 0; g < groups.size(); ++g) {
    auto [node, depth, begin, end] = groups[g];
    if (begin < end && vocabulary.text(special[begin]).size() == depth) {
      nodes_[node].token = special[begin];
      nodes_[node].control = vocabulary.type(special[begin]) != TokenType::kUserDefined;
      ++begin;
    }
    nodes_[node].first_child = static_cast<uint32_t>(nodes_.size());
    while (begin < end) {
      const char byte = vocabulary.text(special[begin])[depth];
      size_t stop = begin;
      while (stop < end && vocabulary.text(special[stop])[depth] == byte) ++stop;
      ++nodes_[node].children;
      groups.push_back({static_cast<uint32_t>(nodes_.size()), depth + 1, begin, stop});
      nodes_.push_back({.byte = static_cast<uint8_t>(byte)});
      begin = stop;
    }
  }
  for (uint32_t i = 0; i < nodes_[0].children; ++i) roots_[nodes_[nodes_[0].first_child + i].byte] = nodes_[0].first_child + i;
}

SpecialTokens::Match SpecialTokens::longest_at(std::string_view text, size_t at, bool with_control) const {
  Match found{at, at, -1};
  uint32_t node = roots_[static_cast<uint8_t>(text[at])];
  for (size_t depth = at + 1; node != 0; ++depth) {
    if (nodes_[node].token >= 0 && (with_control || !nodes_[node].control)) found = {at, depth, nodes_[node].token};
    if (depth == text.size()) break;
    const auto first = nodes_.begin() + nodes_[node].first_child, last = first + nodes_[node].children;
    const auto byte = static_cast<uint8_t>(text[depth]);
    const auto child = std::find_if(first, last, [&](const Node& n) { return n.byte == byte; });
    node = child == last ? 0 : static_cast<uint32_t>(child - nodes_.begin());
  }
  return found;
}

SpecialTokens::Match SpecialTokens::next(std::string_view text, size_t from, bool with_control) const {
  for (size_t at = from; at < text.size(); ++at) {
    if (roots_[static_cast<uint8_t>(text[at])] == 0) continue;
    const Match match = longest_at(text, at, with_control);
    if (match.token >= 0) return match;
  }
  return {text.size(), text.size(), -1};
}

}  // namespace halfbyte
