#include "formats/checkpoint.h"

#include "base/errors.h"

namespace halfbyte {

const TensorLocation* Checkpoint::find(std::string_view name) const {
  for (const TensorLocation& tensor : tensors)
    if (tensor.name == name) return &tensor;
  return nullptr;
}

Result<void> Checkpoint::read(const TensorLocation& tensor, uint64_t begin, std::span<std::byte> out) const {
  if (begin > tensor.bytes || out.size() > tensor.bytes - begin)
    return internal("tensor '{}': bytes {} to {} asked for, it has {}", tensor.name, begin, begin + out.size(), tensor.bytes);
  return files[tensor.file].read_at(tensor.offset + begin, out);
}

}  // namespace halfbyte
