#include "text/merge.h"

#include <gtest/gtest.h>

#include <map>

namespace halfbyte {
namespace {

// The definition, slowly: find the best pair, leftmost first, join it, again.
std::vector<Token> merged_by_definition(std::vector<Token> tokens, const std::map<std::pair<Token, Token>, Merge>& rules) {
  for (;;) {
    size_t best = tokens.size();
    uint32_t priority = Merge::kNever;
    for (size_t i = 0; i + 1 < tokens.size(); ++i) {
      const auto rule = rules.find({tokens[i], tokens[i + 1]});
      if (rule != rules.end() && rule->second.priority < priority) {
        best = i;
        priority = rule->second.priority;
      }
    }
    if (best == tokens.size()) return tokens;
    tokens[best] = rules.at({tokens[best], tokens[best + 1]}).token;
    tokens.erase(tokens.begin() + static_cast<ptrdiff_t>(best) + 1);
  }
}

TEST(Merger, AgreesWithTheDefinitionForWordsOfAnyLength) {
  uint32_t state = 7;
  const auto random = [&](uint32_t below) { return (state = state * 1664525u + 1013904223u) / 65536 % below; };
  Merger merger;
  for (int round = 0; round < 300; ++round) {
    std::map<std::pair<Token, Token>, Merge> rules;
    for (uint32_t i = 0; i < 40; ++i)
      rules.insert({{static_cast<Token>(random(12)), static_cast<Token>(random(12))}, {random(20), static_cast<Token>(random(12))}});
    std::vector<Token> tokens(random(200));
    for (Token& token : tokens) token = static_cast<Token>(random(4));
    merger.symbols.clear();
    for (uint32_t i = 0; i < tokens.size(); ++i) merger.symbols.push_back({i, i + 1, tokens[i]});
    merger.merge([&](const Symbol& left, const Symbol& right) {
      const auto rule = rules.find({left.token, right.token});
      return rule == rules.end() ? Merge{} : rule->second;
    });
    std::vector<Token> found;
    uint32_t end = 0;
    for (const Symbol& symbol : merger.symbols) {
      EXPECT_EQ(symbol.begin, end);
      end = symbol.end;
      found.push_back(symbol.token);
    }
    EXPECT_EQ(end, tokens.size());
    EXPECT_EQ(found, merged_by_definition(tokens, rules));
  }
}

}  // namespace
}  // namespace halfbyte
