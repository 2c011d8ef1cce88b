#include "cli/outer_fence.h"

#include <gtest/gtest.h>

namespace halfbyte {
namespace {

// What is shown of `text`, which must not depend on how it was cut.
std::string shown(const std::string& text) {
  std::string whole;
  for (size_t step = text.size(); step >= 1; --step) {
    OuterFence fence;
    std::string out;
    for (size_t at = 0; at < text.size(); at += step) out += fence.feed(std::string_view(text).substr(at, step));
    out += fence.close();
    if (step == text.size()) whole = out;
    EXPECT_EQ(out, whole) << "in pieces of " << step;
  }
  return whole;
}

TEST(OuterFence, IsTakenOffTheWhole) {
  EXPECT_EQ(shown("```markdown\n# Title\ntext\n```"), "# Title\ntext\n");
  EXPECT_EQ(shown("\n~~~~ MD\ntext\n~~~~\n\n"), "\ntext\n");
  EXPECT_EQ(shown("```md\nnever closed"), "never closed");
}

TEST(OuterFence, BlocksInsideStay) {
  EXPECT_EQ(shown("```markdown\na\n```python\nx = 1\n```\nb\n```\n"), "a\n```python\nx = 1\n```\nb\n");
  EXPECT_EQ(shown("```markdown\na\n```\nx\n```\nb\n```\n"), "a\n```\nx\n```\nb\n");
}

TEST(OuterFence, TextWithoutOneIsAsItWas) {
  for (const char* text :
       {"plain `code`\n", "```python\nx\n```\n", "first\n```markdown\nx\n```\n", "``\n", "   ", "a\n\n```\n", "````\n```md\n````"})
    EXPECT_EQ(shown(text), text);
}

}  // namespace
}  // namespace halfbyte
