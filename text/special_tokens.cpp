#include "text/special_tokens.h"

#include <algorithm>

namespace halfbyte {

Result<Stripping> Stripping::read(const Metadata& metadata) {
  HB_TRY_ASSIGN(name, metadata.text_or("general.name", ""));
  HB_TRY_ASSIGN(pre, metadata.text_or("tokenizer.ggml.pre", ""));
  std::transform(name.begin(), name.end(), name.begin(),
                 [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c + ('a' - 'A')) : c; });
  const auto has = [](std::string_view text, std::string_view part) { return text.find(part) != std::string_view::npos; };
  Stripping stripping;
  stripping.phi3 = has(name, "phi-3") || has(name, "phi3");
  if (has(pre, "jina-v2-")) stripping.left_of = "<mask>";
  if (has(name, "modern-bert")) stripping.left_of = "[MASK]";
  return stripping;
}

SpecialTokens::SpecialTokens(const Vocabulary& vocabulary, Stripping stripping) : nodes_(1) {
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
      const std::string_view text = vocabulary.text(special[begin]);
      Node& last = nodes_[node];
      last.token = special[begin];
      last.on_demand = vocabulary.type(special[begin]) != TokenType::kUserDefined;
      last.strips_left = text == stripping.left_of;
      last.strips_right = stripping.phi3 && text != "<s>" && text != "<unk>" && text != "<|endoftext|>";
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

std::pair<uint32_t, size_t> SpecialTokens::longest_at(std::string_view text, size_t at, bool with_control) const {
  std::pair<uint32_t, size_t> found{0, at};
  uint32_t node = roots_[static_cast<uint8_t>(text[at])];
  for (size_t end = at + 1; node != 0; ++end) {
    if (nodes_[node].token >= 0 && (with_control || !nodes_[node].on_demand)) found = {node, end};
    if (end == text.size()) break;
    const auto first = nodes_.begin() + nodes_[node].first_child, last = first + nodes_[node].children;
    const auto byte = static_cast<uint8_t>(text[end]);
    const auto child = std::find_if(first, last, [&](const Node& n) { return n.byte == byte; });
    node = child == last ? 0 : static_cast<uint32_t>(child - nodes_.begin());
  }
  return found;
}

SpecialTokens::Match SpecialTokens::next(std::string_view text, size_t from, bool with_control) const {
  const auto is_space = [&](size_t i) { return text[i] == ' ' || (text[i] >= '\t' && text[i] <= '\r'); };
  for (size_t at = from; at < text.size(); ++at) {
    if (roots_[static_cast<uint8_t>(text[at])] == 0) continue;
    auto [node, end] = longest_at(text, at, with_control);
    if (node == 0) continue;
    if (nodes_[node].strips_left)
      while (at > from && is_space(at - 1)) --at;
    if (nodes_[node].strips_right)
      while (end < text.size() && is_space(end)) ++end;
    return {at, end, nodes_[node].token};
  }
  return {text.size(), text.size(), -1};
}

}  // namespace halfbyte
