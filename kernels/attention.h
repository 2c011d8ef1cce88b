// Plain structs of the attention kernels. A "cache block" is 256 absolute positions; it is the unit of partial sums.
// For one kv head and one cache block, for each of n_queries query rows i (canonical order):
//   s[j]  = fma chain over d ascending of q[i][d] * K[j][d]              (q comes already multiplied by the attention scale; q8_0: below)
//   m     = max of s[j] over first[i] <= j < last[i]                      (positions relative to the block; empty: m = -inf, l = 0, sum = 0)
//   p[j]  = exp(s[j] - m) for those j, else 0
//   l     = sum of p over 16 lanes: lane j % 16 adds its p in ascending j; lanes are then added pairwise (i, i+8), (i, i+4), (i, i+2), (i, i+1)
//   sum[d] = fma chain over j ascending of p[j] * V[j][d]
// K is stored in tiles of 16 keys, [dim][16 keys]; V in rows [dim]. Both lie in pages of 32 positions (2 K tiles, 32 V rows).
// q8_0: int8 q with one half-precision scale per position, head and 32 dims, as the published engines have it;
//   scale = greatest magnitude / 127, q = the nearest even integer of x * (127 / greatest magnitude). Scales lie beside what they scale:
//     K tile: for each 32 dims: [16 scales][8 quads of dims][16 keys][4 dims]; the last 32 may be fewer
//     V page: [32 rows][dims], then for each 32 dims: [32 scales]
//   Scores are products of integers: each query row is quantized per 32 dims as activations are (quant/activation.h; a float32 scale), and
//   s[j] = fma(float(i), k_scale * q_scale, s[j]) from 0 over ascending blocks of 32, i the exact dot product, the product of scales rounded.
//   Values are summed as fma((p[j] * scale), q, sum[d]), the product rounded.
#pragma once

#include <cstddef>

namespace halfbyte {

constexpr int kPagePositions = 32;
constexpr int kCacheBlock = 256;
constexpr int kScaleDims = 32;  // dims that share a scale of a q8_0 cache
constexpr int kPagesPerBlock = kCacheBlock / kPagePositions;

// Keys and values have kernels of their own, one for each number type: attend() asks one of each.
//
// Running attention of one query row: greatest score, weight sum, weighted value sum[v_dims].
struct AttendState {
  float* max;
  float* weight;
  float* sum;
};

struct AttendBlock {
  // Pages of this block for one kv head; entries past the last needed position may be null.
  const void* k_pages[kPagesPerBlock];  // each: 2 tiles of 16 keys
  const void* v_pages[kPagesPerBlock];  // each: 32 rows [v_dims], then their scales
  size_t v_page_bytes;                  // of those of one page: what is fetched ahead
  int k_dims, v_dims;                   // of a key, of a value: multiples of 8, at most 512
  int n_queries;
  const float* const* q;  // [n_queries] -> row of k_dims
  const int* first;       // [n_queries] first visible position, 0..256
  const int* last;        // [n_queries] one past the last, <= 256
  AttendState* out;       // [n_queries] partial results of this block
};

// s[j] of `count` query rows from `query` on, for the tiles of 16 keys from first_tile to last_tile.
using ScoreKernel = void(const AttendBlock& block, int query, int count, int first_tile, int last_tile, float (*scores)[kCacheBlock]);
// sum[d] of those rows, from their p[j]; zeros where a row sees nothing.
using ValuesKernel = void(const AttendBlock& block, int query, int count, const float (*weights)[kCacheBlock]);

// merge_partial(state, partial): m = max(state.m, partial.m); a = exp(state.m - m), b = exp(partial.m - m) (0 where its m is -inf);
//   weight = fma(state.weight, a, partial.weight * b); sum[d] = fma(state.sum[d], a, partial.sum[d] * b). A state starts as (-inf, 0, 0).

}  // namespace halfbyte
