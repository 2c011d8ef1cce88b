// A kv cache of one head for the attention tests, filled through the store kernels.
#pragma once

#include <vector>

#include "base/float16.h"
#include "kernels/test_inputs.h"

namespace halfbyte {

enum class CacheKind { kF16, kBf16, kQ8_0, kF32 };

struct QueryRange {
  int first, last;
};

class TestCache {
  static size_t size(int a, int b) { return static_cast<size_t>(a) * static_cast<size_t>(b); }
  static size_t page_bytes(CacheKind kind, int dims) {
    if (kind == CacheKind::kQ8_0) return size(kPagePositions, dims + 2 * ((dims + kScaleDims - 1) / kScaleDims));
    return size(kPagePositions, dims) * (kind == CacheKind::kF32 ? 4 : 2);
  }
  template <class Kernel>
  static Kernel pick(CacheKind kind, Kernel f16, Kernel bf16, Kernel q8_0, Kernel f32) {
    const Kernel kernels[] = {f16, bf16, q8_0, f32};
    return kernels[static_cast<size_t>(kind)];
  }
  template <class At>
  static std::vector<float> stored(size_t count, int dims, At at) {
    std::vector<float> out(count);
    for (size_t i = 0; i < count; ++i) out[i] = at(i / static_cast<size_t>(dims), i % static_cast<size_t>(dims));
    return out;
  }
  static float number(const std::byte* scale, const std::byte* q) {
    uint16_t half;
    std::memcpy(&half, scale, sizeof half);
    return static_cast<float>(static_cast<int8_t>(*q)) * half_to_float(half);
  }
  auto store_k() const { return pick(k_kind_, table_.store_k_f16, table_.store_k_bf16, table_.store_k_q8_0, table_.store_k_f32); }
  auto store_v() const { return pick(v_kind_, table_.store_v_f16, table_.store_v_bf16, table_.store_v_q8_0, table_.store_v_f32); }
  auto score() const { return pick(k_kind_, table_.score_f16, table_.score_bf16, table_.score_q8_0, table_.score_f32); }
  auto values_kernel() const { return pick(v_kind_, table_.values_f16, table_.values_bf16, table_.values_q8_0, table_.values_f32); }

 public:
  // Positions 0..positions-1 of the block hold random rows; later ones, and pages past them, are absent.
  TestCache(const KernelTable& table, CacheKind kind, int dims, int positions) : TestCache(table, kind, kind, dims, dims, positions) {}
  TestCache(const KernelTable& table, CacheKind k_kind, CacheKind v_kind, int k_dims, int v_dims, int positions)
      : table_(table),
        k_kind_(k_kind),
        v_kind_(v_kind),
        k_dims_(k_dims),
        v_dims_(v_dims),
        keys(random_floats(size(positions, k_dims), 21)),
        values(random_floats(size(positions, v_dims), 22)) {
    const size_t k_page = page_bytes(k_kind, k_dims), v_page = page_bytes(v_kind, v_dims);
    const int pages = (positions + kPagePositions - 1) / kPagePositions;
    // Bytes 0xff are NaN in every type, q8_0 by its scale: whoever reads what was never stored shows it.
    k_.assign(static_cast<size_t>(pages) * k_page, std::byte{0xff});
    v_.assign(static_cast<size_t>(pages) * v_page, std::byte{0xff});
    for (int j = 0; j < positions; ++j) {
      store_k()(keys.data() + size(j, k_dims), k_dims, j % 16, k_.data() + size(j / 16, 1) * (k_page / 2));
      store_v()(values.data() + size(j, v_dims), v_dims, j % kPagePositions, v_.data() + size(j / kPagePositions, 1) * v_page);
    }
    for (int p = 0; p < pages; ++p) {
      block_.k_pages[p] = k_.data() + size(p, 1) * k_page;
      block_.v_pages[p] = v_.data() + size(p, 1) * v_page;
    }
    block_.v_page_bytes = v_page;
    block_.k_dims = k_dims;
    block_.v_dims = v_dims;
  }

  // Per query: max, weight, sum[v_dims].
  std::vector<float> attend(const std::vector<float>& queries, const std::vector<QueryRange>& ranges) const {
    const size_t n = ranges.size(), width = size(v_dims_, 1) + 2;
    std::vector<float> out(n * width, -3.0F);
    std::vector<const float*> q(n);
    std::vector<int> first(n), last(n);
    std::vector<AttendState> states(n);
    for (size_t i = 0; i < n; ++i) {
      q[i] = queries.data() + i * size(k_dims_, 1);
      first[i] = ranges[i].first;
      last[i] = ranges[i].last;
      states[i] = {out.data() + i * width, out.data() + i * width + 1, out.data() + i * width + 2};
    }
    AttendBlock block = block_;
    block.n_queries = static_cast<int>(n);
    block.q = q.data();
    block.first = first.data();
    block.last = last.data();
    block.out = states.data();
    table_.attend(block, score(), values_kernel());
    return out;
  }
  const std::vector<std::byte>& k_bytes() const { return k_; }
  const std::vector<std::byte>& v_bytes() const { return v_; }

  // What a q8_0 cache holds, by the drawing of kernels/attention.h: q * scale, exact in float32.
  std::vector<float> stored_keys() const {
    return stored(keys.size(), k_dims_, [this](size_t j, size_t d) {
      const std::byte* block = k_.data() + j / 16 * (page_bytes(k_kind_, k_dims_) / 2) + d / kScaleDims * (32 + 16 * kScaleDims);
      const size_t quad = d % kScaleDims / 4;
      return number(block + 2 * (j % 16), block + 32 + 64 * quad + 4 * (j % 16) + d % 4);
    });
  }
  std::vector<float> stored_values() const {
    return stored(values.size(), v_dims_, [this](size_t j, size_t d) {
      const size_t n = static_cast<size_t>(v_dims_), row = j % kPagePositions;
      const std::byte* page = v_.data() + j / kPagePositions * page_bytes(v_kind_, v_dims_);
      return number(page + kPagePositions * n + 2 * (d / kScaleDims * kPagePositions + row), page + row * n + d);
    });
  }

 private:
  const KernelTable& table_;
  CacheKind k_kind_, v_kind_;
  int k_dims_, v_dims_;
  std::vector<std::byte> k_, v_;
  AttendBlock block_{};

 public:
  const std::vector<float> keys, values;  // rows as given to the store kernels
};

}  // namespace halfbyte
