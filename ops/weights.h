// The weights of one model in memory, addressed by handle. A recorded step names handles only, so that a record outlives any layout.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "base/buffer.h"
#include "quant/number_format.h"

namespace halfbyte {

struct MatrixId {
  int32_t index = -1;
  explicit operator bool() const { return index >= 0; }
};
struct VectorId {
  int32_t index = -1;
  explicit operator bool() const { return index >= 0; }
};

// y = matrix x + bias. The bias may be absent.
struct Linear {
  MatrixId matrix;
  VectorId bias;
};

// A view of rows x columns weights in one number format, stored as panels (quant/panel.h) or as the file's rows.
struct Matrix {
  const NumberFormat* format = nullptr;
  uint32_t rows = 0, columns = 0;
  bool is_panels = false;
  const std::byte* data = nullptr;  // in Weights::storage
  size_t stride = 0;                // bytes of one panel, or of one row

  uint32_t panels() const { return (rows + 15) / 16; }
  size_t bytes() const { return stride * (is_panels ? panels() : rows); }
  // Row `row` as float32. Requires: `raw` is scratch of format->row_bytes(columns), `out` holds `columns` floats.
  void decode_row(uint32_t row, std::byte* raw, float* out) const;
};

// Immutable once loaded.
struct Weights {
  std::vector<Matrix> matrices;
  std::vector<std::vector<float>> vectors;  // norms and biases, zero-padded to a multiple of 16
  Buffer storage;

  const Matrix& operator[](MatrixId id) const { return matrices[static_cast<size_t>(id.index)]; }
  const float* operator[](VectorId id) const { return id ? vectors[static_cast<size_t>(id.index)].data() : nullptr; }
  size_t bytes() const;
};

}  // namespace halfbyte
