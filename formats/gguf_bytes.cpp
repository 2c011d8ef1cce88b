#include "formats/gguf_bytes.h"

#include "base/checked.h"

namespace halfbyte::gguf_bytes {

std::string header(uint64_t tensors, uint64_t entries, uint32_t version) { return "GGUF" + u32(version) + u64(tensors) + u64(entries); }

std::string entry(std::string_view key, uint32_t type, std::string_view value) { return text(key) + u32(type) + std::string(value); }
std::string text_entry(std::string_view key, std::string_view value) { return entry(key, 8, text(value)); }
std::string u32_entry(std::string_view key, uint32_t value) { return entry(key, 4, u32(value)); }
std::string u16_entry(std::string_view key, uint16_t value) { return entry(key, 2, raw(value)); }
std::string array_entry(std::string_view key, uint32_t element_type, uint64_t length, std::string_view elements) {
  return entry(key, 9, u32(element_type) + u64(length) + std::string(elements));
}

std::string record(std::string_view name, const std::vector<uint64_t>& dimensions, uint32_t type, uint64_t offset) {
  std::string out = text(name) + u32(static_cast<uint32_t>(dimensions.size()));
  for (const uint64_t dimension : dimensions) out += u64(dimension);
  return out + u32(type) + u64(offset);
}

std::string file(const std::vector<std::string>& entries, const std::vector<std::string>& records, std::string_view data, size_t alignment,
                 uint32_t version) {
  std::string out = header(records.size(), entries.size(), version);
  for (const std::string& e : entries) out += e;
  for (const std::string& r : records) out += r;
  if (!records.empty()) out.resize(round_up(out.size(), alignment));
  return out + std::string(data);
}

}  // namespace halfbyte::gguf_bytes
