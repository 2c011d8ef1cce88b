#include "text/vocabulary.h"

#include <algorithm>
#include <cmath>

#include "base/errors.h"

namespace halfbyte {
namespace {

constexpr std::string_view kTokens = "tokenizer.ggml.tokens";
constexpr std::string_view kTypes = "tokenizer.ggml.token_type";
constexpr std::string_view kScores = "tokenizer.ggml.scores";

Result<std::vector<TokenType>> read_types(const Metadata& metadata, size_t tokens) {
  HB_TRY_ASSIGN(numbers, metadata.integers(kTypes));
  if (!metadata.contains(kTypes)) return std::vector<TokenType>(tokens, TokenType::kNormal);
  if (numbers.size() != tokens)
    return corrupt("{}: {}: expected {} values, one for each token, found {}", metadata.path(), kTypes, tokens, numbers.size());
  std::vector<TokenType> types(tokens);
  for (size_t i = 0; i < tokens; ++i) {
    if (numbers[i] < 0 || numbers[i] > 6)
      return corrupt("{}: {}: token {}: expected a type from 0 to 6, found {}", metadata.path(), kTypes, i, numbers[i]);
    types[i] = numbers[i] == 0 ? TokenType::kUnused : static_cast<TokenType>(numbers[i]);  // 0 is "undefined"
  }
  return types;
}

Result<std::vector<float>> read_scores(const Metadata& metadata, size_t tokens) {
  HB_TRY_ASSIGN(scores, metadata.floats(kScores));
  if (!metadata.contains(kScores)) return scores;
  if (scores.size() != tokens)
    return corrupt("{}: {}: expected {} values, one for each token, found {}", metadata.path(), kScores, tokens, scores.size());
  const auto bad = std::find_if_not(scores.begin(), scores.end(), [](float score) { return std::isfinite(score); });
  if (bad != scores.end())
    return corrupt("{}: {}: token {}: expected a finite score, found {}", metadata.path(), kScores, bad - scores.begin(), *bad);
  return scores;
}

}  // namespace

Result<Vocabulary> Vocabulary::read(const Metadata& metadata, std::vector<std::string>& warnings) {
  HB_TRY_ASSIGN(texts, metadata.strings(kTokens));
  if (texts == nullptr) return corrupt("{}: {}: expected an array of strings, found nothing", metadata.path(), kTokens);
  HB_TRY_ASSIGN(types, read_types(metadata, texts->size()));
  HB_TRY_ASSIGN(scores, read_scores(metadata, texts->size()));
  return make({*texts, std::move(types), std::move(scores)}, metadata.path(), kTokens, warnings);
}

Result<Vocabulary> Vocabulary::make(VocabularyLists lists, const std::string& path, std::string_view key,
                                    std::vector<std::string>& warnings) {
  const size_t tokens = lists.texts.size();
  if (tokens == 0 || tokens > FlatIndex::kMostItems)
    return corrupt("{}: {}: expected 1 to {} tokens, found {}", path, key, FlatIndex::kMostItems, tokens);

  Vocabulary vocabulary;
  vocabulary.types_ = std::move(lists.types);
  vocabulary.scores_ = std::move(lists.scores);

  size_t bytes = 0;
  for (size_t i = 0; i < tokens; ++i) {
    const size_t length = lists.texts[i].size();
    if (length > kLongestToken)
      return corrupt("{}: {}: token {}: expected at most {} bytes, found {}", path, key, i, kLongestToken, length);
    vocabulary.longest_ = std::max(vocabulary.longest_, length);
    bytes += length;
  }
  if (bytes > UINT32_MAX) return corrupt("{}: {}: expected at most {} bytes, found {}", path, key, UINT32_MAX, bytes);
  vocabulary.texts_.reserve(bytes);
  vocabulary.begins_.reserve(tokens + 1);
  vocabulary.begins_.push_back(0);
  for (const std::string& text : lists.texts) {
    vocabulary.texts_ += text;
    vocabulary.begins_.push_back(static_cast<uint32_t>(vocabulary.texts_.size()));
  }

  HB_TRY(vocabulary.find_byte_tokens(path, key));
  vocabulary.index_ = FlatIndex(tokens);
  size_t repeated = 0, first_repeated = 0, empty = 0;
  for (size_t i = 0; i < tokens; ++i) {
    const std::string_view text = vocabulary.text(static_cast<Token>(i));
    if (text.empty()) {
      if (vocabulary.type(static_cast<Token>(i)) != TokenType::kUnused) ++empty;
    } else if (vocabulary.find(text)) {
      if (repeated++ == 0) first_repeated = i;
    } else {
      vocabulary.index_.insert(hash_of(text), static_cast<uint32_t>(i));
    }
  }
  if (repeated != 0)
    warnings.push_back(fmt::format("{}: {} tokens repeat the text of another, first {} ('{}'); text becomes the one of lowest id", key,
                                   repeated, first_repeated, escaped(vocabulary.text(static_cast<Token>(first_repeated)))));
  if (empty != 0) warnings.push_back(fmt::format("{}: {} tokens are empty", key, empty));
  return vocabulary;
}

int Vocabulary::byte_of_text(std::string_view text) {
  if (text.size() != 6 || !text.starts_with("<0x") || text[5] != '>') return -1;
  const auto digit = [](char c) { return c >= '0' && c <= '9' ? c - '0' : c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1; };
  const int high = digit(text[3]), low = digit(text[4]);
  return high < 0 || low < 0 ? -1 : high * 16 + low;
}

Result<void> Vocabulary::find_byte_tokens(const std::string& path, std::string_view key) {
  for (Token token = 0; token < size(); ++token) {
    if (type(token) != TokenType::kByte) continue;
    const int byte = byte_of(token);
    if (byte < 0)
      return corrupt("{}: {}: token {} is of type byte: expected <0x00> to <0xFF>, found '{}'", path, key, token, escaped(text(token)));
    Token& known = byte_tokens_[static_cast<size_t>(byte)];
    if (known >= 0) return corrupt("{}: {}: byte token {}: expected once, found as {} and {}", path, key, text(token), known, token);
    known = token;
  }
  return {};
}

}  // namespace halfbyte
