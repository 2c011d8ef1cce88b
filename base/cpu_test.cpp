#include "base/cpu.h"

#include <gtest/gtest.h>

#include <cstdlib>

namespace halfbyte {

TEST(Cpu, ScalarRunsEverywhere) { EXPECT_TRUE(runs_here(Isa::kScalar)); }

TEST(Cpu, NamesOfSetsParseBack) {
  for (const Isa isa : isas_here()) EXPECT_EQ(*parse_isa(name(isa)), isa);
}

TEST(Cpu, AnUnknownSetIsRefusedWithTheListOfKnownOnes) {
  const auto isa = parse_isa("sse9");
  ASSERT_FALSE(isa);
  EXPECT_EQ(isa.error().message, "instruction set 'sse9': expected one of scalar, avx2, avx2-vnni, avx512, avx512-vnni, avx512-bf16, amx");
}

TEST(Cpu, TilesAreTakenOnlyByName) {
  const char* forced = std::getenv("HALFBYTE_ISA");
  if (forced != nullptr && *forced != '\0') GTEST_SKIP() << "HALFBYTE_ISA is " << forced;
  const auto isa = choose_isa();
  ASSERT_TRUE(isa);
  EXPECT_NE(*isa, Isa::kAmx);
}

}  // namespace halfbyte
