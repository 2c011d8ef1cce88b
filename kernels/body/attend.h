// Attention over one cache block (kernels/attention.h has the formulas), merging partial results.

typedef float Scores[kCacheBlock];

// Adds the products of kQueries rows of q with kCount tiles in a row, one read of K for all.
template <class Cache, int kQueries, int kCount>
HALFBYTE_INLINE void add_scores(const std::byte* k, const float* const* q, int dims, F (&s)[kCount][kQueries]) {
  typedef typename Cache::Element Element;
  const size_t tile_bytes = key_tile_bytes<Cache>(dims);
  for (int d = 0; d < dims; ++d, k += kKeyTile * sizeof(Element)) {
#pragma GCC unroll 2
    for (int c = 0; c < kCount; ++c) {
      const F keys = Cache::load16((const Element*)(k + (size_t)c * tile_bytes));
#pragma GCC unroll 12
      for (int i = 0; i < kQueries; ++i) s[c][i] = fma(splat(q[i][d]), keys, s[c][i]);
    }
  }
}

// Query rows as int8, quantized as activations are (quant/activation.h).
template <int kQueries>
struct ByteRows {
  static constexpr int kMostDims = 512, kMostBlocks = kMostDims / kScaleDims;
  alignas(64) int8_t q[kQueries][kMostDims];
  float scale[kQueries][kMostBlocks];
  int32_t start[kQueries][kMostBlocks];  // of a block's sum of products: takes back what Dot adds to its weights

  ByteRows(const float* const* rows, int dims) {
    int16_t sum32[kMostBlocks], sum16[2 * kMostBlocks];
    const int whole = dims / kScaleDims * kScaleDims, blocks = (dims + kScaleDims - 1) / kScaleDims;
    for (int i = 0; i < kQueries; ++i) {
      quantize_per32(rows[i], whole, q[i], scale[i], sum32, sum16);
      if (whole < dims) {
        float last[kScaleDims] = {};
        memcpy(last, rows[i] + whole, (size_t)(dims - whole) * sizeof *last);
        quantize_per32(last, kScaleDims, q[i] + whole, scale[i] + blocks - 1, sum32 + blocks - 1, sum16);
      }
      for (int b = 0; b < blocks; ++b) start[i][b] = -Dot<8>::kOffset * (int32_t)sum32[b];
    }
  }
};

// Adds the products of dims 4j..4j+3 of block b; `k` has them of 16 keys.
template <int kQueries, int kCount>
HALFBYTE_INLINE void add_quad(int j, int b, const std::byte* k, size_t tile_bytes, const ByteRows<kQueries>& rows,
                              I (&total)[kCount][kQueries]) {
#pragma GCC unroll 2
  for (int c = 0; c < kCount; ++c) {
    const I keys = as_dot_weights<8>(load_int(k + (size_t)c * tile_bytes + kKeyQuad * kKeyTile * j));
#pragma GCC unroll 12
    for (int i = 0; i < kQueries; ++i) {
      Dot<8> dot;
      dot.add(j, keys, quad(rows.q[i] + b * kScaleDims + kKeyQuad * j), total[c][i], [&] { return splat_int(rows.start[i][b]); });
    }
  }
}

// The same with int8 keys: a sum of integers per block of kScaleDims, the last of which may be shorter.
template <class Cache, int kQueries, int kCount>
HALFBYTE_INLINE void add_scores(const std::byte* k, const ByteRows<kQueries>& rows, int dims, F (&s)[kCount][kQueries]) {
  const size_t tile_bytes = key_tile_bytes<Cache>(dims);
  for (int b = 0; b * kScaleDims < dims; ++b, k += kKeyBlockBytes) {
    const int quads = (dims - b * kScaleDims) / kKeyQuad;
    I total[kCount][kQueries];
    if (quads >= kScaleDims / kKeyQuad) {
#pragma GCC unroll 8
      for (int j = 0; j < kScaleDims / kKeyQuad; ++j) add_quad(j, b, k + kKeyScaleBytes, tile_bytes, rows, total);
    } else {
      add_quad(0, b, k + kKeyScaleBytes, tile_bytes, rows, total);
      for (int j = 1; j < quads; ++j) add_quad(j, b, k + kKeyScaleBytes, tile_bytes, rows, total);
    }
#pragma GCC unroll 2
    for (int c = 0; c < kCount; ++c) {
      const F scale = load_half(k + (size_t)c * tile_bytes);
#pragma GCC unroll 12
      for (int i = 0; i < kQueries; ++i) s[c][i] = fma(to_float(total[c][i]), mul(scale, splat(rows.scale[i][b])), s[c][i]);
    }
  }
}

template <class Cache, int kQueries, int kCount, class Rows>
HALFBYTE_INLINE void score_tiles(const std::byte* k, const Rows& rows, int dims, Scores* scores, int first_tile) {
  F s[kCount][kQueries];
#pragma GCC unroll 2
  for (int c = 0; c < kCount; ++c)
#pragma GCC unroll 12
    for (int i = 0; i < kQueries; ++i) s[c][i] = splat(0.0F);
  add_scores<Cache>(k, rows, dims, s);
#pragma GCC unroll 2
  for (int c = 0; c < kCount; ++c)
#pragma GCC unroll 12
    for (int i = 0; i < kQueries; ++i) store(scores[i] + (first_tile + c) * kKeyTile, s[c][i]);
}

// A head's part of a page is some KiB long and the next page's lies elsewhere: the processor's own prefetching stops at its end.
// While the keys of a page are scored, those of the next page and the page's own values come in: into the second cache, as only few
// lines can be on their way to the first.
HALFBYTE_INLINE void prefetch_part(const void* part, size_t bytes) {
  for (size_t at = 0; at < bytes; at += 64) prefetch((const std::byte*)part + at);
}

constexpr int kFewQueries = 8;  // more compute for so long that waiting does not count

template <class Cache, int kQueries, class Rows>
HALFBYTE_INLINE void score_rows(const AttendBlock& block, const Rows& rows, bool fetches, int first_tile, int last_tile, Scores* scores) {
  for (int tile = first_tile; tile < last_tile;) {
    if (fetches && tile % 2 == 0) {
      if (tile + 2 < last_tile) prefetch_part(block.k_pages[tile / 2 + 1], 2 * key_tile_bytes<Cache>(block.k_dims));
      prefetch_part(block.v_pages[tile / 2], block.v_page_bytes);
    }
    const std::byte* k = (const std::byte*)block.k_pages[tile / 2] + (size_t)(tile % 2) * key_tile_bytes<Cache>(block.k_dims);
    // Two tiles of a page at once, where registers allow it: dependent steps then leave the multipliers less idle.
    if (2 * kQueries <= kScoreChains && tile % 2 == 0 && tile + 1 < last_tile) {
      score_tiles<Cache, kQueries, 2>(k, rows, block.k_dims, scores, tile);
      tile += 2;
    } else {
      score_tiles<Cache, kQueries, 1>(k, rows, block.k_dims, scores, tile);
      tile += 1;
    }
  }
}

template <class Cache, int kQueries>
void score_queries(const AttendBlock& block, int query, int first_tile, int last_tile, Scores* scores) {
  const float* const* q = block.q + query;
  const bool fetches = query == 0 && block.n_queries <= kFewQueries;
  if (fetches) prefetch_part(block.k_pages[first_tile / 2], 2 * key_tile_bytes<Cache>(block.k_dims));
  if constexpr (Cache::kHasScales) {
    score_rows<Cache, kQueries>(block, ByteRows<kQueries>(q, block.k_dims), fetches, first_tile, last_tile, scores);
  } else {
    score_rows<Cache, kQueries>(block, q, fetches, first_tile, last_tile, scores);
  }
}

// Scores of positions first <= j < last to their weights, 0 for the other positions of the tiles they lie in.
__attribute__((noinline)) void weigh(Scores scores, int first, int last, AttendState out) {
  static const int32_t kLanes[16] = {0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15};
  const F hidden = splat(-__builtin_inff());
  const int begin = first / kKeyTile * kKeyTile;
  const auto hide = [&](int tile) {  // what lies outside first..last
    const I position = add_int(load_int(kLanes), splat_int(tile));
    const F s = select_less(position, splat_int(first), hidden, load(scores + tile));
    store(scores + tile, select_less(position, splat_int(last), s, hidden));
  };
  hide(begin);
  hide((last - 1) / kKeyTile * kKeyTile);
  F top = hidden;
  for (int j = begin; j < last; j += kKeyTile) top = max(load(scores + j), top);
  const float m = greatest(top);
  F sum = splat(0.0F);
  for (int j = begin; j < last; j += kKeyTile) {
    const F p = exp(sub(load(scores + j), splat(m)));
    store(scores + j, p);
    sum = add(sum, p);
  }
  *out.max = m;
  *out.weight = sum_pairwise(sum);
}

// sum[d] of kQueries rows over positions begin <= j < end, kVectors times 16 dims at a time.
template <class Cache, int kQueries, int kVectors>
HALFBYTE_INLINE void add_values_at(const AttendBlock& block, const AttendState* out, const Scores* weights, int begin, int end, int d) {
  F sum[kQueries][kVectors];
#pragma GCC unroll 12
  for (int i = 0; i < kQueries; ++i)
#pragma GCC unroll 4
    for (int v = 0; v < kVectors; ++v) sum[i][v] = load(out[i].sum + d + 16 * v);
  for (int j = begin; j < end; ++j) {
    const auto* row = (const typename Cache::Element*)block.v_pages[j / kPagePositions] + (j % kPagePositions) * block.v_dims + d;
    F values[kVectors];
#pragma GCC unroll 4
    for (int v = 0; v < kVectors; ++v) values[v] = Cache::load16(row + 16 * v);
#pragma GCC unroll 12
    for (int i = 0; i < kQueries; ++i) {
      const F p = splat(weights[i][j]);
#pragma GCC unroll 4
      for (int v = 0; v < kVectors; ++v) sum[i][v] = fma(p, values[v], sum[i][v]);
    }
  }
#pragma GCC unroll 12
  for (int i = 0; i < kQueries; ++i)
#pragma GCC unroll 4
    for (int v = 0; v < kVectors; ++v) store(out[i].sum + d + 16 * v, sum[i][v]);
}

// The same for dims from <= d < to.
template <class Cache, int kQueries>
HALFBYTE_INLINE void add_value_dims(const AttendBlock& block, const AttendState* out, const Scores* weights, int begin, int end, int from,
                                    int to) {
  constexpr int kVectors = Cache::kHasScales && kValueVectors > kScaleDims / 16 ? kScaleDims / 16 : kValueVectors;
  int d = from;
  for (; d + 16 * kVectors <= to; d += 16 * kVectors) add_values_at<Cache, kQueries, kVectors>(block, out, weights, begin, end, d);
  for (; d + 16 <= to; d += 16) add_values_at<Cache, kQueries, 1>(block, out, weights, begin, end, d);
  if (d == to) return;
  for (int i = 0; i < kQueries; ++i) {  // dims is a multiple of 8: half a vector is left
    F sum = load_part(out[i].sum + d, 8);
    for (int j = begin; j < end; ++j) {
      typename Cache::Element part[16] = {};
      const auto* page = (const typename Cache::Element*)block.v_pages[j / kPagePositions];
      memcpy(part, page + (j % kPagePositions) * block.v_dims + d, 8 * sizeof *part);
      sum = fma(splat(weights[i][j]), Cache::load16(part), sum);
    }
    store_part(out[i].sum + d, sum, 8);
  }
}

template <class Cache, int kQueries>
void add_values(const AttendBlock& block, const AttendState* out, const Scores* weights, int begin, int end) {
  if (begin >= end) return;
  if constexpr (Cache::kHasScales) {
    alignas(64) Scores scaled[kQueries];
    for (int d = 0; d < block.v_dims; d += kScaleDims) {
      for (int j = begin / 16 * 16; j < end; j += 16) {
        const F scale = load_half(value_scales(block.v_pages[j / kPagePositions], block.v_dims, d / kScaleDims) + j % kPagePositions);
        for (int i = 0; i < kQueries; ++i) store(scaled[i] + j, mul(load(weights[i] + j), scale));
      }
      const int to = block.v_dims - d < kScaleDims ? block.v_dims : d + kScaleDims;
      add_value_dims<Cache, kQueries>(block, out, scaled, begin, end, d, to);
    }
  } else {
    add_value_dims<Cache, kQueries>(block, out, weights, begin, end, 0, block.v_dims);
  }
}

// Each query reads V exactly where it sees; positions that all of them see are read once for all.
template <class Cache, int kQueries>
HALFBYTE_INLINE void add_visible_values(const AttendBlock& block, int query, const Scores* weights) {
  const int* first = block.first + query;
  const int* last = block.last + query;
  const AttendState* out = block.out + query;
  int common_first = first[0], common_last = last[0];
  for (int i = 0; i < kQueries; ++i) {
    memset(out[i].sum, 0, (size_t)block.v_dims * sizeof(float));
    common_first = first[i] > common_first ? first[i] : common_first;
    common_last = last[i] < common_last ? last[i] : common_last;
  }
  if (common_first >= common_last) {
    for (int i = 0; i < kQueries; ++i) add_values<Cache, 1>(block, out + i, weights + i, first[i], last[i]);
    return;
  }
  for (int i = 0; i < kQueries; ++i) add_values<Cache, 1>(block, out + i, weights + i, first[i], common_first);
  add_values<Cache, kQueries>(block, out, weights, common_first, common_last);
  for (int i = 0; i < kQueries; ++i) add_values<Cache, 1>(block, out + i, weights + i, common_last, last[i]);
}

template <class Cache, int kQueries>
void values_of_queries(const AttendBlock& block, int query, const Scores* weights) {
  int i = 0;
  for (; i + kValueQueries <= kQueries; i += kValueQueries) add_visible_values<Cache, kValueQueries>(block, query + i, weights + i);
  if constexpr (kQueries % kValueQueries != 0) add_visible_values<Cache, kQueries % kValueQueries>(block, query + i, weights + i);
}

template <class Cache>
HALFBYTE_INLINE void score(const AttendBlock& block, int query, int count, int first_tile, int last_tile, Scores* scores) {
  with_constant<kScoreQueries>(count,
                               [&](auto n) { score_queries<Cache, decltype(n)::value>(block, query, first_tile, last_tile, scores); });
}
template <class Cache>
HALFBYTE_INLINE void values(const AttendBlock& block, int query, int count, const Scores* weights) {
  with_constant<kScoreQueries>(count, [&](auto n) { values_of_queries<Cache, decltype(n)::value>(block, query, weights); });
}

#define HALFBYTE_CACHE(type, Cache)                                                                                  \
  void score_##type(const AttendBlock& block, int query, int count, int first_tile, int last_tile, Scores* scores) { \
    score<Cache>(block, query, count, first_tile, last_tile, scores);                                                \
  }                                                                                                                  \
  void values_##type(const AttendBlock& block, int query, int count, const Scores* weights) { values<Cache>(block, query, count, weights); }
HALFBYTE_CACHE(f16, HalfCache)
HALFBYTE_CACHE(bf16, BfloatCache)
HALFBYTE_CACHE(q8_0, ByteCache)
HALFBYTE_CACHE(f32, FloatCache)
#undef HALFBYTE_CACHE

void attend(const AttendBlock& block, ScoreKernel* score, ValuesKernel* values) {
  alignas(64) Scores scores[kScoreQueries];
  for (int query = 0; query < block.n_queries; query += kScoreQueries) {
    const int count = block.n_queries - query < kScoreQueries ? block.n_queries - query : kScoreQueries;
    int begin = kCacheBlock, end = 0;
    for (int i = query; i < query + count; ++i) {
      if (block.first[i] >= block.last[i]) continue;
      begin = block.first[i] < begin ? block.first[i] : begin;
      end = block.last[i] > end ? block.last[i] : end;
    }
    if (begin < end) score(block, query, count, begin / kKeyTile, (end + kKeyTile - 1) / kKeyTile, scores);
    for (int i = 0; i < count; ++i) {
      const AttendState out = block.out[query + i];
      if (block.first[query + i] < block.last[query + i]) {
        weigh(scores[i], block.first[query + i], block.last[query + i], out);
      } else {
        *out.max = -__builtin_inff();
        *out.weight = 0.0F;
      }
    }
    values(block, query, count, scores);
  }
}

HALFBYTE_INLINE float exp_of(float x) {
  float lanes[16];
  store(lanes, exp(splat(x)));
  return lanes[0];
}

void merge_partial(AttendState state, AttendState partial, int dims) {
  const float none = -__builtin_inff();
  const float m = *state.max > *partial.max ? *state.max : *partial.max;
  const float a = *state.max == none ? 0.0F : exp_of(*state.max - m);
  const float b = *partial.max == none ? 0.0F : exp_of(*partial.max - m);
  *state.max = m;
  *state.weight = fmaf(*state.weight, a, *partial.weight * b);
  const F state_factor = splat(a), partial_factor = splat(b);
  for_pairs(state.sum, partial.sum, dims, state.sum, [&](F s, F p) { return fma(s, state_factor, mul(p, partial_factor)); });
}

void finish_attend(AttendState state, int dims, float* out) {
  const F weight = splat(*state.weight);
  for_pairs(state.sum, state.sum, dims, out, [&](F s, F) { return div(s, weight); });
}
