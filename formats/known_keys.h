// Tables of the keys that a file may carry: none that would change the result is passed over. A key that its reader takes stands in a
// table as read; one that is of no consequence as harmless; one that the formula has at a single value with that value, and any other
// is refused. What stands in no table is named in a warning.
#pragma once

#include <array>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "formats/checkpoint.h"

namespace halfbyte {

struct KnownKey {
  enum class Use : uint8_t { kRead, kHarmless, kNumber, kText, kSameAs, kNever };
  std::string_view name;  // after the prefix; "vision.*": every key that begins so
  Use use = Use::kRead;
  std::array<double, 2> numbers{};          // kNumber: the values that change nothing; flags are 0 and 1
  std::array<std::string_view, 2> texts{};  // kText: the same; kSameAs: the key, after the prefix, whose value it must have
};

constexpr KnownKey key_read(std::string_view name) { return {name}; }
constexpr KnownKey key_harmless(std::string_view name) { return {name, KnownKey::Use::kHarmless}; }
constexpr KnownKey key_only(std::string_view name, double value) { return {name, KnownKey::Use::kNumber, {value, value}}; }
constexpr KnownKey key_only(std::string_view name, double value, double other) { return {name, KnownKey::Use::kNumber, {value, other}}; }
constexpr KnownKey key_only(std::string_view name, std::string_view text, std::string_view other) {
  return {name, KnownKey::Use::kText, {}, {text, other}};
}
constexpr KnownKey key_never(std::string_view name) { return {name, KnownKey::Use::kNever}; }
constexpr KnownKey key_same_as(std::string_view name, std::string_view other) { return {name, KnownKey::Use::kSameAs, {}, {other, {}}}; }

// Checks every key that begins with `prefix` ("llama.") against the tables, the first that has it. kUnsupported names the key, its value and what it may
// be. One warning names all keys that no table has.
Result<void> check_known_keys(const Metadata& metadata, std::string_view prefix, std::span<const std::span<const KnownKey>> tables,
                              std::vector<std::string>& warnings);

}  // namespace halfbyte
