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

void ask_for_every_type(const Metadata& metadata) {
  for (const auto& [key, value] : metadata.all()) {
    const bool known[] = {
        static_cast<bool>(metadata.unsigned_integer(key, 1, 1000)),
        static_cast<bool>(metadata.positive_float(key)),
        static_cast<bool>(metadata.text(key)),
        static_cast<bool>(metadata.flag_or(key, false)),
        static_cast<bool>(metadata.strings(key)),
        static_cast<bool>(metadata.integers(key)),
        static_cast<bool>(metadata.floats(key)),
    };
    int types = 0;
    for (const bool k : known) types += k ? 1 : 0;
    expect(types <= 2);  // an integer may also be read as a float, and that is all
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
