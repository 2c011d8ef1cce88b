#include "base/process_memory.h"

#include <gtest/gtest.h>

#include <memory>
#include <vector>

namespace halfbyte {
namespace {

#if defined(__linux__)
constexpr uint64_t kMegabyte = uint64_t{1} << 20;

TEST(ProcessMemory, GrowsByWhatIsTouched) {
  const auto before = resident_bytes();
  ASSERT_TRUE(before);
  const std::vector<char> touched(64 * kMegabyte, 1);
  const auto after = resident_bytes();
  ASSERT_TRUE(after);
  EXPECT_GE(*after + kMegabyte, *before + touched.size());
  EXPECT_LE(*after, *before + touched.size() + 16 * kMegabyte);  // a sanitizer's shadow included
}

// Sanitizers have allocators of their own, which keep what is freed.
#if defined(__GLIBC__) && !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__)
TEST(ProcessMemory, FreedPiecesGoBackAlthoughSomethingBehindThemIsStillInUse) {
  std::vector<std::unique_ptr<char[]>> pieces;
  for (uint64_t bytes = 0; bytes < 64 * kMegabyte; bytes += 4096) pieces.push_back(std::make_unique<char[]>(4096));
  const auto last = std::make_unique<char[]>(4096);
  pieces.clear();
  const auto kept = resident_bytes();
  return_freed_memory();
  const auto left = resident_bytes();
  ASSERT_TRUE(kept && left);
  EXPECT_LE(*left + 32 * kMegabyte, *kept);
}
#endif
#endif

}  // namespace
}  // namespace halfbyte
