// What the operating system says about this machine and this process's share of it.
#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <vector>

namespace halfbyte {

// How the system gives huge pages: always, to memory that asks for them (as ours does), or never.
enum class HugePages { kUnknown, kAlways, kOnRequest, kNever };

struct MachineFacts {
  std::string processor;  // as the system names the model; "unknown" where it does not
  int processors = 1;     // that this process may use
  // Cores these processors belong to: fewer where two are siblings that share one. Absent where the system does not say.
  std::optional<int> cores;
  std::optional<double> cpu_limit;  // processors' worth of time the control group may use; absent: no limit
  std::optional<uint64_t> memory_bytes;
  std::optional<uint64_t> available_bytes;  // that this process may still take, within its control groups' limits
  HugePages huge_pages = HugePages::kUnknown;
  std::optional<double> load;  // work that ran or waited for a processor, on average over the last minute, of all programs

  // Threads that find a processor: as many as there are, within the limit of the control group rounded up.
  int usable_processors() const;
  bool operator==(const MachineFacts&) const = default;
};

// usable_processors() of this machine, without the other facts: the threads that an engine takes unasked.
int processors_available();

// Seconds that the processors of these numbers have worked since the machine started, for anybody, and another machine's on the same
// hardware. In steps of a hundredth, as a rule. Absent where the system does not say.
std::optional<double> busy_seconds(const std::filesystem::path& root, const std::vector<int>& processors);

MachineFacts machine_facts();
// The same from the files under `root`, for the processors of these numbers.
MachineFacts read_machine_facts(const std::filesystem::path& root, const std::vector<int>& processors);

}  // namespace halfbyte
