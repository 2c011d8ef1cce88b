#include "kernels/isa.h"

#include <gtest/gtest.h>

#include <sstream>

#include "base/cpu.h"
#include "base/file.h"
#include "kernels/kernels.h"

namespace halfbyte {
namespace {

std::string names(std::string_view separator) {
  std::string all;
  for (const Isa isa : isas_known()) all += (all.empty() ? "" : std::string(separator)) + std::string(name(isa));
  return all;
}

}  // namespace

TEST(Isa, ScalarRunsEverywhere) { EXPECT_TRUE(runs_here(Isa::kScalar)); }

TEST(Isa, NamesOfSetsParseBack) {
  for (const Isa isa : isas_here()) EXPECT_EQ(*parse_isa(name(isa)), isa);
}

TEST(Isa, AnUnknownSetIsRefusedWithTheListOfKnownOnes) {
  const auto isa = parse_isa("sse9");
  ASSERT_FALSE(isa);
  EXPECT_EQ(isa.error().message, "instruction set 'sse9': expected one of " + names(", "));
}

TEST(Isa, ASetHasWhatItsParentsHaveAndNothingOfASibling) {
  for (const Isa isa : isas_known()) {
    EXPECT_TRUE(includes(isa, isa));
    EXPECT_TRUE(includes(isa, Isa::kScalar));
    EXPECT_TRUE(isa == Isa::kScalar || !includes(Isa::kScalar, isa));
  }
  EXPECT_TRUE(includes(Isa::kAmx, Isa::kAvx512Vnni));
  EXPECT_TRUE(includes(Isa::kAvx2Vnni, Isa::kAvx2));
  EXPECT_FALSE(includes(Isa::kAvx512, Isa::kAvx2Vnni));
  EXPECT_FALSE(includes(Isa::kAvx512, Isa::kAvx512Vnni));
}

TEST(Isa, ASetThatRunsHereHasParentsThatDo) {
  for (const Isa isa : isas_here()) EXPECT_TRUE(runs_here(parent(isa))) << name(isa);
}

TEST(Isa, EveryFeatureOfASetBuiltHereCanBeAskedFor) {
  for (const Isa isa : isas_built()) {
    std::istringstream list{std::string(features(isa))};
    for (std::string feature; list >> feature;) EXPECT_TRUE(processor_has(feature).has_value()) << name(isa) << ": " << feature;
  }
}

TEST(Isa, TilesAreTakenOnlyByName) { EXPECT_NE(default_isa(), Isa::kAmx); }

TEST(Isa, EverySetBuiltHereHasEveryKernelOfItsOwnOrOfItsParents) {
  for (const Isa isa : isas_built()) {
    const KernelTable& table = kernels(isa);
#define PANEL(member, format) EXPECT_NE(table.member, nullptr) << name(isa) << ": " << #member;
#define KERNEL(member, ...) EXPECT_NE(table.member, nullptr) << name(isa) << ": " << #member;
#include "kernels/families.def"
  }
}

TEST(Isa, TheDocumentsNameEverySet) {
  for (const char* document : {"README.md", "docs/kernels.md"}) {
    const auto text = read_text(std::filesystem::path(HALFBYTE_TEST_DATA) / "../.." / document, 1 << 20);
    ASSERT_TRUE(text) << text.error().message;
    EXPECT_NE(text->find("`HALFBYTE_ISA=" + names("|") + "`"), std::string::npos) << document;
  }
}

}  // namespace halfbyte
