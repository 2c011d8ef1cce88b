// Inputs of the kernel tests: random rows, their quantized form, and the list of sets to test.
#pragma once

#include <gtest/gtest.h>

#include <algorithm>
#include <bit>
#include <cstring>
#include <random>
#include <string>
#include <vector>

#include "base/float16.h"
#include "kernels/kernels.h"
#include "quant/number_format.h"
#include "quant/panel.h"

namespace halfbyte {

inline std::string test_name(Isa isa) {
  std::string s(name(isa));
  for (char& c : s)
    if (c == '-') c = '_';
  return s;
}

#define SKIP_UNLESS_IT_RUNS_HERE(isa) \
  if (!runs_here(isa)) GTEST_SKIP() << "this processor does not have " << name(isa)

inline std::vector<float> random_floats(size_t n, uint32_t seed, float scale = 1.0F) {
  std::mt19937 random(seed);
  std::normal_distribution<float> normal(0.0F, scale);
  std::vector<float> out(n);
  for (float& x : out) x = normal(random);
  return out;
}

template <class T>
std::vector<std::byte> bytes_of(const std::vector<T>& values) {
  std::vector<std::byte> out(values.size() * sizeof(T));
  if (!out.empty()) std::memcpy(out.data(), values.data(), out.size());
  return out;
}

// 64-byte aligned memory for panels and scratch.
class Aligned {
 public:
  explicit Aligned(size_t bytes) : lines_((bytes + 63) / 64 + 1) {}
  std::byte* data() { return reinterpret_cast<std::byte*>(lines_.data()); }

 private:
  struct alignas(64) Line {
    std::byte bytes[64];
  };
  std::vector<Line> lines_;
};

// Rows of activations as a format meets them, rounded by `table` or left as they are, with strides larger than the rows.
struct ActivationRows {
  ActivationRows(const KernelTable& table, ActivationKind kind, const std::vector<float>& x, int columns, int tokens) {
    const size_t n = static_cast<size_t>(columns), block = kind == ActivationKind::kPer32 ? 32 : 256;
    view.q_stride = (n + 127) / 64 * 64;
    view.scale_stride = n / block + 3;
    view.sum32_stride = n / 32 + 5;
    view.sum16_stride = n / 16 + 7;
    const size_t rows = static_cast<size_t>(tokens);
    q.resize(rows * view.q_stride);
    scale.resize(rows * view.scale_stride);
    sum32.resize(rows * view.sum32_stride);
    sum16.resize(rows * view.sum16_stride);
    view.bf16_stride = (rows + 1) * kGroup;
    bf16.assign((n + kGroup - 1) / kGroup * view.bf16_stride, 0x7fc0);  // NaN where the rounding leaves a gap
    for (size_t t = 0; t < rows; ++t) table.round_bf16(x.data() + t * n, columns, bf16.data() + t * kGroup, view.bf16_stride);
    view.bf16 = bf16.data();
    if (kind == ActivationKind::kBf16) return;
    if (kind == ActivationKind::kFloat) {
      view.f_stride = n + 3;
      f.resize(rows * view.f_stride);
      for (size_t t = 0; t < rows; ++t)
        std::copy_n(x.begin() + static_cast<ptrdiff_t>(t * n), n, f.begin() + static_cast<ptrdiff_t>(t * view.f_stride));
      view.f = f.data();
      return;
    }
    const auto quantize = kind == ActivationKind::kPer32 ? table.quantize_per32 : table.quantize_per256;
    for (size_t t = 0; t < rows; ++t)
      quantize(x.data() + t * n, columns, q.data() + t * view.q_stride, scale.data() + t * view.scale_stride,
               sum32.data() + t * view.sum32_stride, sum16.data() + t * view.sum16_stride);
    view.q = q.data();
    view.scale = scale.data();
    view.sum32 = sum32.data();
    view.sum16 = sum16.data();
  }
  // Column k of row t as the kernels see it, with scales per `block` columns.
  double value(size_t t, size_t k, size_t block) const {
    if (!f.empty()) return static_cast<double>(f[t * view.f_stride + k]);
    if (view.q == nullptr) return static_cast<double>(bfloat_to_float(bf16[k / kGroup * view.bf16_stride + t * kGroup + k % kGroup]));
    return static_cast<double>(q[t * view.q_stride + k]) * static_cast<double>(scale[t * view.scale_stride + k / block]);
  }
  Activations view;
  std::vector<int8_t> q;
  std::vector<float> scale;
  std::vector<int16_t> sum32, sum16;
  std::vector<float> f;
  std::vector<uint16_t> bf16;
};

// 16 rows of random blocks with finite scales of ordinary size, in file layout.
inline std::vector<std::byte> random_weight_rows(const NumberFormat& format, int rows, int columns, uint32_t seed) {
  std::mt19937 random(seed);
  const size_t blocks = static_cast<size_t>(rows) * static_cast<size_t>(columns) / format.block_length;
  std::vector<std::byte> out(blocks * format.block_bytes);
  std::vector<float> decoded(format.block_length);
  for (size_t b = 0; b < blocks; ++b) {
    std::byte* block = out.data() + b * format.block_bytes;
    bool ordinary = false;
    while (!ordinary) {
      for (size_t i = 0; i < format.block_bytes; ++i) block[i] = static_cast<std::byte>(random());
      ordinary = format.first_not_finite(block, 1) != 0;
      if (!ordinary) continue;
      format.decode(block, 1, decoded.data());
      for (const float w : decoded) ordinary = ordinary && w < 1e4F && w > -1e4F;
    }
  }
  return out;
}

// `panels` panels packed from random rows.
struct RandomPanels {
  RandomPanels(const NumberFormat& format, int panels, int columns, uint32_t seed)
      : rows(random_weight_rows(format, panels * kPanelRows, columns, seed)),
        panel_bytes(format.panel->panel_bytes(static_cast<size_t>(columns))),
        memory(panel_bytes * static_cast<size_t>(panels)) {
    const size_t row_bytes = format.row_bytes(static_cast<uint64_t>(columns));
    for (size_t p = 0; p < static_cast<size_t>(panels); ++p)
      format.panel->pack(rows.data() + p * kPanelRows * row_bytes, kPanelRows, static_cast<size_t>(columns),
                         memory.data() + p * panel_bytes);
  }
  std::vector<std::byte> rows;  // file layout
  size_t panel_bytes;
  Aligned memory;
};

// Rows of y, each 8 floats longer than the panels are wide.
inline std::vector<float> product(PanelKernel* kernel, RandomPanels& weights, int panels, const Activations& x, int columns, int tokens) {
  const size_t stride = static_cast<size_t>(panels) * kPanelRows + 8;
  std::vector<float> y(static_cast<size_t>(tokens) * stride, -7.0F);
  Aligned scratch(panel_scratch_bytes(static_cast<size_t>(columns)));
  kernel(weights.memory.data(), weights.panel_bytes, panels, x, columns, tokens, y.data(), stride, scratch.data());
  return y;
}
inline std::vector<float> product(const KernelTable& table, const NumberFormat& format, RandomPanels& weights, int panels,
                                  const Activations& x, int columns, int tokens) {
  return product(panel_kernel(table, format.name), weights, panels, x, columns, tokens);
}

}  // namespace halfbyte
