#include "base/machine_facts.h"

#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <cmath>
#include <fstream>
#include <set>
#include <sstream>
#include <string_view>

#include "base/cpu.h"

namespace halfbyte {
namespace {

namespace fs = std::filesystem;

std::string first_line(const fs::path& file) {
  std::ifstream in(file);
  std::string line;
  std::getline(in, line);
  return line;
}

template <class T>
std::optional<T> first_number(const std::string& text) {
  std::istringstream in(text);
  T number{};
  if (in >> number) return number;
  return std::nullopt;
}

// What follows "name:" in a file of such lines; reads no further.
std::optional<std::string> entry(const fs::path& file, std::string_view name) {
  std::ifstream in(file);
  for (std::string line; std::getline(in, line);) {
    const size_t colon = line.find(':');
    if (colon == std::string::npos || !line.starts_with(name)) continue;
    if (line.find_first_not_of(" \t", name.size()) != colon) continue;
    const size_t begin = line.find_first_not_of(" \t", colon + 1);
    return begin == std::string::npos ? std::string() : line.substr(begin);
  }
  return std::nullopt;
}

std::optional<int> cores_of(const fs::path& root, const std::vector<int>& processors) {
  std::set<std::string> cores;  // each written as the list of its processors
  for (const int processor : processors) {
    const std::string name = "cpu" + std::to_string(processor);
    const std::string siblings = first_line(root / "sys/devices/system/cpu" / name / "topology/thread_siblings_list");
    if (siblings.empty()) return std::nullopt;
    cores.insert(siblings);
  }
  return static_cast<int>(cores.size());
}

HugePages huge_pages(const fs::path& root) {
  const std::string choices = first_line(root / "sys/kernel/mm/transparent_hugepage/enabled");  // "always [madvise] never"
  if (choices.find("[always]") != std::string::npos) return HugePages::kAlways;
  if (choices.find("[madvise]") != std::string::npos) return HugePages::kOnRequest;
  if (choices.find("[never]") != std::string::npos) return HugePages::kNever;
  return HugePages::kUnknown;
}

// Version 2: "QUOTA PERIOD" or "max PERIOD" in one file. Version 1: two files, quota -1 without a limit.
std::optional<double> cpu_limit_in(const fs::path& group) {
  std::istringstream both(first_line(group / "cpu.max"));
  double quota = -1, period = 0;
  if (!(both >> quota >> period)) {
    quota = first_number<double>(first_line(group / "cpu.cfs_quota_us")).value_or(-1);
    period = first_number<double>(first_line(group / "cpu.cfs_period_us")).value_or(0);
  }
  if (quota <= 0 || period <= 0) return std::nullopt;
  return quota / period;
}

// What a group may still take: its limit less what it uses, of which the contents of files do not count, for they are given up.
// Version 2: memory.max, memory.current, "file" of memory.stat. Version 1 has other names.
std::optional<double> memory_left_in(const fs::path& group) {
  struct Names {
    std::string_view limit, usage, files;
  };
  for (const Names& names :
       {Names{"memory.max", "memory.current", "file"}, Names{"memory.limit_in_bytes", "memory.usage_in_bytes", "total_cache"}}) {
    const auto limit = first_number<double>(first_line(group / names.limit));
    const auto usage = first_number<double>(first_line(group / names.usage));
    if (!limit || !usage) continue;
    std::ifstream stat(group / "memory.stat");
    double files = 0, value = 0;
    for (std::string name; stat >> name >> value;)
      if (name == names.files) files = value;
    return std::max(0.0, *limit - std::max(0.0, *usage - files));
  }
  return std::nullopt;
}

// The least that `value_in` gives for the process's groups of this controller and those they lie in. In a container a group's path may be
// the host's and absent here; its outermost group is then the container's own.
template <class ValueIn>
std::optional<double> least_of_groups(const fs::path& root, std::string_view controller, ValueIn value_in) {
  std::ifstream groups(root / "proc/self/cgroup");  // "HIERARCHY:CONTROLLERS:PATH", version 2 without controllers
  std::optional<double> least;
  for (std::string line; std::getline(groups, line);) {
    const size_t first = line.find(':'), second = line.find(':', first + 1);
    if (second == std::string::npos) continue;
    const std::string controllers = "," + line.substr(first + 1, second - first - 1) + ",";
    const bool is_version_2 = controllers == ",,";
    if (!is_version_2 && controllers.find(fmt::format(",{},", controller)) == std::string::npos) continue;
    const fs::path all = root / "sys/fs/cgroup";
    const fs::path mount = is_version_2 ? all : all / controller;
    for (fs::path path = fs::path(line.substr(second + 1)).relative_path();; path = path.parent_path()) {
      if (const auto value = value_in(mount / path); value && (!least || *value < *least)) least = value;
      if (path.empty()) break;
    }
  }
  return least;
}

std::optional<double> cpu_limit(const fs::path& root) { return least_of_groups(root, "cpu", cpu_limit_in); }

std::optional<uint64_t> memory_entry(const fs::path& root, std::string_view name) {
  const auto text = entry(root / "proc/meminfo", name);
  const auto kibibytes = text ? first_number<uint64_t>(*text) : std::nullopt;
  if (!kibibytes) return std::nullopt;
  return *kibibytes * 1024;
}

std::optional<uint64_t> available_bytes(const fs::path& root) {
  const auto of_machine = memory_entry(root, "MemAvailable");
  const auto of_group = least_of_groups(root, "memory", memory_left_in);
  if (!of_group) return of_machine;
  const auto bytes = static_cast<uint64_t>(*of_group);
  return of_machine ? std::min(*of_machine, bytes) : bytes;
}

}  // namespace

int MachineFacts::usable_processors() const {
  if (!cpu_limit || *cpu_limit >= processors) return processors;
  return std::max(1, static_cast<int>(std::ceil(*cpu_limit)));
}

std::optional<double> busy_seconds(const fs::path& root, const std::vector<int>& processors) {
  std::ifstream in(root / "proc/stat");  // "cpuN user nice system idle iowait irq softirq steal ...", in ticks
  const std::set<int> wanted(processors.begin(), processors.end());
  size_t found = 0;
  double ticks = 0;
  for (std::string line; std::getline(in, line);) {
    std::istringstream fields(line);
    std::string name;
    int processor = -1;
    double user = 0, nice = 0, system = 0, idle = 0, io_wait = 0, interrupts = 0, soft_interrupts = 0, steal = 0;
    fields >> name >> user >> nice >> system >> idle >> io_wait >> interrupts >> soft_interrupts >> steal;
    if (!fields || !name.starts_with("cpu") || !(std::istringstream(name.substr(3)) >> processor) || !wanted.contains(processor)) continue;
    ticks += user + nice + system + interrupts + soft_interrupts + steal;
    ++found;
  }
  if (found == 0 || found != wanted.size()) return std::nullopt;
  return ticks / static_cast<double>(::sysconf(_SC_CLK_TCK));
}

int processors_available() {
  const MachineFacts facts{.processors = static_cast<int>(allowed_processors().size()), .cpu_limit = cpu_limit("/")};
  return facts.usable_processors();
}

MachineFacts machine_facts() { return read_machine_facts("/", allowed_processors()); }

MachineFacts read_machine_facts(const fs::path& root, const std::vector<int>& processors) {
  return {.processor = entry(root / "proc/cpuinfo", "model name").value_or("unknown"),
          .processors = std::max(1, static_cast<int>(processors.size())),
          .cores = cores_of(root, processors),
          .cpu_limit = cpu_limit(root),
          .memory_bytes = memory_entry(root, "MemTotal"),
          .available_bytes = available_bytes(root),
          .huge_pages = huge_pages(root),
          .load = first_number<double>(first_line(root / "proc/loadavg"))};
}

}  // namespace halfbyte
