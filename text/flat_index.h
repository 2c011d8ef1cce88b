// An open-addressed hash table of small numbers that refer to items held elsewhere: 4 bytes a slot, no copies of keys.
#pragma once

#include <bit>
#include <cstdint>
#include <cstring>
#include <optional>
#include <string_view>
#include <vector>

namespace halfbyte {

// A slot is 0 (free) or 8 bits of the hash above 24 bits of item + 1. The 8 bits spare most looks at items that are not the one.
class FlatIndex {
 public:
  static constexpr uint32_t kMostItems = (1u << 24) - 1;

  FlatIndex() = default;
  explicit FlatIndex(size_t items) : slots_(std::bit_ceil(items * 3 / 2 + 2)) {}

  // The item with this hash for which `is(item)`.
  template <class Is>
  std::optional<uint32_t> find(uint64_t hash, Is&& is) const {
    const size_t mask = slots_.size() - 1;
    for (size_t at = hash & mask;; at = (at + 1) & mask) {
      const uint32_t slot = slots_[at];
      if (slot == 0) return std::nullopt;
      if (slot >> 24 == hash >> 56 && is((slot & kMostItems) - 1)) return (slot & kMostItems) - 1;
    }
  }
  // Adds an item that is not there yet. At most as many as the constructor was told.
  void insert(uint64_t hash, uint32_t item) {
    const size_t mask = slots_.size() - 1;
    size_t at = hash & mask;
    while (slots_[at] != 0) at = (at + 1) & mask;
    slots_[at] = static_cast<uint32_t>(hash >> 56) << 24 | (item + 1);
  }
  void prefetch(uint64_t hash) const { __builtin_prefetch(&slots_[hash & (slots_.size() - 1)]); }

 private:
  std::vector<uint32_t> slots_ = std::vector<uint32_t>(2);
};

// A multiply folds both halves of the product, so every bit of the input reaches every bit of the result.
inline uint64_t mix(uint64_t a, uint64_t b) {
  const auto product = static_cast<unsigned __int128>(a) * b;
  return static_cast<uint64_t>(product) ^ static_cast<uint64_t>(product >> 64);
}

inline uint64_t hash_of(uint32_t left, uint32_t right) {
  return mix((static_cast<uint64_t>(left) << 32 | right) ^ 0x9e3779b97f4a7c15u, 0xd6e8feb86659fd93u);
}

inline uint64_t hash_of(std::string_view text) {
  uint64_t hash = text.size() ^ 0x9e3779b97f4a7c15u;
  const char* p = text.data();
  size_t left = text.size();
  for (; left >= 8; p += 8, left -= 8) {
    uint64_t word;
    std::memcpy(&word, p, 8);
    hash = mix(hash ^ word, 0xd6e8feb86659fd93u);
  }
  uint64_t tail = 0;
  for (size_t i = 0; i < left; ++i) tail = tail << 8 | static_cast<uint8_t>(p[i]);
  return mix(hash ^ tail, 0xa0761d6478bd642fu);
}

}  // namespace halfbyte
