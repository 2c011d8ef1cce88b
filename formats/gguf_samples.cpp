#include "formats/gguf_samples.h"

#include "formats/gguf_bytes.h"

namespace halfbyte {
namespace {

using namespace gguf_bytes;

enum Type : uint32_t { kU8, kI8, kU16, kI16, kU32, kI32, kF32, kBool, kString, kArray, kU64, kI64, kF64 };

const std::string kArchitecture = text_entry("general.architecture", "llama");  // bytes 24 to 68: what follows begins at byte 69
const std::string kQuantized = u32_entry("general.quantization_version", 2);

std::string zeros(size_t n) { return std::string(n, '\0'); }

// One entry after the architecture, then nothing.
std::string with_entry(const std::string& bytes) { return file({kArchitecture, bytes}); }
// Tensor records begin at byte 69.
std::string with_tensors(const std::vector<std::string>& records, size_t data = 64) { return file({kArchitecture}, records, zeros(data)); }
std::string with_alignment(uint32_t alignment) { return with_entry(u32_entry("general.alignment", alignment)); }

}  // namespace

std::vector<GoodGguf> good_gguf_samples() {
  const std::string every_type = file({
      kArchitecture,
      entry("u8", kU8, raw<uint8_t>(200)),
      entry("i8", kI8, raw<int8_t>(-100)),
      entry("u16", kU16, raw<uint16_t>(60'000)),
      entry("i16", kI16, raw<int16_t>(-30'000)),
      entry("u32", kU32, raw<uint32_t>(4'000'000'000)),
      entry("i32", kI32, raw<int32_t>(-2'000'000'000)),
      entry("u64", kU64, raw<uint64_t>(1ULL << 63)),
      entry("i64", kI64, raw<int64_t>(-(1LL << 62))),
      entry("f32", kF32, raw(0.5F)),
      entry("f64", kF64, raw(0.1)),
      entry("bool", kBool, raw<uint8_t>(1)),
      entry("string", kString, text("caf\xc3\xa9")),
      array_entry("u8s", kU8, 2, "\x01\xff"),
      array_entry("i8s", kI8, 2, "\x01\xff"),
      array_entry("i32s", kI32, 2, raw<int32_t>(-1) + raw<int32_t>(7)),
      array_entry("u64s", kU64, 1, raw<uint64_t>(1ULL << 63)),
      array_entry("f32s", kF32, 2, raw(-1.5F) + raw(2.0F)),
      array_entry("bools", kBool, 3, std::string("\0\1\1", 3)),
      array_entry("strings", kString, 3, text("a") + text("") + text("bc")),
      array_entry("none", kString, 0, ""),
  });
  const std::vector<std::string> two = {record("a.weight", {64, 2}, 2, 0), record("b.bias", {3}, 0, 96)};
  const std::string data = zeros(72) + zeros(24) + zeros(12);  // Q4_0, padding, 3 floats
  return {
      {"vocabulary only", every_type, {}},
      {"two tensors", file({kArchitecture, kQuantized}, two, data), {}},
      {"version 2", file({kArchitecture, kQuantized}, two, data, 32, 2), {}},
      {"alignment 64",
       file({kArchitecture, u32_entry("general.alignment", 64)}, {record("a", {3}, 0, 0), record("b", {3}, 0, 64)}, zeros(76), 64),
       {}},
      {"tensors out of order", file({kArchitecture}, {record("b", {8}, 0, 32), record("a", {8}, 0, 0)}, zeros(64)), {}},
      {"padded at the end", file({kArchitecture}, {record("a", {3}, 0, 0)}, zeros(32)), {}},
      {"no quantization version",
       file({kArchitecture}, {record("a", {32}, 2, 0)}, zeros(18)),
       {"key 'general.quantization_version' is missing"}},
      {"hole of 1 MiB",
       file({kArchitecture}, {record("a", {8}, 0, 0), record("b", {8}, 0, 32 + (1 << 20))}, zeros(64 + (1 << 20))),
       {"1048576 bytes between tensors belong to none"}},
      {"hole at the beginning", file({kArchitecture}, {record("a", {8}, 0, 64)}, zeros(96)), {"64 bytes between tensors belong to none"}},
      {"tail of 1 MiB",
       file({kArchitecture}, {record("a", {8}, 0, 0)}, zeros(32 + (1 << 20))),
       {"1048576 trailing bytes after the last tensor"}},
  };
}

std::vector<MalformedGguf> malformed_gguf_samples() {
  std::vector<MalformedGguf> out;
  const auto corrupt = [&](std::string name, std::string bytes, std::string message) {
    out.push_back({std::move(name), std::move(bytes), Code::kCorrupt, std::move(message)});
  };
  const auto unsupported = [&](std::string name, std::string bytes, std::string message) {
    out.push_back({std::move(name), std::move(bytes), Code::kUnsupported, std::move(message)});
  };

  // Header.
  corrupt("no bytes", "", "file is empty");
  corrupt("3 bytes", "GGU", "truncated header: need 24 bytes, have 3");
  corrupt("lower-case magic", "gguf" + zeros(20), "not a GGUF file: expected it to begin with 'GGUF', found 'gguf'");
  corrupt("older format", "GGML" + zeros(20), "not a GGUF file: expected it to begin with 'GGUF', found 'GGML'");
  corrupt("ZIP", "PK\3\4" + zeros(20), "not a GGUF file: expected it to begin with 'GGUF', found 'PK\\x03\\x04'");
  corrupt("HTML page", "<!DOCTYPE html><html></html>", "not a GGUF file: expected it to begin with 'GGUF', found '<!DO'");
  unsupported("version 0", header(0, 0, 0), "GGUF version 0 is too old, this build reads 2 and 3");
  unsupported("version 1", header(0, 0, 1), "GGUF version 1 is too old, this build reads 2 and 3");
  unsupported("version 4", header(0, 0, 4), "GGUF version 4 is newer than supported, this build reads 2 and 3");
  unsupported("big-endian", header(0, 0, 0x03000000), "big-endian GGUF file, this build reads little-endian ones");
  corrupt("2^63 tensors", header(1ULL << 63, 0), "header at byte 8: tensor count 9223372036854775808 exceeds the limit of 131072");
  corrupt("2^40 entries", header(0, 1ULL << 40), "header at byte 16: metadata entry count 1099511627776 exceeds the limit of 65536");
  corrupt("65,536 tensors in 100 bytes", header(65'536, 0) + zeros(76),
          "header at byte 8: tensor count 65536: more entries than the 84 bytes left can hold");
  corrupt("65,536 entries in 100 bytes", header(0, 65'536) + zeros(76),
          "header at byte 16: metadata entry count 65536: more entries than the 76 bytes left can hold");

  // Keys.
  corrupt("empty key", header(0, 1) + u64(0) + u32(kU8) + zeros(9), "metadata entry 0 at byte 24: empty key");
  corrupt("key length 2^63 - 1", header(0, 1) + u64((1ULL << 63) - 1) + zeros(32),
          "metadata entry 0 at byte 24: key length 9223372036854775807 exceeds the limit of 65535");
  corrupt("key past the end", header(0, 1) + u64(65'535) + zeros(32),
          "metadata entry 0 at byte 24: key of 65535 bytes runs 65503 bytes past the end of the file");
  corrupt("key with NUL", with_entry(u32_entry(std::string("a\0b", 3), 1)),
          "metadata entry 1 at byte 69: key 'a\\x00b' has a byte that is not allowed");
  corrupt("key with 0xFF", with_entry(u32_entry("a\xff", 1)), "metadata entry 1 at byte 69: key 'a\\xff' has a byte that is not allowed");
  corrupt("key with a blank", with_entry(u32_entry("a b", 1)), "metadata entry 1 at byte 69: key 'a b' has a byte that is not allowed");
  corrupt("key twice", file({kArchitecture, u32_entry("a", 1), u32_entry("a", 1)}), "key 'a' at byte 99: duplicate key");
  corrupt("alignment twice", file({kArchitecture, u32_entry("general.alignment", 32), u32_entry("general.alignment", 32)}),
          "key 'general.alignment' at byte 127: duplicate key");

  // Values.
  unsupported("value type 13", with_entry(entry("a", 13, zeros(8))), "key 'a' at byte 78: unknown value type 13");
  unsupported("value type 2^32 - 1", with_entry(entry("a", 0xffffffff, zeros(8))), "key 'a' at byte 78: unknown value type 4294967295");
  unsupported("element type 13", with_entry(array_entry("a", 13, 1, zeros(8))), "key 'a' at byte 86: unknown value type 13");
  corrupt("value cut off", with_entry(entry("a", kU64, zeros(7))), "key 'a' at byte 82: truncated: needs 8 bytes, 7 left in the file");
  corrupt("string one byte past the end", with_entry(entry("a", kString, u64(5) + "four")),
          "key 'a' at byte 82: string of 5 bytes runs 1 byte past the end of the file");
  corrupt("string of 16 MiB and a byte", with_entry(entry("a", kString, u64((16U << 20) + 1))),
          "key 'a' at byte 82: string length 16777217 exceeds the limit of 16777216");
  unsupported("array of arrays", with_entry(array_entry("a", kArray, 1, u32(kU8) + u64(1) + "x")),
              "key 'a' at byte 82: nested array is not supported");
  std::string deep;
  for (int i = 0; i < 1'000'000; ++i) deep += u32(kArray) + u64(1);
  unsupported("arrays nested 10^6 deep", with_entry(entry("a", kArray, deep)), "key 'a' at byte 82: nested array is not supported");
  corrupt("2^61 strings", with_entry(array_entry("a", kString, 1ULL << 61, zeros(8))),
          "key 'a' at byte 86: array length 2305843009213693952 exceeds the limit of 16777216");
  corrupt("2^40 bytes", with_entry(array_entry("a", kU8, 1ULL << 40, zeros(8))),
          "key 'a' at byte 86: array length 1099511627776 exceeds the limit of 16777216");
  corrupt("16 Mi bytes that are not there", with_entry(array_entry("a", kU8, 16U << 20, zeros(8))),
          "key 'a' at byte 86: array of 16777216 elements needs 16777216 bytes, 8 left in the file");
  corrupt("16 Mi strings that are not there", with_entry(array_entry("a", kString, 16U << 20, zeros(8))),
          "key 'a' at byte 86: array of 16777216 elements needs 134217728 bytes, 8 left in the file");
  corrupt("bool 2", with_entry(entry("a", kBool, "\2")), "key 'a' at byte 82: bool must be 0 or 1, found 2");
  corrupt("bool 2 in an array", with_entry(array_entry("a", kBool, 3, "\1\1\2")), "key 'a' at byte 96: bool must be 0 or 1, found 2");
  corrupt("alignment 0", with_alignment(0),
          "key 'general.alignment' at byte 98: alignment 0 is not allowed: expected a power of two from 8 to 1048576");
  corrupt("alignment 3", with_alignment(3),
          "key 'general.alignment' at byte 98: alignment 3 is not allowed: expected a power of two from 8 to 1048576");
  corrupt("alignment 4", with_alignment(4),
          "key 'general.alignment' at byte 98: alignment 4 is not allowed: expected a power of two from 8 to 1048576");
  corrupt("alignment 12", with_alignment(12),
          "key 'general.alignment' at byte 98: alignment 12 is not allowed: expected a power of two from 8 to 1048576");
  corrupt("alignment 2^31", with_alignment(1U << 31),
          "key 'general.alignment' at byte 98: alignment 2147483648 is not allowed: expected a power of two from 8 to 1048576");
  corrupt("alignment i32", with_entry(entry("general.alignment", kI32, u32(32))),
          "key 'general.alignment' at byte 94: expected type u32, found i32");
  corrupt("alignment string", with_entry(text_entry("general.alignment", "32")),
          "key 'general.alignment' at byte 94: expected type u32, found string");
  corrupt("alignment of unknown type", with_entry(entry("general.alignment", 77, u32(32))),
          "key 'general.alignment' at byte 94: expected type u32, found an unknown type");

  // Tensor records: name length at byte 69, and for a name of one letter dimensions at 78, first of them at 82.
  corrupt("tensor name of 65 bytes", with_tensors({record(std::string(65, 'a'), {8}, 0, 0)}),
          "tensor 0 at byte 69: tensor name length 65 exceeds the limit of 64");
  corrupt("tensor without a name", with_tensors({record("", {8}, 0, 0)}), "tensor 0 at byte 69: invalid tensor name ''");
  corrupt("tensor named as a path", with_tensors({record("../x", {8}, 0, 0)}), "tensor 0 at byte 69: invalid tensor name '../x'");
  corrupt("tensor name with NUL", with_tensors({record(std::string("a\0", 2), {8}, 0, 0)}),
          "tensor 0 at byte 69: invalid tensor name 'a\\x00'");
  corrupt("tensor twice", with_tensors({record("a", {8}, 0, 0), record("a", {8}, 0, 32)}), "tensor 'a' at byte 102: duplicate tensor");
  corrupt("no dimensions", with_tensors({record("a", {}, 0, 0)}), "tensor 'a' at byte 78: 0 dimensions, expected 1 to 4");
  corrupt("5 dimensions", with_tensors({record("a", {8, 1, 1, 1, 1}, 0, 0)}), "tensor 'a' at byte 78: 5 dimensions, expected 1 to 4");
  corrupt("2^32 - 1 dimensions", with_tensors({text("a") + u32(0xffffffff) + zeros(64)}),
          "tensor 'a' at byte 78: 4294967295 dimensions, expected 1 to 4");
  corrupt("dimension 0", with_tensors({record("a", {8, 0}, 0, 0)}), "tensor 'a' at byte 90: zero dimension");
  corrupt("dimension 2^64 - 1", with_tensors({record("a", {~0ULL}, 0, 0)}),
          "tensor 'a' at byte 82: dimension 18446744073709551615 exceeds the limit of 9223372036854775807");
  corrupt("2^32 x 2^32 elements", with_tensors({record("a", {1ULL << 32, 1ULL << 32}, 0, 0)}),
          "tensor 'a' at byte 90: element count overflows: 4294967296 x 4294967296");
  corrupt("2^62 floats", with_tensors({record("a", {1ULL << 62, 1}, 0, 0)}),
          "tensor 'a' at byte 98: byte size overflows: 4611686018427387904 F32 blocks of 4 bytes");
  corrupt("2^42 + 1 rows", with_tensors({record("a", {1ULL << 20, (1ULL << 42) + 1}, 0, 0)}),
          "tensor 'a' at byte 98: byte size overflows: 4611686018428436480 F32 blocks of 4 bytes");
  unsupported("removed type 4", with_tensors({record("a", {32}, 4, 0)}), "tensor 'a' at byte 90: number format 4 was removed from GGUF");
  unsupported("type 200", with_tensors({record("a", {32}, 200, 0)}), "tensor 'a' at byte 90: unknown number format 200");
  unsupported("a type not decoded here", with_tensors({record("a", {256}, 16, 0)}),
              "tensor 'a' at byte 90: number format IQ2_XXS is not supported by this build");
  corrupt("Q4_0 row of 33", with_tensors({record("a", {33}, 2, 0)}),
          "tensor 'a' at byte 90: row of 33 is not a multiple of the Q4_0 block of 32");

  // Data. With one record of one dimension and a name of one letter it begins at byte 128.
  corrupt("offset 1", with_tensors({record("a", {8}, 0, 1)}), "tensor 'a' at byte 94: offset 1 is not aligned to 32");
  corrupt("offset past the end", with_tensors({record("a", {8}, 0, 1024)}),
          "tensor 'a': 32 bytes at data offset 1024 (data begins at byte 128) lie outside the file of 192 bytes");
  corrupt("offset 2^64 - 32", with_tensors({record("a", {8}, 0, ~0ULL - 31)}),
          "tensor 'a': 32 bytes at data offset 18446744073709551584 (data begins at byte 128) lie outside the file of 192 bytes");
  corrupt("last byte cut off", with_tensors({record("a", {8}, 0, 0)}, 31),
          "tensor 'a': 32 bytes at data offset 0 (data begins at byte 128) lie outside the file of 159 bytes");
  corrupt("two tensors share 32 bytes", with_tensors({record("a", {16}, 0, 0), record("b", {8}, 0, 32)}),
          "tensors 'a' and 'b' overlap at byte 192");
  corrupt("two tensors in one place", with_tensors({record("a", {8}, 0, 0), record("b", {8}, 0, 0)}),
          "tensors 'a' and 'b' overlap at byte 160");
  return out;
}

}  // namespace halfbyte
