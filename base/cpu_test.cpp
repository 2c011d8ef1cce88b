#include "base/cpu.h"

#include <gtest/gtest.h>

namespace halfbyte {

TEST(Cpu, SaysOfAnUnknownFeatureThatItIsNone) { EXPECT_EQ(processor_has("sse9"), std::nullopt); }

TEST(Cpu, EveryProcessorRunsWhatIsBuiltForAny) { EXPECT_TRUE(is_built_for(ProcessorFamily::kAny)); }

TEST(Cpu, ThereIsAProcessorToUse) { EXPECT_FALSE(allowed_processors().empty()); }

}  // namespace halfbyte
