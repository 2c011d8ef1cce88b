#include "store/model_name.h"

#include <algorithm>
#include <vector>

namespace halfbyte {
namespace {

constexpr size_t kLongestPart = 128;

bool is_letter_or_digit(char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9'); }

// Begins with a letter, a digit or '_', goes on with those and `more`; never "..".
bool is_part(std::string_view text, std::string_view more) {
  if (text.empty() || text.size() > kLongestPart || text.find("..") != std::string_view::npos) return false;
  if (!is_letter_or_digit(text.front()) && text.front() != '_') return false;
  return std::ranges::all_of(text, [&](char c) { return is_letter_or_digit(c) || c == '_' || more.find(c) != std::string_view::npos; });
}

std::vector<std::string_view> split(std::string_view text, char separator) {
  std::vector<std::string_view> parts;
  for (size_t begin = 0;;) {
    const size_t end = text.find(separator, begin);
    parts.push_back(text.substr(begin, end - begin));
    if (end == std::string_view::npos) return parts;
    begin = end + 1;
  }
}

// Cuts ":tag" off the end of `text`. A host's ":port" is not one: a '/' follows it.
std::optional<std::string_view> take_tag(std::string_view& text) {
  const size_t colon = text.rfind(':');
  if (colon == std::string_view::npos || text.find('/', colon) != std::string_view::npos) return std::nullopt;
  const std::string_view tag = text.substr(colon + 1);
  text = text.substr(0, colon);
  return tag;
}

}  // namespace

std::optional<OllamaName> parse_ollama_name(std::string_view text) {
  OllamaName name;
  if (const auto tag = take_tag(text)) name.tag = *tag;
  const auto parts = split(text, '/');
  if (parts.size() > 3) return std::nullopt;
  name.model = parts.back();
  if (parts.size() >= 2) name.space = parts[parts.size() - 2];
  if (parts.size() == 3) name.host = parts[0];
  if (!is_part(name.host, ".:-") || !is_part(name.space, ".-") || !is_part(name.model, ".-") || !is_part(name.tag, ".-"))
    return std::nullopt;
  return name;
}

std::string short_form(const OllamaName& name) {
  const OllamaName standard;
  std::string out;
  if (name.host != standard.host) out += name.host + "/";
  if (name.host != standard.host || name.space != standard.space) out += name.space + "/";
  return out + name.model + ":" + name.tag;
}

std::optional<HuggingFaceName> parse_hugging_face_name(std::string_view text) {
  HuggingFaceName name;
  for (const std::string_view host : {"hf.co/", "huggingface.co/"})
    if (text.starts_with(host)) text.remove_prefix(host.size());
  const auto quant = take_tag(text);
  const auto parts = split(text, '/');
  if (parts.size() != 2) return std::nullopt;
  name.organization = parts[0];
  name.repository = parts[1];
  if (!is_part(name.organization, ".-") || !is_part(name.repository, ".-")) return std::nullopt;
  if (quant && !is_part(*quant, ".-")) return std::nullopt;
  name.quant = quant.value_or("");
  return name;
}

std::string lower_case(std::string_view name) {
  std::string out(name);
  std::ranges::transform(out, out.begin(), [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; });
  return out;
}

bool equal_but_for_case(std::string_view a, std::string_view b) { return a.size() == b.size() && lower_case(a) == lower_case(b); }

std::optional<std::string_view> parse_digest(std::string_view digest) {
  constexpr std::string_view kScheme = "sha256:";
  if (!digest.starts_with(kScheme)) return std::nullopt;
  digest.remove_prefix(kScheme.size());
  const bool is_hex = std::ranges::all_of(digest, [](char c) { return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f'); });
  if (digest.size() != 64 || !is_hex) return std::nullopt;
  return digest;
}

}  // namespace halfbyte
