#include "cli/findings.h"

#include <fmt/format.h>

namespace halfbyte {
namespace {

constexpr uint64_t kLittleMemory = uint64_t{1} << 30;  // room for a small model and its cache

// "avx2 (avx2 fma f16c)": the sets that are built on this one, with what they need.
std::string sets_that_would_follow(Isa isa) {
  std::string sets;
  for (const Isa child : isas_built())
    if (child != isa && parent(child) == isa) sets += fmt::format("{}{} ({})", sets.empty() ? "" : " or ", name(child), features(child));
  return sets;
}

}  // namespace

bool is_busy(const MachineFacts& facts) { return facts.load && *facts.load > 0.5 * facts.processors; }

std::vector<Finding> findings(const MachineFacts& facts, Isa by_default, Isa chosen) {
  std::vector<Finding> found;
  const auto fault = [&](std::string text) { found.push_back({.is_fault = true, .text = std::move(text)}); };
  const auto remark = [&](std::string text) { found.push_back({.is_fault = false, .text = std::move(text)}); };

  const std::string next = sets_that_would_follow(by_default);
  if (by_default == Isa::kScalar && !next.empty())
    fault(
        fmt::format("this processor does not run {}, or a virtual machine hides what they need: everything runs as plain C++, many times "
                    "slower. In a virtual machine, choose the host's processor model",
                    next));
  if (!includes(chosen, by_default))
    fault(fmt::format("HALFBYTE_ISA={} forces slower kernels than {}, which is taken without it: unset it unless you compare them",
                      name(chosen), name(by_default)));
  if (facts.cpu_limit && *facts.cpu_limit < facts.processors)
    fault(
        fmt::format("the control group may use {:.3g} processors at a time and sees {}: commands without --threads take {}, and what runs "
                    "beyond the limit is stopped in the middle of a step. Raise the limit, or give it whole processors (docker: "
                    "--cpuset-cpus instead of --cpus)",
                    *facts.cpu_limit, facts.processors, facts.usable_processors()));
  if (facts.huge_pages == HugePages::kNever)
    fault(
        "huge pages are off: generation is some percent slower. As root: "
        "echo madvise > /sys/kernel/mm/transparent_hugepage/enabled");
  if (facts.available_bytes && *facts.available_bytes < kLittleMemory)
    fault(fmt::format("{:.1f} GiB of memory are available: only the smallest models fit. End other programs, or take a model of fewer bits",
                      static_cast<double>(*facts.available_bytes) / (1 << 30)));
  if (is_busy(facts))
    remark(fmt::format(
        "other programs use the processors (load {:.1f} on {}): speeds are lower than they could be, and so is what is measured now",
        *facts.load, facts.processors));
  if (facts.cores && *facts.cores < facts.processors)
    remark(fmt::format("{} processors are siblings on {} cores: two threads of one core share its kernels' speed", facts.processors,
                       *facts.cores));
  if (by_default != Isa::kScalar && parent(by_default) == Isa::kScalar && !next.empty())
    remark(fmt::format("this processor runs {}, but not {}: not a fault, generation is bound by memory and prompts have good kernels",
                       name(by_default), next));
  return found;
}

}  // namespace halfbyte
