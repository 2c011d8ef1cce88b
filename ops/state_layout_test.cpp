#include "ops/state_layout.h"

#include <gtest/gtest.h>

namespace halfbyte {
namespace {

StateList one_layer(const PagedState& state) {
  StateList list;
  list.paged(0, state);
  return list;
}

TEST(StateLayout, LayersOfOneWindowShareAGroupAndDoNotOverlap) {
  StateList list;
  list.paged(0, {.heads = 2, .k_dims = 16, .v_dims = 16, .window = 64});
  list.paged(1, {.heads = 1, .k_dims = 32, .v_dims = 32});
  list.paged(2, {.heads = 2, .k_dims = 16, .v_dims = 16, .window = 64});
  const StateLayout layout(list);
  ASSERT_EQ(layout.groups().size(), 2U);
  EXPECT_EQ(layout.group_of(0), layout.group_of(2));
  EXPECT_NE(layout.group_of(0), layout.group_of(1));
  // 2 heads x 16 dims x 32 positions x 2 bytes, keys and values.
  EXPECT_EQ(layout.v_offset(0, 0) - layout.k_offset(0, 0), 2048U);
  EXPECT_EQ(layout.k_offset(2, 0) - layout.k_offset(0, 0), 4096U);
  EXPECT_EQ(layout.groups()[static_cast<size_t>(layout.group_of(0))].page_bytes, 8192U);
}

TEST(StateLayout, KeysAndValuesHaveSizesOfTheirOwn) {
  const StateLayout layout(one_layer({.heads = 2, .k_dims = 48, .v_dims = 16}));
  EXPECT_EQ(layout.k_offset(0, 1), 32U * 48 * 2);
  EXPECT_EQ(layout.v_offset(0, 0), 2 * 32U * 48 * 2);
  EXPECT_EQ(layout.v_offset(0, 1) - layout.v_offset(0, 0), 32U * 16 * 2);
  EXPECT_EQ(layout.groups()[0].page_bytes, 2 * 32U * (48 + 16) * 2);
}

TEST(StateLayout, KeysAndValuesHaveTypesOfTheirOwn) {
  const auto page = [](const char* k, const char* v, int dims) {
    const StateList list = one_layer({.heads = 2, .k_dims = dims, .v_dims = dims});
    return StateLayout(list, **find_kv_type("k", k), **find_kv_type("v", v)).groups()[0].page_bytes;
  };
  EXPECT_EQ(page("q8_0", "q8_0", 64), 2U * 2 * 32 * 68);
  EXPECT_EQ(page("q8_0", "q8_0", 40), 2U * 2 * 32 * 44);  // 8 dims have a scale of their own
  EXPECT_EQ(page("f32", "q8_0", 64), 2U * 32 * (4 * 64 + 68));
  EXPECT_EQ(page("bf16", "bf16", 64), page("f16", "f16", 64));
}

TEST(StateLayout, StatesOfAFixedSizeLieOneAfterTheOtherInASlab) {
  StateList list;
  list.fixed("convolution.0", 100);
  list.paged(1, {.heads = 1, .k_dims = 8, .v_dims = 8});
  list.fixed("recurrence.0", 64);
  const StateLayout layout(list);
  EXPECT_EQ(layout.fixed_offset("convolution.0"), 0U);
  EXPECT_EQ(layout.fixed_offset("recurrence.0"), 128U);
  EXPECT_EQ(layout.slab_bytes(), 192U);
  EXPECT_EQ(layout.groups().size(), 1U);  // layer 0 keeps no pages
  EXPECT_EQ(layout.bytes_for(33), layout.slab_bytes() + 2 * layout.groups()[0].page_bytes);
}

}  // namespace
}  // namespace halfbyte
