// Attention over one cache block (kernels/attention.h has the formulas), storing into the cache, merging partial results.

constexpr int kKeyTile = 16;  // keys of a K tile
constexpr int kTiles = kCacheBlock / kKeyTile;

struct HalfCache {
  typedef uint16_t Element;
  HALFBYTE_INLINE static F load16(const Element* p) { return load_half(p); }
  HALFBYTE_INLINE static void store16(Element* p, F v) {  // saturates; NaN stays NaN by the order of operands
    store_half(p, min(splat(65504.0F), max(splat(-65504.0F), v)));
  }
};
struct FloatCache {
  typedef float Element;
  HALFBYTE_INLINE static F load16(const Element* p) { return load(p); }
  HALFBYTE_INLINE static void store16(Element* p, F v) { store(p, v); }
};

template <class Cache>
HALFBYTE_INLINE void store_k(const float* k, int dims, int lane, void* tile) {
  typedef typename Cache::Element Element;
  Element* column = (Element*)tile + lane;
  for (int d = 0; d < dims; d += 16) {
    const int n = dims - d < 16 ? dims - d : 16;
    Element part[16];
    Cache::store16(part, n == 16 ? load(k + d) : load_part(k + d, n));
    for (int i = 0; i < n; ++i) column[(d + i) * kKeyTile] = part[i];
  }
}
void store_k_f16(const float* k, int dims, int lane, void* tile) { store_k<HalfCache>(k, dims, lane, tile); }
void store_k_f32(const float* k, int dims, int lane, void* tile) { store_k<FloatCache>(k, dims, lane, tile); }

template <class Cache>
HALFBYTE_INLINE void store_v(const float* v, int dims, void* row) {
  typedef typename Cache::Element Element;
  Element* out = (Element*)row;
  int d = 0;
  for (; d + 16 <= dims; d += 16) Cache::store16(out + d, load(v + d));
  if (d < dims) {
    Element part[16];
    Cache::store16(part, load_part(v + d, dims - d));
    memcpy(out + d, part, (size_t)(dims - d) * sizeof *part);
  }
}
void store_v_f16(const float* v, int dims, void* row) { store_v<HalfCache>(v, dims, row); }
void store_v_f32(const float* v, int dims, void* row) { store_v<FloatCache>(v, dims, row); }

typedef float Scores[kCacheBlock];

// Scores of kQueries rows of q with kCount tiles in a row, one read of K for all.
template <class Cache, int kQueries, int kCount>
HALFBYTE_INLINE void score_tiles(const typename Cache::Element* k, const float* const* q, int dims, Scores* scores, int first_tile) {
  F s[kCount][kQueries];
#pragma GCC unroll 2
  for (int c = 0; c < kCount; ++c)
#pragma GCC unroll 8
    for (int i = 0; i < kQueries; ++i) s[c][i] = splat(0.0F);
  for (int d = 0; d < dims; ++d) {
#pragma GCC unroll 2
    for (int c = 0; c < kCount; ++c) {
      const F keys = Cache::load16(k + (c * dims + d) * kKeyTile);
#pragma GCC unroll 8
      for (int i = 0; i < kQueries; ++i) s[c][i] = fma(splat(q[i][d]), keys, s[c][i]);
    }
  }
#pragma GCC unroll 2
  for (int c = 0; c < kCount; ++c)
#pragma GCC unroll 8
    for (int i = 0; i < kQueries; ++i) store(scores[i] + (first_tile + c) * kKeyTile, s[c][i]);
}

template <class Cache, int kQueries>
void score(const AttendBlock& block, int query, int first_tile, int last_tile, Scores* scores) {
  for (int tile = first_tile; tile < last_tile;) {
    const auto* k = (const typename Cache::Element*)block.k_pages[tile / 2] + (tile % 2) * block.dims * kKeyTile;
    // Two tiles of a page at once, where registers allow it: dependent steps then leave the multipliers less idle.
    if (2 * kQueries <= kScoreChains && tile % 2 == 0 && tile + 1 < last_tile) {
      score_tiles<Cache, kQueries, 2>(k, block.q + query, block.dims, scores, tile);
      tile += 2;
    } else {
      score_tiles<Cache, kQueries, 1>(k, block.q + query, block.dims, scores, tile);
      tile += 1;
    }
  }
}

// Scores of positions first <= j < last to their weights, 0 for the other positions of the tiles they lie in.
HALFBYTE_INLINE void weigh(Scores scores, int first, int last, AttendState out) {
  static const int32_t kLanes[16] = {0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15};
  const F hidden = splat(-__builtin_inff());
  F top = hidden;
  const int begin = first / kKeyTile * kKeyTile;
  for (int j = begin; j < last; j += kKeyTile) {
    const I position = add_int(load_int(kLanes), splat_int(j));
    F s = load(scores + j);
    s = select_less(position, splat_int(first), hidden, s);
    s = select_less(position, splat_int(last), s, hidden);
    store(scores + j, s);
    top = max(s, top);
  }
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
#pragma GCC unroll 8
  for (int i = 0; i < kQueries; ++i)
#pragma GCC unroll 4
    for (int v = 0; v < kVectors; ++v) sum[i][v] = load(out[i].sum + d + 16 * v);
  for (int j = begin; j < end; ++j) {
    const auto* row = (const typename Cache::Element*)block.v_pages[j / kPagePositions] + (j % kPagePositions) * block.dims + d;
    F values[kVectors];
#pragma GCC unroll 4
    for (int v = 0; v < kVectors; ++v) values[v] = Cache::load16(row + 16 * v);
#pragma GCC unroll 8
    for (int i = 0; i < kQueries; ++i) {
      const F p = splat(weights[i][j]);
#pragma GCC unroll 4
      for (int v = 0; v < kVectors; ++v) sum[i][v] = fma(p, values[v], sum[i][v]);
    }
  }
#pragma GCC unroll 8
  for (int i = 0; i < kQueries; ++i)
#pragma GCC unroll 4
    for (int v = 0; v < kVectors; ++v) store(out[i].sum + d + 16 * v, sum[i][v]);
}

template <class Cache, int kQueries>
void add_values(const AttendBlock& block, const AttendState* out, const Scores* weights, int begin, int end) {
  if (begin >= end) return;
  const int dims = block.dims;
  int d = 0;
  for (; d + 16 * kValueVectors <= dims; d += 16 * kValueVectors)
    add_values_at<Cache, kQueries, kValueVectors>(block, out, weights, begin, end, d);
  for (; d + 16 <= dims; d += 16) add_values_at<Cache, kQueries, 1>(block, out, weights, begin, end, d);
  if (d == dims) return;
  for (int i = 0; i < kQueries; ++i) {  // dims is a multiple of 8: half a vector is left
    F sum = load_part(out[i].sum + d, 8);
    for (int j = begin; j < end; ++j) {
      typename Cache::Element part[16] = {};
      memcpy(part, (const typename Cache::Element*)block.v_pages[j / kPagePositions] + (j % kPagePositions) * dims + d, 8 * sizeof *part);
      sum = fma(splat(weights[i][j]), Cache::load16(part), sum);
    }
    store_part(out[i].sum + d, sum, 8);
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
    memset(out[i].sum, 0, (size_t)block.dims * sizeof(float));
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
void attend_queries(const AttendBlock& block, int query) {
  alignas(64) Scores scores[kQueries];
  int begin = kCacheBlock, end = 0;
  for (int i = query; i < query + kQueries; ++i) {
    if (block.first[i] >= block.last[i]) continue;
    begin = block.first[i] < begin ? block.first[i] : begin;
    end = block.last[i] > end ? block.last[i] : end;
  }
  if (begin < end) score<Cache, kQueries>(block, query, begin / kKeyTile, (end + kKeyTile - 1) / kKeyTile, scores);
  for (int i = 0; i < kQueries; ++i) {
    const AttendState out = block.out[query + i];
    if (block.first[query + i] < block.last[query + i]) {
      weigh(scores[i], block.first[query + i], block.last[query + i], out);
    } else {
      *out.max = -__builtin_inff();
      *out.weight = 0.0F;
    }
  }
  int i = 0;
  for (; i + kValueQueries <= kQueries; i += kValueQueries) add_visible_values<Cache, kValueQueries>(block, query + i, scores + i);
  if constexpr (kQueries % kValueQueries != 0) add_visible_values<Cache, kQueries % kValueQueries>(block, query + i, scores + i);
}

template <class Cache>
HALFBYTE_INLINE void attend(const AttendBlock& block) {
  for (int query = 0; query < block.n_queries; query += kScoreQueries) {
    const int n = block.n_queries - query < kScoreQueries ? block.n_queries - query : kScoreQueries;
    with_constant<kScoreQueries>(n, [&](auto count) { attend_queries<Cache, decltype(count)::value>(block, query); });
  }
}
void attend_f16(const AttendBlock& block) { attend<HalfCache>(block); }
void attend_f32(const AttendBlock& block) { attend<FloatCache>(block); }

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
