// The fields of a GGUF file as bytes, for tests that put files together, rightly or wrongly.
#pragma once

#include <cstdint>
#include <initializer_list>
#include <string>
#include <string_view>
#include <vector>

namespace halfbyte::gguf_bytes {

template <class T>
std::string raw(T value) {
  return {reinterpret_cast<const char*>(&value), sizeof value};
}
inline std::string u32(uint32_t value) { return raw(value); }
inline std::string u64(uint64_t value) { return raw(value); }
inline std::string text(std::string_view value) { return u64(value.size()) + std::string(value); }  // with its length

std::string header(uint64_t tensors, uint64_t entries, uint32_t version = 3);
std::string entry(std::string_view key, uint32_t type, std::string_view value);
std::string text_entry(std::string_view key, std::string_view value);
std::string u32_entry(std::string_view key, uint32_t value);
std::string u16_entry(std::string_view key, uint16_t value);
std::string array_entry(std::string_view key, uint32_t element_type, uint64_t length, std::string_view elements);
// Dimensions fastest first, as the file has them.
std::string record(std::string_view name, const std::vector<uint64_t>& dimensions, uint32_t type, uint64_t offset);

// A whole file: counts as given, data at the next multiple of `alignment`.
std::string file(const std::vector<std::string>& entries, const std::vector<std::string>& records = {}, std::string_view data = {},
                 size_t alignment = 32, uint32_t version = 3);

}  // namespace halfbyte::gguf_bytes
