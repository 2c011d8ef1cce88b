#include "formats/tensor_ranges.h"

#include <algorithm>
#include <utility>

#include "base/checked.h"
#include "base/errors.h"

namespace halfbyte {

Result<void> place_tensors(const ByteSource& source, uint64_t header_end, uint64_t alignment, GgufFile& file) {
  const uint64_t data = round_up(header_end, alignment);
  for (TensorLocation& tensor : file.tensors) {
    const auto begin = checked_add(data, tensor.offset);
    const auto end = begin ? checked_add(*begin, tensor.bytes) : std::nullopt;
    if (!end || *end > source.size())
      return corrupt("{}: tensor '{}': {} bytes at data offset {} (data begins at byte {}) lie outside the file of {} bytes", source.path(),
                     tensor.name, tensor.bytes, tensor.offset, data, source.size());
    tensor.offset = *begin;
  }

  std::vector<const TensorLocation*> sorted;
  sorted.reserve(file.tensors.size());
  for (const TensorLocation& tensor : file.tensors) sorted.push_back(&tensor);
  std::ranges::sort(sorted, {}, [](const TensorLocation* tensor) { return std::pair(tensor->offset, tensor); });
  uint64_t end = data;  // of all tensors so far, with padding
  uint64_t unused = 0;
  for (size_t i = 0; i < sorted.size(); ++i) {
    const TensorLocation& tensor = *sorted[i];
    if (i > 0 && tensor.offset < sorted[i - 1]->offset + sorted[i - 1]->bytes)
      return corrupt("{}: tensors '{}' and '{}' overlap at byte {}", source.path(), sorted[i - 1]->name, tensor.name, tensor.offset);
    unused += tensor.offset - end;
    end = round_up(tensor.offset + tensor.bytes, alignment);
  }
  if (unused > 0) file.warnings.push_back(fmt::format("{}: {} bytes between tensors belong to none", source.path(), unused));
  if (source.size() > end)
    file.warnings.push_back(fmt::format("{}: {} trailing bytes after the last tensor", source.path(), source.size() - end));
  return {};
}

}  // namespace halfbyte
