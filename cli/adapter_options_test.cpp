#include "cli/adapter_options.h"

#include <gtest/gtest.h>

namespace halfbyte {
namespace {

TEST(AdapterOptions, AScaleIsTheNumberBehindTheLastEqualsSign) {
  const struct {
    const char *given, *path;
    float scale;
  } rows[] = {{"a.gguf", "a.gguf", 1},       {"a.gguf=0.5", "a.gguf", 0.5F}, {"dir/r=16", "dir/r", 16},
              {"dir/r=16/", "dir/r=16/", 1}, {"a.gguf=-2", "a.gguf", -2},    {"a=b.gguf", "a=b.gguf", 1},
              {"a=b.gguf=3", "a=b.gguf", 3}, {"a.gguf=", "a.gguf=", 1},      {"a.gguf=nan", "a.gguf=nan", 1}};
  for (const auto& row : rows) {
    ChosenAdapters adapters;
    adapters.add(row.given);
    EXPECT_EQ(adapters.files[0].path, row.path);
    EXPECT_EQ(adapters.files[0].name, adapters.uses[0].name);
    EXPECT_EQ(adapters.uses[0].scale, row.scale) << row.given;
  }
}

}  // namespace
}  // namespace halfbyte
