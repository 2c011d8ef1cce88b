#include "formats/gguf.h"

#include <gtest/gtest.h>
#include <sys/resource.h>

#include "formats/gguf_bytes.h"
#include "formats/gguf_samples.h"
#include "formats/limits.h"
#include "formats/memory_bytes.h"

namespace halfbyte {
namespace {

Result<GgufFile> parsed(std::string_view bytes) { return parse_gguf(MemoryBytes("x.gguf", bytes)); }

std::string sample(std::string_view name) {
  for (const GoodGguf& good : good_gguf_samples())
    if (good.name == name) return good.bytes;
  return {};
}

// What users of a GgufFile count on without looking.
void expect_trustworthy(const GgufFile& file, uint64_t size) {
  for (const TensorLocation& tensor : file.tensors) {
    ASSERT_NE(tensor.format, nullptr);
    ASSERT_GE(tensor.elements(), 1U);
    ASSERT_EQ(tensor.bytes, tensor.rows() * tensor.format->row_bytes(tensor.columns()));
    ASSERT_LE(tensor.offset, size);
    ASSERT_LE(tensor.bytes, size - tensor.offset);
  }
}

// Kilobytes; the greatest so far.
long peak_memory() {
  rusage usage{};
  getrusage(RUSAGE_SELF, &usage);
  return usage.ru_maxrss;
}

}  // namespace

TEST(Gguf, EveryMalformedFileIsRefusedWithItsMessage) {
  for (const MalformedGguf& malformed : malformed_gguf_samples()) {
    const auto file = parsed(malformed.bytes);
    ASSERT_FALSE(file) << malformed.name;
    EXPECT_EQ(file.error().message, "x.gguf: " + malformed.message) << malformed.name;
    EXPECT_EQ(file.error().code, malformed.code) << malformed.name;
    EXPECT_LE(file.error().message.size(), 300U) << malformed.name;
  }
}

TEST(Gguf, EveryGoodFileIsReadWithItsWarnings) {
  for (const GoodGguf& good : good_gguf_samples()) {
    const auto file = parsed(good.bytes);
    ASSERT_TRUE(file) << good.name << ": " << file.error().message;
    std::vector<std::string> expected = good.warnings;
    for (std::string& warning : expected) warning.insert(0, "x.gguf: ");
    EXPECT_EQ(file->warnings, expected) << good.name;
    expect_trustworthy(*file, good.bytes.size());
  }
}

TEST(Gguf, ReadsEveryTypeOfValue) {
  const auto file = parsed(sample("vocabulary only"));
  ASSERT_TRUE(file);
  const auto value = [&](std::string_view key) { return *file->metadata.find(key); };
  EXPECT_EQ(value("general.architecture"), MetadataValue(std::string("llama")));
  EXPECT_EQ(value("u8"), MetadataValue(uint64_t{200}));
  EXPECT_EQ(value("i8"), MetadataValue(int64_t{-100}));
  EXPECT_EQ(value("u16"), MetadataValue(uint64_t{60'000}));
  EXPECT_EQ(value("i16"), MetadataValue(int64_t{-30'000}));
  EXPECT_EQ(value("u32"), MetadataValue(uint64_t{4'000'000'000}));
  EXPECT_EQ(value("i32"), MetadataValue(int64_t{-2'000'000'000}));
  EXPECT_EQ(value("u64"), MetadataValue(uint64_t{1} << 63));
  EXPECT_EQ(value("i64"), MetadataValue(-(int64_t{1} << 62)));
  EXPECT_EQ(value("f32"), MetadataValue(0.5));
  EXPECT_EQ(value("f64"), MetadataValue(0.1));
  EXPECT_EQ(value("bool"), MetadataValue(true));
  EXPECT_EQ(value("string"), MetadataValue(std::string("caf\xc3\xa9")));
  EXPECT_EQ(value("u8s"), MetadataValue(std::vector<uint64_t>{1, 255}));
  EXPECT_EQ(value("i8s"), MetadataValue(std::vector<int64_t>{1, -1}));
  EXPECT_EQ(value("i32s"), MetadataValue(std::vector<int64_t>{-1, 7}));
  EXPECT_EQ(value("u64s"), MetadataValue(std::vector<uint64_t>{uint64_t{1} << 63}));
  EXPECT_EQ(value("f32s"), MetadataValue(std::vector<double>{-1.5, 2}));
  EXPECT_EQ(value("bools"), MetadataValue(std::vector<bool>{false, true, true}));
  EXPECT_EQ(value("strings"), MetadataValue(std::vector<std::string>{"a", "", "bc"}));
  EXPECT_EQ(value("none"), MetadataValue(std::vector<std::string>{}));
}

TEST(Gguf, TellsWhereTensorsLie) {
  const std::string bytes = sample("two tensors");
  const auto file = parsed(bytes);
  ASSERT_TRUE(file);
  ASSERT_EQ(file->tensors.size(), 2U);
  const TensorLocation& a = file->tensors[0];
  EXPECT_EQ(a.name, "a.weight");
  EXPECT_EQ(a.format->name, "Q4_0");
  EXPECT_EQ(a.shape, (std::vector<uint64_t>{2, 64}));  // slowest first
  EXPECT_EQ(a.rows(), 2U);
  EXPECT_EQ(a.columns(), 64U);
  EXPECT_EQ(a.bytes, 72U);
  EXPECT_EQ(a.offset % 32, 0U);
  EXPECT_EQ(file->tensors[1].offset, a.offset + 96);
  EXPECT_EQ(file->tensors[1].offset + file->tensors[1].bytes, bytes.size());
}

TEST(Gguf, EveryTruncationIsRefusedWithAMessage) {
  for (const std::string_view name : {"vocabulary only", "two tensors", "alignment 64"}) {
    const std::string bytes = sample(name);
    for (size_t length = 0; length < bytes.size(); ++length) {
      const auto file = parsed(std::string_view(bytes).substr(0, length));
      ASSERT_FALSE(file) << name << " cut to " << length << " of " << bytes.size();
      ASSERT_TRUE(file.error().message.starts_with("x.gguf: ")) << file.error().message;
    }
  }
}

TEST(Gguf, FlippedBytesAreRefusedOrHarmless) {
  for (const std::string_view name : {"vocabulary only", "two tensors", "alignment 64"}) {
    const std::string bytes = sample(name);
    for (size_t at = 0; at < bytes.size(); ++at) {
      for (const int flip : {0x01, 0x02, 0x10, 0x80, 0xff}) {
        std::string changed = bytes;
        changed[at] = static_cast<char>(changed[at] ^ flip);
        const auto file = parsed(changed);
        if (file)
          expect_trustworthy(*file, changed.size());
        else
          ASSERT_FALSE(file.error().message.empty());
      }
    }
  }
}

TEST(Gguf, MemoryGrowsWithTheBytesReadAndNotWithWhatAFileClaims) {
  const auto malformed = malformed_gguf_samples();
  const long before = peak_memory();
  for (const MalformedGguf& file : malformed) EXPECT_FALSE(parsed(file.bytes));
  EXPECT_LT(peak_memory() - before, 64 * 1024);
}

TEST(Gguf, AllMetadataSharesOneBudget) {
  // Each array alone would be allowed: 16 Mi numbers, 128 MiB in memory. The two and their keys are more than 256 MiB.
  const std::string bytes(limits::kArrayElements, '\1');
  const auto file = parsed(
      gguf_bytes::file({gguf_bytes::array_entry("a", 0, bytes.size(), bytes), gguf_bytes::array_entry("b", 0, bytes.size(), bytes)}));
  ASSERT_FALSE(file);
  EXPECT_EQ(file.error().message, "x.gguf: key 'b' at byte 16777282: all metadata together exceeds the limit of 268435456 bytes");
}

TEST(Gguf, ValuesLargerThanTheReadBufferArrive) {
  std::string long_text(3 * limits::kReadStep + 5, 'x');
  long_text.back() = 'y';
  std::string numbers;
  for (uint32_t i = 0; i < 1'000'000; ++i) numbers += gguf_bytes::u32(i);
  const auto file =
      parsed(gguf_bytes::file({gguf_bytes::text_entry("text", long_text), gguf_bytes::array_entry("numbers", 4, 1'000'000, numbers)}));
  ASSERT_TRUE(file) << file.error().message;
  EXPECT_EQ(*file->metadata.text("text"), long_text);
  const auto read = *file->metadata.integers("numbers");
  ASSERT_EQ(read.size(), 1'000'000U);
  for (size_t i = 0; i < read.size(); ++i) ASSERT_EQ(read[i], static_cast<int64_t>(i));
}

}  // namespace halfbyte
