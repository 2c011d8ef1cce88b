#include "ops/weights.h"

#include "quant/panel.h"

namespace halfbyte {

void Matrix::decode_row(uint32_t row, std::byte* raw, float* out) const {
  const std::byte* source = raw;
  if (is_panels)
    format->panel->unpack_row(data + row / kPanelRows * stride, static_cast<int>(row % kPanelRows), columns, raw);
  else
    source = data + row * stride;
  format->decode(source, columns / format->block_length, out);
}

size_t Weights::bytes() const {
  size_t sum = 0;
  for (const Matrix& m : matrices) sum += m.bytes();
  for (const auto& v : vectors) sum += v.size() * sizeof(float);
  return sum;
}

}  // namespace halfbyte
