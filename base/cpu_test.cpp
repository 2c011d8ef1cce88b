#include "base/cpu.h"

#include <gtest/gtest.h>

namespace halfbyte {

TEST(Cpu, ScalarRunsEverywhere) { EXPECT_TRUE(runs_here(Isa::kScalar)); }

TEST(Cpu, NamesOfSetsParseBack) {
  for (const Isa isa : isas_here()) EXPECT_EQ(*parse_isa(name(isa)), isa);
}

TEST(Cpu, AnUnknownSetIsRefusedWithTheListOfKnownOnes) {
  const auto isa = parse_isa("sse9");
  ASSERT_FALSE(isa);
  EXPECT_EQ(isa.error().message, "instruction set 'sse9': expected one of scalar, avx2, avx2-vnni, avx512, avx512-vnni");
}

}  // namespace halfbyte
