// A kv cache of one head for the attention tests, filled through the store kernels.
#pragma once

#include <vector>

#include "kernels/test_inputs.h"

namespace halfbyte {

enum class CacheKind { kF16, kF32 };

struct QueryRange {
  int first, last;
};

class TestCache {
 public:
  // Positions 0..positions-1 of the block hold random rows; later ones, and pages past them, are absent.
  TestCache(const KernelTable& table, CacheKind kind, int dims, int positions)
      : table_(table),
        kind_(kind),
        dims_(dims),
        keys(random_floats(size(positions, dims), 21)),
        values(random_floats(size(positions, dims), 22)) {
    const size_t page = size(kPagePositions, dims) * element();
    const int pages = (positions + kPagePositions - 1) / kPagePositions;
    // Bytes 0xff are NaN in both types: whoever reads what was never stored shows it.
    k_.assign(static_cast<size_t>(pages) * page, std::byte{0xff});
    v_.assign(static_cast<size_t>(pages) * page, std::byte{0xff});
    for (int j = 0; j < positions; ++j) {
      std::byte* tile = k_.data() + size(j / 16, 16 * dims) * element();
      std::byte* row = v_.data() + size(j, dims) * element();
      (kind == CacheKind::kF16 ? table.store_k_f16 : table.store_k_f32)(keys.data() + size(j, dims), dims, j % 16, tile);
      (kind == CacheKind::kF16 ? table.store_v_f16 : table.store_v_f32)(values.data() + size(j, dims), dims, row);
    }
    for (int p = 0; p < pages; ++p) {
      block_.k_pages[p] = k_.data() + size(p, 1) * page;
      block_.v_pages[p] = v_.data() + size(p, 1) * page;
    }
    block_.dims = dims;
  }

  // Per query: max, weight, sum[dims].
  std::vector<float> attend(const std::vector<float>& queries, const std::vector<QueryRange>& ranges) const {
    const size_t n = ranges.size(), width = size(dims_, 1) + 2;
    std::vector<float> out(n * width, -3.0F);
    std::vector<const float*> q(n);
    std::vector<int> first(n), last(n);
    std::vector<AttendState> states(n);
    for (size_t i = 0; i < n; ++i) {
      q[i] = queries.data() + i * size(dims_, 1);
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
    (kind_ == CacheKind::kF16 ? table_.attend_f16 : table_.attend_f32)(block);
    return out;
  }
  const std::vector<std::byte>& k_bytes() const { return k_; }
  const std::vector<std::byte>& v_bytes() const { return v_; }

 private:
  static size_t size(int a, int b) { return static_cast<size_t>(a) * static_cast<size_t>(b); }
  size_t element() const { return kind_ == CacheKind::kF16 ? 2 : 4; }

  const KernelTable& table_;
  CacheKind kind_;
  int dims_;
  std::vector<std::byte> k_, v_;
  AttendBlock block_{};

 public:
  const std::vector<float> keys, values;  // [positions][dims] as given to the store kernels
};

}  // namespace halfbyte
