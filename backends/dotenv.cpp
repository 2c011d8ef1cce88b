#include "backends/dotenv.h"

#include <cstdlib>

#include "base/errors.h"
#include "base/file.h"
#include "base/utf8.h"

namespace halfbyte {
namespace {

constexpr uint64_t kMostBytes = 1 << 20;
constexpr std::string_view kSpace = " \t\v\f", kLineEnds = "\r\n", kBlanks = " \t\v\f\r\n";
constexpr std::string_view kWanted = "expected UTF-8, or UTF-16 with a byte order mark";

std::string from_utf16(std::string_view bytes, bool is_big_endian) {
  const auto unit = [&](size_t at) {
    const auto first = static_cast<unsigned char>(bytes[at]), second = static_cast<unsigned char>(bytes[at + 1]);
    return static_cast<char32_t>(is_big_endian ? first << 8 | second : second << 8 | first);
  };
  const auto is_high = [](char32_t c) { return c >= 0xD800 && c < 0xDC00; };
  const auto is_low = [](char32_t c) { return c >= 0xDC00 && c < 0xE000; };
  std::string text;
  for (size_t at = 0; at < bytes.size(); at += 2) {
    char32_t c = unit(at);
    if (is_high(c) && at + 2 < bytes.size() && is_low(unit(at + 2))) {
      c = 0x10000 + ((c - 0xD800) << 10) + (unit(at + 2) - 0xDC00);
      at += 2;
    } else if (is_high(c) || is_low(c)) {
      c = 0xFFFD;
    }
    append_utf8(text, c);
  }
  return text;
}

Result<std::string> decoded(std::string_view content) {
  using namespace std::string_view_literals;
  if (content.starts_with("\xFF\xFE\0\0"sv) || content.starts_with("\0\0\xFE\xFF"sv)) return corrupt("UTF-32: {}", kWanted);
  if (content.starts_with("\xFF\xFE") || content.starts_with("\xFE\xFF")) {
    if (content.size() % 2 == 1) return corrupt("read as UTF-16, for its byte order mark, and its last character is cut");
    return from_utf16(content.substr(2), content[0] == '\xFE');
  }
  if (content.find('\0') != std::string_view::npos) return corrupt("a zero byte: {}", kWanted);
  if (content.starts_with("\xEF\xBB\xBF")) content.remove_prefix(3);
  return std::string(content);
}

// One assignment after the other. Every step moves `at_` on only where it succeeds.
class Reader {
 public:
  Reader(std::string_view text, const Environment& environment) : text_(text), environment_(environment) {}

  std::map<std::string, std::string> read() {
    for (skip(kBlanks); at_ < text_.size(); skip(kBlanks)) {
      auto assignment = read_assignment();
      if (!end_line())
        skip_to(kLineEnds);
      else if (assignment)
        values_[assignment->name] = replaced(assignment->value);
    }
    return std::move(values_);
  }

 private:
  struct Assignment {
    std::string name, value;
  };

  char here() const { return at_ < text_.size() ? text_[at_] : '\0'; }
  void skip(std::string_view characters) { at_ = std::min(text_.find_first_not_of(characters, at_), text_.size()); }
  std::string_view skip_to(std::string_view characters) {
    const size_t begin = at_;
    at_ = std::min(text_.find_first_of(characters, at_), text_.size());
    return text_.substr(begin, at_ - begin);
  }

  // None for a comment, and where the line's end will be missed.
  std::optional<Assignment> read_assignment() {
    constexpr std::string_view kExport = "export";
    if (text_.substr(at_).starts_with(kExport) && kSpace.find(text_.substr(at_).substr(kExport.size(), 1)) < kSpace.size() &&
        at_ + kExport.size() < text_.size()) {
      at_ += kExport.size();
      skip(kSpace);
    }
    auto name = read_name();
    if (!name) return std::nullopt;
    skip(kSpace);
    if (here() != '=') return Assignment{.name = *name, .value = ""};
    ++at_;
    skip(kSpace);
    if (here() == '"' || here() == '\'') {
      auto value = read_quoted();
      return value ? std::optional(Assignment{*name, *value}) : std::nullopt;
    }
    return Assignment{*name, bare(skip_to(kLineEnds))};
  }

  std::optional<std::string> read_name() {
    if (here() != '\'') {
      const std::string_view name = skip_to("=# \t\v\f\r\n");
      return name.empty() ? std::nullopt : std::optional(std::string(name));
    }
    const size_t close = text_.find('\'', at_ + 1);
    if (close == std::string_view::npos || close == at_ + 1) return std::nullopt;
    const std::string_view name = text_.substr(at_ + 1, close - at_ - 1);
    at_ = close + 1;
    return std::string(name);
  }

  // Up to the first quote without a backslash before it, on whatever line; where there is none, up to the last one with.
  std::optional<std::string> read_quoted() {
    const char quote = here();
    size_t close = std::string_view::npos;
    for (size_t at = at_ + 1; at < text_.size(); ++at) {
      const bool is_escaped = text_[at] == '\\' && at + 1 < text_.size() && text_[at + 1] == quote;
      at += is_escaped;
      if (text_[at] == quote) close = at;
      if (text_[at] == quote && !is_escaped) break;
    }
    if (close == std::string_view::npos) return std::nullopt;
    const std::string_view inside = text_.substr(at_ + 1, close - at_ - 1);
    at_ = close + 1;
    return unescaped(inside, quote);
  }

  static std::string unescaped(std::string_view text, char quote) {
    const std::string_view escapes = quote == '"' ? "\\'\"abfnrtv" : "\\'", meant = quote == '"' ? "\\'\"\a\b\f\n\r\t\v" : "\\'";
    std::string out;
    for (size_t at = 0; at < text.size(); ++at) {
      const size_t which = text[at] == '\\' && at + 1 < text.size() ? escapes.find(text[at + 1]) : std::string_view::npos;
      out += which == std::string_view::npos ? text[at] : meant[which];
      at += which != std::string_view::npos;
    }
    return out;
  }

  // A comment begins at a blank and '#', so that a key may have a '#' inside.
  static std::string bare(std::string_view text) {
    for (size_t at = text.find('#'); at != std::string_view::npos; at = text.find('#', at + 1))
      if (at > 0 && kSpace.find(text[at - 1]) != std::string_view::npos) text = text.substr(0, at);
    return std::string(text.substr(0, text.find_last_not_of(kSpace) + 1));
  }

  // Takes the rest of a line where it is blank or a comment.
  bool end_line() {
    size_t end = std::min(text_.find_first_not_of(kSpace, at_), text_.size());
    if (end < text_.size() && text_[end] == '#') end = std::min(text_.find_first_of(kLineEnds, end), text_.size());
    if (end < text_.size() && kLineEnds.find(text_[end]) == std::string_view::npos) return false;
    at_ = end;
    return true;
  }

  // ${NAME} and ${NAME:-default}.
  std::string replaced(std::string_view value) const {
    std::string out;
    for (size_t at = 0; at < value.size();) {
      const size_t name_end = value.substr(at).starts_with("${") ? value.find_first_of("}:", at + 2) : std::string_view::npos;
      const bool has_default = name_end != std::string_view::npos && value.substr(name_end).starts_with(":-");
      const size_t close = has_default ? value.find('}', name_end) : name_end;
      if (close == std::string_view::npos || value[close] != '}') {
        out += value[at++];
        continue;
      }
      const std::string name(value.substr(at + 2, name_end - at - 2));
      if (const auto known = values_.find(name); known != values_.end())
        out += known->second;
      else if (const auto set = environment_(name))
        out += *set;
      else if (has_default)
        out += value.substr(name_end + 2, close - name_end - 2);
      at = close + 1;
    }
    return out;
  }

  std::string_view text_;
  const Environment& environment_;
  size_t at_ = 0;
  std::map<std::string, std::string> values_;
};

std::optional<std::string> of_process(const std::string& name) {
  const char* value = std::getenv(name.c_str());
  return value != nullptr ? std::optional<std::string>(value) : std::nullopt;
}

}  // namespace

Result<std::map<std::string, std::string>> parse_dotenv(std::string_view content, const Environment& environment) {
  HB_TRY_ASSIGN(text, decoded(content));
  return Reader(text, environment).read();
}

Result<std::optional<std::string>> dotenv_value(const std::filesystem::path& file, const std::string& name) {
  std::error_code ignored;
  if (std::filesystem::is_directory(file, ignored)) return std::optional<std::string>();  // a virtual environment, as a rule
  const auto content = read_text(file, kMostBytes);
  if (!content && content.error().code == Code::kNotFound) return std::optional<std::string>();
  if (!content) return content.error();
  const auto values = parse_dotenv(*content, of_process);
  if (!values) return Error{values.error().code, fmt::format("{}: {}", file.string(), values.error().message)};
  const auto found = values->find(name);
  return found == values->end() || found->second.empty() ? std::nullopt : std::optional(found->second);
}

}  // namespace halfbyte
