// In which number types a cache keeps keys and values.
#pragma once

#include <string>

namespace halfbyte {

// By name: f16, bf16, q8_0 (int8 with a scale per 32, 53 % of the memory of f16) or f32, chosen apart (ops/kv_type.h has the table).
struct KvTypes {
  std::string k = "f16", v = "f16";
};

}  // namespace halfbyte
