#include "cli/token_list.h"

#include <charconv>

#include "base/errors.h"
#include "base/white_space.h"

namespace halfbyte {
namespace {

// The list inside {"tokens": ... } and inside [ ... ], where these are.
std::string_view unwrapped(std::string_view text) {
  text = trimmed(text);
  if (text.starts_with('{') && text.ends_with('}')) {
    std::string_view inside = trimmed(text.substr(1, text.size() - 2));
    constexpr std::string_view kKey = "\"tokens\"";
    if (!inside.starts_with(kKey)) return text;
    inside = trimmed(inside.substr(kKey.size()));
    if (!inside.starts_with(':')) return text;
    text = trimmed(inside.substr(1));
  }
  if (text.starts_with('[') && text.ends_with(']')) text = text.substr(1, text.size() - 2);
  return text;
}

}  // namespace

Result<std::vector<Token>> parse_token_list(std::string_view text, int vocabulary_size) {
  const std::string_view list = unwrapped(text);
  const char* const end = list.data() + list.size();
  std::vector<Token> tokens;
  for (const char* p = list.data(); p < end;) {
    if (*p == ',' || kWhiteSpace.find(*p) != kWhiteSpace.npos) {
      ++p;
      continue;
    }
    Token token = 0;
    const auto [rest, error] = std::from_chars(p, end, token);
    const bool ends_here = rest == end || *rest == ',' || kWhiteSpace.find(*rest) != kWhiteSpace.npos;
    if (error == std::errc::invalid_argument || !ends_here)
      return invalid("token ids: byte {}: expected a number, found '{}'", p - text.data() + 1, escaped({p, end}, 20));
    if (error != std::errc{} || token < 0 || token >= vocabulary_size)
      return invalid("token ids: byte {}: {} is not in the vocabulary: expected 0 to {}", p - text.data() + 1, std::string_view(p, rest),
                     vocabulary_size - 1);
    tokens.push_back(token);
    p = rest;
  }
  return tokens;
}

}  // namespace halfbyte
