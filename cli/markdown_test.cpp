#include "cli/markdown.h"

#include <gtest/gtest.h>

namespace halfbyte {
namespace {

// How `text` looks, which must not depend on how it was cut.
std::string shown(const std::string& text, bool has_color = false, int width = 40) {
  std::string whole;
  for (const size_t step : {text.size(), size_t{1}, size_t{3}}) {
    std::string out;
    TerminalMarkdown markdown([&](std::string_view written) { out += written; }, width, has_color);
    for (size_t at = 0; at < text.size(); at += step) markdown.feed(std::string_view(text).substr(at, step));
    markdown.close();
    if (whole.empty()) whole = out;
    EXPECT_EQ(out, whole) << "in pieces of " << step;
  }
  return whole;
}

TEST(TerminalMarkdown, HeadingsListsQuotesAndRules) {
  EXPECT_EQ(shown("# Title #\n\n## Sub\n- one\n  * two\n3. three\n> said\n---\n"),
            "Title\n\nSub\n• one\n  • two\n3. three\n│ said\n────────────────────────────────────────\n");
  EXPECT_EQ(shown("# Title\n## Sub\n", true), "\x1b[1;4mTitle\x1b[0m\n\x1b[1mSub\x1b[0m\n");
}

TEST(TerminalMarkdown, InlineMarksAreTakenOff) {
  EXPECT_EQ(shown("**bold** *it* __b__ _i_ `a*b*` [site](http://x) snake_case_name 2 * 3 * 4 \\*x\\*\n", false, 200),
            "bold it b i a*b* site (http://x) snake_case_name 2 * 3 * 4 *x*\n");
  EXPECT_EQ(shown("a **b *c*** `d`\n", true), "a \x1b[1mb\x1b[0m \x1b[1;3mc\x1b[0m \x1b[36md\x1b[0m\n");
  EXPECT_EQ(shown("***x*** y\n", true), "\x1b[1;3mx\x1b[0m y\n");
  EXPECT_EQ(shown("unclosed **bold and `code\n"), "unclosed **bold and `code\n");
}

TEST(TerminalMarkdown, LongLinesAreWrappedUnderTheirItem) {
  EXPECT_EQ(shown("- one two three four five\n", false, 20), "• one two three four\n  five\n");
  EXPECT_EQ(shown("漢字漢字漢 字漢字漢字\n", false, 20), "漢字漢字漢\n字漢字漢字\n");
}

TEST(TerminalMarkdown, CodeIsLeftAsItIs) {
  EXPECT_EQ(shown("```python\n# no heading\n\n  x = '**'\n```\nafter\n"), "    # no heading\n    \n      x = '**'\nafter\n");
  EXPECT_EQ(shown("````\n```\n````\n"), "    ```\n");
}

TEST(TerminalMarkdown, TablesAreAligned) {
  EXPECT_EQ(shown("| name | n |\n|:--|--:|\n| **a** | 1 |\n| b\\|c | 22 |\n\nend\n"), "name   n\n────  ──\na      1\nb|c   22\n\nend\n");
  EXPECT_EQ(shown("| no table |\nend\n"), "| no table |\nend\n");
}

TEST(TerminalMarkdown, NothingThatATerminalWouldObeyComesThrough) {
  EXPECT_EQ(shown("a\x1b[2Jb\x07 \xC2\x9B c\xE2\x80\xAE d\r\n", true), "a[2Jb c d\n");
  EXPECT_EQ(shown("\xFF\n"), "\xEF\xBF\xBD\n");
}

}  // namespace
}  // namespace halfbyte
