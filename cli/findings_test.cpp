#include "cli/findings.h"

#include <gtest/gtest.h>

namespace halfbyte {
namespace {

constexpr uint64_t kGiB = uint64_t{1} << 30;
const MachineFacts kHealthy{.processor = "Fast 9000",
                            .processors = 4,
                            .cores = 4,
                            .memory_bytes = 16 * kGiB,
                            .available_bytes = 12 * kGiB,
                            .huge_pages = HugePages::kOnRequest,
                            .load = 0.1};

// The one finding about a machine; what is found otherwise.
Finding only(const std::vector<Finding>& found) {
  EXPECT_EQ(found.size(), 1U);
  return found.empty() ? Finding{.is_fault = false, .text = "none"} : found.front();
}
bool mentions(const Finding& finding, std::string_view words) { return finding.text.find(words) != std::string::npos; }

TEST(Findings, AreNoneOnAHealthyMachineOrWhereTheSystemTellsNothing) {
  EXPECT_TRUE(findings(kHealthy, Isa::kAvx512Vnni, Isa::kAvx512Vnni).empty());
  EXPECT_TRUE(findings({.processors = 2}, Isa::kAvx512, Isa::kAvx512).empty());
}

TEST(Findings, ALimitBelowTheProcessorsIsAFaultThatNamesTheThreadsTaken) {
  MachineFacts facts = kHealthy;
  facts.cpu_limit = 2.5;
  const Finding found = only(findings(facts, Isa::kAvx512, Isa::kAvx512));
  EXPECT_TRUE(found.is_fault);
  EXPECT_TRUE(mentions(found, "without --threads take 3")) << found.text;
  facts.cpu_limit = 4;
  EXPECT_TRUE(findings(facts, Isa::kAvx512, Isa::kAvx512).empty());
}

TEST(Findings, HugePagesThatAreOffAreAFault) {
  MachineFacts facts = kHealthy;
  facts.huge_pages = HugePages::kNever;
  EXPECT_TRUE(only(findings(facts, Isa::kAvx512, Isa::kAvx512)).is_fault);
}

TEST(Findings, AForcedWeakerSetIsAFault) {
  const Finding found = only(findings(kHealthy, Isa::kAvx512, Isa::kAvx2));
  EXPECT_TRUE(found.is_fault);
  EXPECT_TRUE(mentions(found, "HALFBYTE_ISA=avx2")) << found.text;
  EXPECT_TRUE(findings(kHealthy, Isa::kAvx512Vnni, Isa::kAmx).empty());  // forced, and stronger
}

TEST(Findings, AProcessorWithoutVectorsIsAFaultAndOneWithoutAvx512IsNot) {
  EXPECT_TRUE(only(findings(kHealthy, Isa::kScalar, Isa::kScalar)).is_fault);
  EXPECT_FALSE(only(findings(kHealthy, Isa::kAvx2, Isa::kAvx2)).is_fault);
}

TEST(Findings, LittleMemoryIsAFault) {
  MachineFacts facts = kHealthy;
  facts.available_bytes = kGiB / 2;
  EXPECT_TRUE(only(findings(facts, Isa::kAvx512, Isa::kAvx512)).is_fault);
}

TEST(Findings, OtherProgramsAndSiblingsAreGoodToKnow) {
  MachineFacts facts = kHealthy;
  facts.load = 3;
  EXPECT_TRUE(is_busy(facts));
  EXPECT_FALSE(only(findings(facts, Isa::kAvx512, Isa::kAvx512)).is_fault);
  facts.load = 0.1;
  facts.cores = 2;
  EXPECT_FALSE(is_busy(facts));
  EXPECT_FALSE(only(findings(facts, Isa::kAvx512, Isa::kAvx512)).is_fault);
}

}  // namespace
}  // namespace halfbyte
