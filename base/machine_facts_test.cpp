#include "base/machine_facts.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include <fstream>

#include "base/cpu.h"

namespace halfbyte {
namespace {

class MachineFactsTest : public testing::Test {
 protected:
  void TearDown() override { std::filesystem::remove_all(root_); }
  void write(const std::string& file, std::string_view text) const {
    std::filesystem::create_directories((root_ / file).parent_path());
    std::ofstream(root_ / file) << text;
  }
  MachineFacts read(const std::vector<int>& processors = {0, 1}) const { return read_machine_facts(root_, processors); }

  std::filesystem::path root_ = std::filesystem::path(testing::TempDir()) / ("machine_facts_test." + std::to_string(::getpid()));
};

TEST_F(MachineFactsTest, AreUnknownWhereTheSystemTellsNothing) {
  const MachineFacts expected{.processor = "unknown", .processors = 2};
  EXPECT_EQ(read(), expected);
}

TEST_F(MachineFactsTest, NameTheProcessorMemoryAndLoad) {
  write("proc/cpuinfo", "processor\t: 0\nmodel\t\t: 1\nmodel name\t: Fast 9000 @ 3: GHz\n\nprocessor\t: 1\nmodel name\t: other\n");
  write("proc/meminfo", "MemTotal:       16 kB\nMemFree: 1 kB\nMemAvailable:    8 kB\n");
  write("proc/loadavg", "1.25 0.50 0.10 2/345 6789\n");
  const MachineFacts facts = read();
  EXPECT_EQ(facts.processor, "Fast 9000 @ 3: GHz");
  EXPECT_EQ(facts.memory_bytes, 16384U);
  EXPECT_EQ(facts.available_bytes, 8192U);
  EXPECT_EQ(facts.load, 1.25);
}

TEST_F(MachineFactsTest, CountSiblingsOfOneCoreOnce) {
  for (const int processor : {0, 1, 2, 3})
    write("sys/devices/system/cpu/cpu" + std::to_string(processor) + "/topology/thread_siblings_list", processor < 2 ? "0-1\n" : "2-3\n");
  EXPECT_EQ(read({0, 1, 2, 3}).cores, 2);
  EXPECT_EQ(read({0, 2}).cores, 2);
  EXPECT_EQ(read({0, 1}).cores, 1);
  EXPECT_EQ(read({0, 7}).cores, std::nullopt);
}

TEST_F(MachineFactsTest, SayHowHugePagesAreGiven) {
  write("sys/kernel/mm/transparent_hugepage/enabled", "always [madvise] never\n");
  EXPECT_EQ(read().huge_pages, HugePages::kOnRequest);
  write("sys/kernel/mm/transparent_hugepage/enabled", "always madvise [never]\n");
  EXPECT_EQ(read().huge_pages, HugePages::kNever);
}

TEST_F(MachineFactsTest, TakeTheLeastLimitOfTheControlGroupAndThoseAroundIt) {
  write("proc/self/cgroup", "0::/service/halfbyte\n");
  write("sys/fs/cgroup/service/halfbyte/cpu.max", "max 100000\n");
  EXPECT_EQ(read().cpu_limit, std::nullopt);
  write("sys/fs/cgroup/service/cpu.max", "150000 100000\n");
  EXPECT_EQ(read().cpu_limit, 1.5);
}

TEST_F(MachineFactsTest, ReadTheLimitOfAContainerWhoseGroupIsNamedAsTheHostSeesIt) {
  write("proc/self/cgroup", "0::/host/path/of/it\n");
  write("sys/fs/cgroup/cpu.max", "50000 100000\n");
  EXPECT_EQ(read().cpu_limit, 0.5);
}

TEST_F(MachineFactsTest, ReadTheLimitOfAnOlderControlGroup) {
  write("proc/self/cgroup", "3:cpuset:/\n2:cpu,cpuacct:/box\n1:cpuset:/box\n");
  write("sys/fs/cgroup/cpu/box/cpu.cfs_quota_us", "-1\n");
  write("sys/fs/cgroup/cpu/box/cpu.cfs_period_us", "100000\n");
  EXPECT_EQ(read().cpu_limit, std::nullopt);
  write("sys/fs/cgroup/cpu/box/cpu.cfs_quota_us", "300000\n");
  EXPECT_EQ(read().cpu_limit, 3.0);
}

TEST_F(MachineFactsTest, TakeNoMoreMemoryThanTheControlGroupLeaves) {
  write("proc/meminfo", "MemTotal: 16384 kB\nMemAvailable: 8192 kB\n");
  write("proc/self/cgroup", "0::/box\n");
  write("sys/fs/cgroup/box/memory.max", "max\n");
  write("sys/fs/cgroup/box/memory.current", "5000000\n");
  EXPECT_EQ(read().available_bytes, 8192U * 1024);
  write("sys/fs/cgroup/box/memory.max", "6000000\n");
  write("sys/fs/cgroup/box/memory.stat", "anon 4000000\nfile 1000000\nkernel 0\n");
  EXPECT_EQ(read().available_bytes, 2000000U);
  write("proc/self/cgroup", "4:memory:/old\n");
  write("sys/fs/cgroup/memory/old/memory.limit_in_bytes", "3000000\n");
  write("sys/fs/cgroup/memory/old/memory.usage_in_bytes", "1000000\n");
  EXPECT_EQ(read().available_bytes, 2000000U);
}

TEST_F(MachineFactsTest, SumTheTimeThatProcessorsHaveWorked) {
  EXPECT_EQ(busy_seconds(root_, {0}), std::nullopt);
  write("proc/stat",
        "cpu  9 9 9 9 9 9 9 9 0 0\ncpu0 100 20 30 999 999 4 5 41 7 0\ncpu1 50 0 0 1 1 0 0 0 0 0\ncpu10 1 0 0 1 1 0 0 0 0 0\nintr 7\n");
  const double tick = 1.0 / static_cast<double>(::sysconf(_SC_CLK_TCK));
  EXPECT_DOUBLE_EQ(busy_seconds(root_, {0}).value_or(0), 200 * tick);
  EXPECT_DOUBLE_EQ(busy_seconds(root_, {0, 1}).value_or(0), 250 * tick);
  EXPECT_EQ(busy_seconds(root_, {0, 2}), std::nullopt);
}

TEST(MachineFacts, CountTheProcessorsThatTheLimitGivesTimeOn) {
  const auto usable = [](std::optional<double> limit) { return MachineFacts{.processors = 4, .cpu_limit = limit}.usable_processors(); };
  EXPECT_EQ(usable(std::nullopt), 4);
  EXPECT_EQ(usable(3), 3);
  EXPECT_EQ(usable(2.1), 3);
  EXPECT_EQ(usable(0.5), 1);
  EXPECT_EQ(usable(1e12), 4);
}

TEST(MachineFacts, OfThisMachineCountTheProcessorsThatThreadsAreTakenFor) {
  EXPECT_EQ(machine_facts().usable_processors(), processors_available());
}

}  // namespace
}  // namespace halfbyte
