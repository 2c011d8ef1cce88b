// A number that tells byte strings apart which were not made to look alike: for names and checksums, not against forgers.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <span>
#include <type_traits>

namespace halfbyte {

class Fingerprint {
 public:
  explicit Fingerprint(uint64_t seed = 0) : state_(seed ^ 0x9e3779b97f4a7c15) {}

  // Pieces count as such: ("ab", "c") and ("a", "bc") differ.
  Fingerprint& add(std::span<const std::byte> bytes) {
    mix(bytes.size());
    for (; bytes.size() >= sizeof(uint64_t); bytes = bytes.subspan(sizeof(uint64_t))) mix(word(bytes, sizeof(uint64_t)));
    if (!bytes.empty()) mix(word(bytes, bytes.size()));
    return *this;
  }
  template <class T>
    requires(std::is_arithmetic_v<T> || std::is_enum_v<T>)
  Fingerprint& add(T value) {
    return add(std::as_bytes(std::span(&value, 1)));
  }
  uint64_t value() const { return state_ ^ (state_ >> 32); }

 private:
  static uint64_t word(std::span<const std::byte> bytes, size_t n) {
    uint64_t word = 0;
    std::memcpy(&word, bytes.data(), n);
    return word;
  }
  // Each step is a bijection of the state, so that one changed word always shows.
  void mix(uint64_t word) {
    state_ = (state_ ^ word) * 0xff51afd7ed558ccd;
    state_ ^= state_ >> 29;
  }
  uint64_t state_;
};

}  // namespace halfbyte
