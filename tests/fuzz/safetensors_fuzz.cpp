// The safetensors reader on any bytes: an error, or tensors that cover the data part exactly once.
#include <algorithm>
#include <cstdlib>
#include <set>

#include "formats/memory_bytes.h"
#include "formats/safetensors.h"

using namespace halfbyte;

namespace {

void expect(bool holds) {
  if (!holds) std::abort();
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const std::string_view bytes(reinterpret_cast<const char*>(data), size);
  auto entries = parse_safetensors(MemoryBytes("fuzz.safetensors", bytes));
  if (!entries) {
    expect(entries.error().message.starts_with("fuzz.safetensors: "));
    return 0;
  }
  std::set<std::string_view> names;
  for (const SafetensorsEntry& entry : *entries) expect(!entry.dtype.empty() && names.insert(entry.name).second);
  std::ranges::sort(*entries, {}, [](const SafetensorsEntry& entry) { return std::pair(entry.offset, entry.bytes); });
  for (size_t i = 0; i < entries->size(); ++i) {
    const uint64_t end = (*entries)[i].offset + (*entries)[i].bytes;
    expect(end == (i + 1 < entries->size() ? (*entries)[i + 1].offset : size));
  }
  return 0;
}
