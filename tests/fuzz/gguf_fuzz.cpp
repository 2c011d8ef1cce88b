// The GGUF reader on any bytes: a value or an error, and a value that its users may trust.
#include <cstdlib>

#include "formats/gguf.h"
#include "formats/memory_bytes.h"

using namespace halfbyte;

namespace {

void expect(bool holds) {
  if (!holds) std::abort();
}

void check_tensors(const GgufFile& file, uint64_t size) {
  for (const TensorLocation& tensor : file.tensors) {
    expect(tensor.format != nullptr && !tensor.shape.empty() && tensor.elements() > 0);
    expect(tensor.bytes == tensor.rows() * tensor.format->row_bytes(tensor.columns()));
    expect(tensor.offset <= size && tensor.bytes <= size - tensor.offset);
  }
}

// Numbers of one kind are read as another where their value is clear; text never is a number, nor a number text.
void ask_for_every_type(const Metadata& metadata) {
  for (const auto& [key, value] : metadata.all()) {
    const auto positive = metadata.positive_float(key);
    const bool is_number = metadata.unsigned_integer(key, 1, 1000) || positive || metadata.flag_or(key, false);
    const bool is_text = static_cast<bool>(metadata.text(key));
    expect(!is_number || !is_text);
    if (positive) expect(*positive > 0);
    const auto texts = metadata.strings(key);
    const auto integers = metadata.integers(key);
    const auto floats = metadata.floats(key);
    if (texts && *texts != nullptr && !(*texts)->empty()) expect(!is_number && !integers && !floats);
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const std::string_view bytes(reinterpret_cast<const char*>(data), size);
  const auto file = parse_gguf(MemoryBytes("fuzz.gguf", bytes));
  if (!file) {
    expect(!file.error().message.empty());
    return 0;
  }
  check_tensors(*file, size);
  ask_for_every_type(file->metadata);
  return 0;
}
