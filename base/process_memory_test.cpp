#include "base/process_memory.h"

#include <gtest/gtest.h>

#include <vector>

namespace halfbyte {
namespace {

#if defined(__linux__)
TEST(ProcessMemory, GrowsByWhatIsTouched) {
  const auto before = resident_bytes();
  ASSERT_TRUE(before);
  const std::vector<char> touched(size_t{64} << 20, 1);
  const auto after = resident_bytes();
  ASSERT_TRUE(after);
  EXPECT_GE(*after, *before + (touched.size() / 2));
}
#endif

}  // namespace
}  // namespace halfbyte
