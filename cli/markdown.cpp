#include "cli/markdown.h"

#include <utf8proc.h>

#include <algorithm>
#include <array>
#include <utility>

#include "base/utf8.h"
#include "base/white_space.h"

namespace halfbyte {
namespace {

enum Style : unsigned { kPlain = 0, kBold = 1, kDim = 2, kItalic = 4, kUnderline = 8, kCyan = 16 };
constexpr std::array<std::pair<unsigned, std::string_view>, 5> kSequences{
    {{kBold, "1"}, {kDim, "2"}, {kItalic, "3"}, {kUnderline, "4"}, {kCyan, "36"}}};

bool is_harmful(char32_t c) { return c < 0x20 || (c >= 0x7f && c < 0xa0) || (c >= 0x202a && c <= 0x202e) || (c >= 0x2066 && c <= 0x2069); }

std::string harmless(std::string_view text) {
  std::string out;
  for (size_t at = 0; at < text.size();) {
    const Utf8Character c = read_utf8(text, at);
    if (c.code_point == '\t')
      out += "    ";
    else if (!is_harmful(c.code_point))
      append_utf8(out, c.code_point);
    at += c.bytes;
  }
  return out;
}

int columns(std::string_view text) {
  int columns = 0;
  for (size_t at = 0; at < text.size();) {
    const Utf8Character c = read_utf8(text, at);
    columns += utf8proc_charwidth(static_cast<utf8proc_int32_t>(c.code_point));
    at += c.bytes;
  }
  return columns;
}

std::string repeated(std::string_view text, int times) {
  std::string out;
  for (int i = 0; i < times; ++i) out += text;
  return out;
}

bool is_digit(char c) { return c >= '0' && c <= '9'; }
bool is_ascii_punctuation(char c) { return c > ' ' && c < 0x7f && !is_digit(c) && !((c | 0x20) >= 'a' && (c | 0x20) <= 'z'); }
// Bytes of characters past ASCII count as letters.
bool is_word(char c) {
  return is_digit(c) || c == '_' || ((c | 0x20) >= 'a' && (c | 0x20) <= 'z') || static_cast<unsigned char>(c) >= 0x80;
}

// ``` or ~~~ at the start of a line, as long as it is; empty for none.
std::string fence_of(std::string_view line) {
  line = trimmed_left(line);
  if (line.empty() || (line[0] != '`' && line[0] != '~')) return "";
  const size_t length = std::min(line.find_first_not_of(line[0]), line.size());
  if (length < 3 || (line[0] == '`' && line.find('`', length) != std::string_view::npos)) return "";
  return std::string(line.substr(0, length));
}

bool is_rule(std::string_view line) {
  line = trimmed(line);
  if (line.empty() || std::string_view("-*_").find(line[0]) == std::string_view::npos) return false;
  const auto marks = std::ranges::count(line, line[0]);
  return marks >= 3 && marks + std::ranges::count(line, ' ') == std::ssize(line);
}

struct Item {
  std::string indent, mark;
  std::string_view text;
};

std::optional<Item> item_of(std::string_view line) {
  const size_t indent = std::min(line.find_first_not_of(' '), line.size());
  const std::string_view rest = line.substr(indent);
  size_t mark = 0;
  while (mark < rest.size() && mark < 9 && is_digit(rest[mark])) ++mark;
  const bool is_numbered = mark > 0 && mark < rest.size() && (rest[mark] == '.' || rest[mark] == ')');
  const bool is_bullet = mark == 0 && !rest.empty() && (rest[0] == '-' || rest[0] == '*' || rest[0] == '+');
  if (!is_numbered && !is_bullet) return std::nullopt;
  ++mark;
  if (mark >= rest.size() || rest[mark] != ' ') return std::nullopt;
  return Item{std::string(indent, ' '), is_numbered ? std::string(rest.substr(0, mark)) : "•", trimmed_left(rest.substr(mark))};
}

// The cells of a table's line; a bar after a backslash is text.
std::vector<std::string> row_of(std::string_view line) {
  line = trimmed(line);
  if (line.starts_with('|')) line.remove_prefix(1);
  std::vector<std::string> cells(1);
  for (size_t i = 0; i < line.size(); ++i) {
    if (line[i] == '\\' && i + 1 < line.size() && line[i + 1] == '|')
      cells.back() += line[++i];
    else if (line[i] == '|')
      cells.emplace_back();
    else
      cells.back() += line[i];
  }
  if (cells.size() > 1 && trimmed(cells.back()).empty()) cells.pop_back();
  for (std::string& cell : cells) cell = trimmed(cell);
  return cells;
}

bool is_divider(std::string_view line) {
  return std::ranges::all_of(row_of(line), [](std::string_view cell) {
    if (cell.starts_with(':')) cell.remove_prefix(1);
    if (cell.ends_with(':')) cell.remove_suffix(1);
    return !cell.empty() && cell.find_first_not_of('-') == std::string_view::npos;
  });
}

// An emphasis by `mark` that begins at `at`: what stands inside, if it is one. Marks by underscores are whole words only.
std::optional<std::string_view> emphasis(std::string_view text, size_t at, std::string_view mark) {
  if (!text.substr(at).starts_with(mark)) return std::nullopt;
  if (mark[0] == '_' && at > 0 && is_word(text[at - 1])) return std::nullopt;
  const size_t begin = at + mark.size();
  if (begin >= text.size() || text[begin] == ' ' || (mark.size() == 1 && text[begin] == mark[0])) return std::nullopt;
  for (size_t end = text.find(mark, begin + 1); end != std::string_view::npos; end = text.find(mark, end + 1)) {
    if (mark.size() == 2 && text.substr(end).starts_with(std::string(3, mark[0]))) ++end;  // the first of three closes one inside
    const size_t after = end + mark.size();
    if (text[end - 1] == ' ') continue;
    if (mark[0] == '_' && after < text.size() && is_word(text[after])) continue;
    if (mark.size() == 1 && after < text.size() && text[after] == mark[0]) {
      ++end;  // a double mark inside
      continue;
    }
    return text.substr(begin, end - begin);
  }
  return std::nullopt;
}

}  // namespace

TerminalMarkdown::TerminalMarkdown(std::function<void(std::string_view)> write, int width, bool has_color)
    : write_(std::move(write)), width_(std::max(width, 20)), has_color_(has_color) {}

void TerminalMarkdown::feed(std::string_view piece) {
  line_ += piece;
  for (size_t end; (end = line_.find('\n')) != std::string::npos; line_.erase(0, end + 1)) take_line(harmless(line_.substr(0, end)));
}

void TerminalMarkdown::close() {
  if (!line_.empty()) take_line(harmless(std::exchange(line_, {})));
  end_table();
}

void TerminalMarkdown::take_line(const std::string& line) {
  const std::string fence = fence_of(line);
  if (code_) {
    const bool is_end = fence.starts_with(*code_) && trimmed(line).size() == fence.size();
    if (is_end)
      code_.reset();
    else
      put("    " + paint(line, kCyan));
    return;
  }
  const std::string_view text = trimmed_left(line);
  if (text.starts_with('|')) {
    table_.push_back(line);
    return;
  }
  end_table();
  const size_t hashes = std::min(text.find_first_not_of('#'), text.size());
  if (!fence.empty()) {
    code_ = fence;
  } else if (text.empty()) {
    put("");
  } else if (hashes >= 1 && hashes <= 6 && text.substr(hashes).starts_with(' ')) {
    std::string_view heading = trimmed(text.substr(hashes));
    if (const size_t last = heading.find_last_not_of('#'); last != std::string_view::npos && heading[last] == ' ')
      heading = trimmed(heading.substr(0, last));
    put_wrapped(heading, "", "", hashes == 1 ? kBold | kUnderline : kBold);
  } else if (is_rule(line)) {
    put(paint(repeated("─", width_), kDim));
  } else if (const auto item = item_of(line)) {
    const std::string rest = item->indent + std::string(static_cast<size_t>(columns(item->mark)) + 1, ' ');
    put_wrapped(item->text, item->indent + item->mark + " ", rest, kPlain);
  } else if (text.starts_with('>')) {
    put_wrapped(text.substr(std::min(text.find_first_not_of("> "), text.size())), "│ ", "│ ", kDim);
  } else {
    put_wrapped(line, "", "", kPlain);
  }
}

void TerminalMarkdown::put_wrapped(std::string_view text, const std::string& first, const std::string& rest, unsigned style) {
  std::vector<Span> spans;
  add_spans(text, style, spans);
  std::string line = first, word;
  int used = columns(first), word_columns = 0;
  bool is_empty = true;
  const auto end_word = [&] {
    if (word_columns == 0) return;
    if (!is_empty && used + 1 + word_columns > width_) {
      put(line);
      line = rest;
      used = columns(rest);
      is_empty = true;
    }
    line += is_empty ? word : " " + word;
    used += is_empty ? word_columns : 1 + word_columns;
    is_empty = false;
    word.clear();
    word_columns = 0;
  };
  for (const Span& span : spans) {
    std::string_view left = span.text;
    while (!left.empty()) {
      const size_t blank = std::min(left.find(' '), left.size());
      if (blank > 0) {
        word += paint(left.substr(0, blank), span.style);
        word_columns += columns(left.substr(0, blank));
      }
      if (blank < left.size()) end_word();
      left.remove_prefix(std::min(blank + 1, left.size()));
    }
  }
  end_word();
  put(line);
}

std::string TerminalMarkdown::paint(std::string_view text, unsigned style) const {
  if (!has_color_ || style == kPlain || text.empty()) return std::string(text);
  std::string codes;
  for (const auto& [bit, code] : kSequences)
    if ((style & bit) != 0) codes += (codes.empty() ? "" : ";") + std::string(code);
  return "\x1b[" + codes + "m" + std::string(text) + "\x1b[0m";
}

// Inline Markdown as pieces of text with their styles, marks taken off.
void TerminalMarkdown::add_spans(std::string_view text, unsigned style, std::vector<Span>& spans) {
  std::string plain;
  const auto flush = [&] {
    if (!plain.empty()) spans.push_back({std::exchange(plain, {}), style});
  };
  for (size_t at = 0; at < text.size();) {
    const char c = text[at];
    if (c == '\\' && at + 1 < text.size() && is_ascii_punctuation(text[at + 1])) {
      plain += text[at + 1];
      at += 2;
      continue;
    }
    if (c == '`') {
      const size_t length = std::min(text.find_first_not_of('`', at), text.size()) - at;
      const size_t end = text.find(text.substr(at, length), at + length);
      if (end != std::string_view::npos) {
        const std::string_view code = text.substr(at + length, end - at - length);
        flush();
        spans.push_back({std::string(trimmed(code).empty() ? code : trimmed(code)), style | kCyan});
        at = end + length;
      } else {
        plain += text.substr(at, length);
        at += length;
      }
      continue;
    }
    if (c == '[') {
      const size_t middle = text.find("](", at);
      const size_t end = middle == std::string_view::npos ? middle : text.find(')', middle);
      if (end != std::string_view::npos && middle > at + 1) {
        const std::string_view label = text.substr(at + 1, middle - at - 1), url = text.substr(middle + 2, end - middle - 2);
        flush();
        spans.push_back({std::string(label), style | kUnderline});
        if (url != label) spans.push_back({" (" + std::string(url) + ")", style | kDim});
        at = end + 1;
        continue;
      }
    }
    bool is_emphasis = false;
    for (const auto& [mark, added] : {std::pair("**", kBold), {"__", kBold}, {"*", kItalic}, {"_", kItalic}})
      if (const auto inside = emphasis(text, at, mark); inside && !is_emphasis) {
        flush();
        add_spans(*inside, style | added, spans);
        at += inside->size() + 2 * std::string_view(mark).size();
        is_emphasis = true;
        break;
      }
    if (!is_emphasis) {
      plain += c;
      ++at;
    }
  }
  flush();
}

int TerminalMarkdown::cells(const std::vector<Span>& spans) {
  int cells = 0;
  for (const Span& span : spans) cells += columns(span.text);
  return cells;
}

void TerminalMarkdown::end_table() {
  const std::vector<std::string> lines = std::exchange(table_, {});
  if (lines.size() < 2 || !is_divider(lines[1])) {
    for (const std::string& line : lines) put_wrapped(line, "", "", kPlain);
    return;
  }
  std::vector<std::vector<std::vector<Span>>> rows;  // row, column, spans
  std::vector<int> widths;
  for (size_t i = 0; i < lines.size(); ++i) {
    if (i == 1) continue;
    std::vector<std::vector<Span>> row;
    for (const std::string& cell : row_of(lines[i])) {
      add_spans(cell, i == 0 ? kBold : kPlain, row.emplace_back());
      widths.resize(std::max(widths.size(), row.size()));
      widths[row.size() - 1] = std::max(widths[row.size() - 1], cells(row.back()));
    }
    rows.push_back(std::move(row));
  }
  const std::vector<std::string> divider = row_of(lines[1]);
  for (size_t i = 0; i < rows.size(); ++i) {
    std::string line, below;
    rows[i].resize(widths.size());
    for (size_t column = 0; column < widths.size(); ++column) {
      std::string text;
      for (const Span& span : rows[i][column]) text += paint(span.text, span.style);
      const std::string space(static_cast<size_t>(widths[column] - cells(rows[i][column])), ' ');
      const bool is_right = column < divider.size() && divider[column].ends_with(':') && !divider[column].starts_with(':');
      const bool is_last = column + 1 == widths.size();
      line += is_right ? space + text : text + (is_last ? "" : space);
      below += repeated("─", widths[column]);
      if (!is_last) line += "  ";
      if (!is_last) below += "  ";
    }
    put(line);
    if (i == 0) put(paint(below, kDim));
  }
}

}  // namespace halfbyte
