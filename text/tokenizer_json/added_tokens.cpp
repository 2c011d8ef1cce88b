#include "text/tokenizer_json/added_tokens.h"

#include <utf8proc.h>

#include <algorithm>

#include "base/utf8.h"
#include "text/unicode.h"

namespace halfbyte::tokenizer_json {
namespace {

PieceTrie trie_of(const std::vector<AddedToken>& tokens) {
  size_t bytes = 0;
  for (const AddedToken& token : tokens) bytes += token.text.size();
  PieceTrie trie(bytes);
  for (size_t i = tokens.size(); i-- > 0;)  // of equal texts the first stays
    if (!tokens[i].text.empty()) trie.insert(tokens[i].text, static_cast<uint32_t>(i));
  return trie;
}

size_t previous(std::string_view text, size_t at) {
  size_t begin = at - 1;
  while (begin > 0 && at - begin < 4 && (text[begin] & 0xc0) == 0x80) --begin;
  return begin + read_utf8(text, begin).bytes == at ? begin : at - 1;
}

// Rust's \w.
bool is_word(char32_t c) {
  const CharKind kind = kind_of(c);
  if ((chars::kL | chars::kM | CharKind::kAsciiDigit | CharKind::kDigit | CharKind::kUnderscore).contains(kind)) return true;
  const auto category = utf8proc_category(static_cast<utf8proc_int32_t>(c));
  return category == UTF8PROC_CATEGORY_PC || category == UTF8PROC_CATEGORY_NL || c == 0x200c || c == 0x200d ||
         (c >= 0x24b6 && c <= 0x24e9) || (c >= 0x1f130 && c <= 0x1f149) || (c >= 0x1f150 && c <= 0x1f169) || (c >= 0x1f170 && c <= 0x1f189);
}

bool is_space(char32_t c) { return chars::kS.contains(kind_of(c)); }

bool stands_alone(std::string_view text, size_t begin, size_t end) {
  const bool left = begin > 0 && is_word(read_utf8(text, previous(text, begin)).code_point);
  const bool right = end < text.size() && is_word(read_utf8(text, end).code_point);
  return !left && !right;
}

}  // namespace

AddedTokens::AddedTokens(std::vector<AddedToken> tokens) : tokens_(std::move(tokens)), trie_(trie_of(tokens_)) {}

AddedTokens::Found AddedTokens::longest_at(std::string_view text, size_t at) const {
  Found found;
  uint32_t node = trie_.child(PieceTrie::root(), static_cast<uint8_t>(text[at]));
  while (node != PieceTrie::kNone) {
    ++at;
    if (trie_.value(node) != PieceTrie::kNone) found = {at, &tokens_[trie_.value(node)]};
    node = at < text.size() ? trie_.child(node, static_cast<uint8_t>(text[at])) : PieceTrie::kNone;
  }
  return found;
}

std::vector<AddedTokens::Section> AddedTokens::sections(std::string_view text, bool with_special) const {
  std::vector<Section> sections;
  size_t done = 0;  // bytes that sections cover
  for (size_t at = 0; at < text.size();) {
    const Found found = tokens_.empty() ? Found{text.size(), nullptr} : longest_at(text, at);
    if (found.token == nullptr) {
      at = std::max(found.end, at + 1);
      continue;
    }
    const AddedToken& token = *found.token;
    size_t begin = at, end = found.end;
    at = end;  // the next is looked for from here, whatever becomes of this one
    if (token.is_special && !with_special) continue;
    if (token.is_single_word && !stands_alone(text, begin, end)) continue;
    if (token.strips_left)
      while (begin > done && is_space(read_utf8(text, previous(text, begin)).code_point)) begin = previous(text, begin);
    if (token.strips_right)
      while (end < text.size() && is_space(read_utf8(text, end).code_point)) end += read_utf8(text, end).bytes;
    if (done < begin) sections.push_back({done, begin, -1});
    sections.push_back({begin, end, token.id});
    done = end;
  }
  if (done < text.size()) sections.push_back({done, text.size(), -1});
  return sections;
}

}  // namespace halfbyte::tokenizer_json
