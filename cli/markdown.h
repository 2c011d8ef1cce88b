// Markdown on a terminal, line by line as it comes: headings, lists, quotes, code and tables, in plain ANSI.
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace halfbyte {

// Text comes from a model: what a terminal would obey (control characters) or be fooled by (direction marks) is left out.
class TerminalMarkdown {
 public:
  // `width` in columns. Without colour there is no escape sequence in what is written.
  TerminalMarkdown(std::function<void(std::string_view)> write, int width, bool has_color);

  void feed(std::string_view piece);  // writes every line that is complete, tables when they end
  void close();                       // writes what is left

 private:
  struct Span {
    std::string text;
    unsigned style;
  };
  void take_line(const std::string& line);
  void put(std::string_view line) { write_(std::string(line) + "\n"); }
  void put_wrapped(std::string_view text, const std::string& first, const std::string& rest, unsigned style);
  void end_table();
  std::string paint(std::string_view text, unsigned style) const;
  static void add_spans(std::string_view text, unsigned style, std::vector<Span>& spans);
  static int cells(const std::vector<Span>& spans);

  std::function<void(std::string_view)> write_;
  int width_;
  bool has_color_;
  std::string line_;
  std::optional<std::string> code_;  // the fence that opened the block
  std::vector<std::string> table_;
};

}  // namespace halfbyte
