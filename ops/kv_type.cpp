#include "ops/kv_type.h"

#include <limits>

#include "base/errors.h"

namespace halfbyte {
namespace {

using Table = KernelTable;
constexpr KvType kTypes[] = {
    {"f16", 2, 0, 65504.0F, &Table::store_k_f16, &Table::store_v_f16, &Table::score_f16, &Table::values_f16},
    {"bf16", 2, 0, 0x1.fep127F, &Table::store_k_bf16, &Table::store_v_bf16, &Table::score_bf16, &Table::values_bf16},
    // The greatest int8 times the greatest scale.
    {"q8_0", 1, 2, 127 * 65504.0F, &Table::store_k_q8_0, &Table::store_v_q8_0, &Table::score_q8_0, &Table::values_q8_0},
    {"f32", 4, 0, std::numeric_limits<float>::infinity(), &Table::store_k_f32, &Table::store_v_f32, &Table::score_f32, &Table::values_f32},
};

}  // namespace

std::span<const KvType> kv_types() { return kTypes; }

std::string kv_type_names(std::string_view last_separator) {
  std::string names;
  for (const KvType& type : kTypes) {
    if (&type != kTypes) names += &type + 1 == std::end(kTypes) ? last_separator : ", ";
    names += type.name;
  }
  return names;
}

Result<const KvType*> find_kv_type(std::string_view field, std::string_view name) {
  for (const KvType& type : kTypes)
    if (type.name == name) return &type;
  return invalid("{}: '{}' is not known: expected {}", field, escaped(name), kv_type_names(" or "));
}

}  // namespace halfbyte
