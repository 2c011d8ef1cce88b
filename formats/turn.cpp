#include "formats/turn.h"

#include <algorithm>
#include <cstring>

#include "base/errors.h"

namespace halfbyte {
namespace {

struct Rows {
  uint64_t first;
  size_t count, bytes_each;
};

Result<void> read_adjacent_pairs(const ByteSource& source, const TensorLocation& tensor, const Rows& rows, std::span<std::byte> out) {
  const uint64_t head_rows = tensor.shape[0] / tensor.turn.heads;
  for (size_t i = 0; i < rows.count; ++i) {
    const uint64_t row = rows.first + i, in_head = row % head_rows;
    const uint64_t stored = row - in_head + in_head % 2 * (head_rows / 2) + in_head / 2;
    HB_TRY(source.read_at(tensor.offset + stored * rows.bytes_each, out.subspan(i * rows.bytes_each, rows.bytes_each)));
  }
  return {};
}

// A slab of the file's columns is gathered from each of its rows.
Result<void> read_transposed(const ByteSource& source, const TensorLocation& tensor, const Rows& rows, std::span<std::byte> out) {
  const size_t value_bytes = tensor.format->block_bytes;
  const uint64_t stored_row_bytes = tensor.shape[0] * value_bytes;
  std::vector<std::byte> slab(rows.count * value_bytes);
  for (uint64_t column = 0; column < tensor.columns(); ++column) {
    HB_TRY(source.read_at(tensor.offset + column * stored_row_bytes + rows.first * value_bytes, slab));
    std::byte* target = out.data() + column * value_bytes;
    for (size_t i = 0; i < rows.count; ++i) std::memcpy(target + i * rows.bytes_each, slab.data() + i * value_bytes, value_bytes);
  }
  return {};
}

Result<void> read_plus_one(const ByteSource& source, const TensorLocation& tensor, const Rows& rows, std::span<std::byte> out) {
  const NumberFormat& stored = *tensor.turn.stored;
  const size_t count = rows.count * rows.bytes_each / sizeof(float);
  std::vector<std::byte> raw(count * stored.block_bytes);
  HB_TRY(source.read_at(tensor.offset + rows.first * (rows.bytes_each / sizeof(float)) * stored.block_bytes, raw));
  std::vector<float> values(count);
  stored.decode(raw.data(), count, values.data());
  for (float& value : values) value += 1;
  std::memcpy(out.data(), values.data(), out.size());
  return {};
}

}  // namespace

Result<void> read_turned(const ByteSource& source, const TensorLocation& tensor, uint64_t begin, std::span<std::byte> out) {
  const auto row_bytes = static_cast<size_t>(tensor.bytes / tensor.shape[0]);
  if (begin % row_bytes != 0 || out.size() % row_bytes != 0)
    return internal("tensor '{}': bytes {} to {} asked for, which are not whole rows of {}", tensor.name, begin, begin + out.size(),
                    row_bytes);
  const Rows rows{begin / row_bytes, out.size() / row_bytes, row_bytes};
  switch (tensor.turn.kind) {
    case Turn::Kind::kNone: return source.read_at(tensor.offset + begin, out);
    case Turn::Kind::kAdjacentPairs: return read_adjacent_pairs(source, tensor, rows, out);
    case Turn::Kind::kTransposed: return read_transposed(source, tensor, rows, out);
    case Turn::Kind::kPlusOne: return read_plus_one(source, tensor, rows, out);
  }
  return {};
}

}  // namespace halfbyte
