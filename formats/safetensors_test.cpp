#include "formats/safetensors.h"

#include <gtest/gtest.h>

#include "formats/memory_bytes.h"
#include "formats/safetensors_samples.h"

namespace halfbyte {
namespace {

Result<std::vector<SafetensorsEntry>> parsed(std::string_view bytes) { return parse_safetensors(MemoryBytes("x.safetensors", bytes)); }

std::string sample(std::string_view name) {
  for (const GoodSafetensors& good : good_safetensors_samples())
    if (good.name == name) return good.bytes;
  return {};
}

}  // namespace

TEST(Safetensors, EveryMalformedFileIsRefusedWithItsMessage) {
  for (const MalformedSafetensors& malformed : malformed_safetensors_samples()) {
    const auto entries = parsed(malformed.bytes);
    ASSERT_FALSE(entries) << malformed.name;
    EXPECT_EQ(entries.error().message, "x.safetensors: " + malformed.message) << malformed.name;
    EXPECT_EQ(entries.error().code, Code::kCorrupt) << malformed.name;
  }
}

TEST(Safetensors, EveryGoodFileIsReadAndItsTensorsLieInside) {
  for (const GoodSafetensors& good : good_safetensors_samples()) {
    const auto entries = parsed(good.bytes);
    ASSERT_TRUE(entries) << good.name << ": " << entries.error().message;
    for (const SafetensorsEntry& entry : *entries) {
      EXPECT_LE(entry.offset, good.bytes.size());
      EXPECT_LE(entry.bytes, good.bytes.size() - entry.offset);
    }
  }
}

TEST(Safetensors, TellsWhereTensorsLie) {
  const std::string bytes = sample("two tensors, last one first");
  const auto entries = parsed(bytes);
  ASSERT_TRUE(entries);
  ASSERT_EQ(entries->size(), 2U);
  EXPECT_EQ((*entries)[0].name, "b");
  EXPECT_EQ((*entries)[0].dtype, "U8");
  EXPECT_EQ((*entries)[0].shape, std::vector<uint64_t>{12});
  EXPECT_EQ((*entries)[0].bytes, 12U);
  EXPECT_EQ((*entries)[0].offset, bytes.size() - 12);
  EXPECT_EQ((*entries)[1].offset, bytes.size() - 20);
}

TEST(Safetensors, NamesArriveWithoutTheirEscapes) {
  const auto entries = parsed(sample("escapes in a name"));
  ASSERT_TRUE(entries);
  EXPECT_EQ(entries->front().name, "a.w");
}

TEST(Safetensors, EveryTruncationIsRefusedWithAMessage) {
  for (const GoodSafetensors& good : good_safetensors_samples()) {
    for (size_t length = 0; length < good.bytes.size(); ++length) {
      const auto entries = parsed(std::string_view(good.bytes).substr(0, length));
      ASSERT_FALSE(entries) << good.name << " cut to " << length << " of " << good.bytes.size();
      ASSERT_TRUE(entries.error().message.starts_with("x.safetensors: ")) << entries.error().message;
    }
  }
}

TEST(Safetensors, FlippedBytesAreRefusedOrHarmless) {
  for (const GoodSafetensors& good : good_safetensors_samples()) {
    for (size_t at = 0; at < good.bytes.size(); ++at) {
      for (const int flip : {0x01, 0x02, 0x10, 0x80, 0xff}) {
        std::string changed = good.bytes;
        changed[at] = static_cast<char>(changed[at] ^ flip);
        const auto entries = parsed(changed);
        if (!entries) continue;
        uint64_t bytes = 0;
        for (const SafetensorsEntry& entry : *entries) bytes += entry.bytes;
        ASSERT_LT(bytes, changed.size());
      }
    }
  }
}

}  // namespace halfbyte
