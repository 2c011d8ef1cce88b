// Number types of cached keys and values.
#pragma once

#include <string_view>

namespace halfbyte {

enum class KvType { kF16, kBf16, kQ8_0, kF32 };  // kQ8_0: int8 with a scale per 32, 53 % of the memory of kF16

struct KvTypeName {
  std::string_view name;
  KvType type;
};
inline constexpr KvTypeName kKvTypes[] = {
    {"f16", KvType::kF16},
    {"bf16", KvType::kBf16},
    {"q8_0", KvType::kQ8_0},
    {"f32", KvType::kF32},
};

}  // namespace halfbyte
