#include "base/priority.h"

#include <gtest/gtest.h>

#if defined(__linux__)
#include <sys/resource.h>

#include <thread>

namespace halfbyte {
namespace {

TEST(Priority, IsTakenFromTheCallingThreadAndThoseItStartsAlone) {
  const int before = getpriority(PRIO_PROCESS, 0);
  std::thread([] {
    take_lowest_priority();
    EXPECT_EQ(getpriority(PRIO_PROCESS, 0), 19);
    std::thread([] { EXPECT_EQ(getpriority(PRIO_PROCESS, 0), 19); }).join();
  }).join();
  EXPECT_EQ(getpriority(PRIO_PROCESS, 0), before);
}

}  // namespace
}  // namespace halfbyte
#endif
