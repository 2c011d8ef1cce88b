// The number types of cached keys and values, a row each: adding one is a row here and its kernels in kernels/families.def.
#pragma once

#include <span>
#include <string>
#include <string_view>

#include "halfbyte/result.h"
#include "kernels/kernels.h"

namespace halfbyte {

struct KvType {
  std::string_view name;
  int number_bytes;
  int scale_bytes;  // of kScaleDims numbers of one position; 0: it has no scales
  float greatest;   // magnitude that it keeps; what is beyond is stored as it. Infinity: nothing is
  decltype(KernelTable::store_k_f16) KernelTable::* store_k;
  decltype(KernelTable::store_v_f16) KernelTable::* store_v;
  decltype(KernelTable::score_f16) KernelTable::* score;
  decltype(KernelTable::values_f16) KernelTable::* values;
};

std::span<const KvType> kv_types();                          // the first is the default
std::string kv_type_names(std::string_view last_separator);  // "f16, bf16, q8_0" + last_separator + "f32"
// kInvalid: there is none of this name; `field` is where it was given, in the message.
Result<const KvType*> find_kv_type(std::string_view field, std::string_view name);

}  // namespace halfbyte
