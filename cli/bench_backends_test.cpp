#include "cli/bench_backends.h"

#include <gtest/gtest.h>

namespace halfbyte {
namespace {

using Prompts = std::vector<std::string>;

TEST(Prompts, AreLinesOrJson) {
  EXPECT_EQ(*read_prompts("a.txt", "one\r\n\n  \ntwo"), (Prompts{"one", "two"}));
  EXPECT_EQ(*read_prompts("a.json", R"(["one", {"prompt": "two\nlines", "id": 1}])"), (Prompts{"one", "two\nlines"}));
  EXPECT_EQ(*read_prompts("a.jsonl", "\"one\"\n\n{\"prompt\": \"two\"}\n"), (Prompts{"one", "two"}));
}

TEST(Prompts, SayWhichOneIsNone) {
  EXPECT_EQ(read_prompts("a.txt", "\n \n").error().message, "a.txt: expected at least one prompt, found none");
  EXPECT_EQ(read_prompts("a.json", "{}").error().message, "a.json: expected a list of prompts");
  EXPECT_EQ(read_prompts("a.json", R"(["x", 3])").error().message, "a.json: prompt 1: expected text, or an object with `prompt`");
  EXPECT_EQ(read_prompts("a.jsonl", "{\"prompt\": \"\"}").error().code, Code::kCorrupt);
}

}  // namespace
}  // namespace halfbyte
