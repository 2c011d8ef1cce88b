// Attention stages.
#include <algorithm>
#include <cstring>
#include <limits>

#include "ops/pass.h"

namespace halfbyte {

using namespace program;

CacheKernels program::cache_kernels(const KernelTable& k, KvType type) {
  switch (type) {
    case KvType::kF16: break;
    case KvType::kBf16: return {k.store_k_bf16, k.store_v_bf16, k.attend_bf16};
    case KvType::kQ8_0: return {k.store_k_q8_0, k.store_v_q8_0, k.attend_q8_0};
    case KvType::kF32: return {k.store_k_f32, k.store_v_f32, k.attend_f32};
  }
  return {k.store_k_f16, k.store_v_f16, k.attend_f16};
}

// Query rows of one kv head against cache blocks first_block..last_block, merged into `out` in ascending order.
void Program::Pass::attend_rows(const Stage& stage, const SliceRows& slice, int kv_head, int first_block, int last_block,
                                std::span<const float* const> q, std::span<const int> positions, std::span<AttendState> out) const {
  const int layer = stage.attention.layer;
  const auto attend = cache_kernels(*p.kernels_, p.layout_.type()).attend;
  std::byte* const* pages = slice.pages[static_cast<size_t>(p.layout_.group_of(layer))];
  int first[kQueryRows], last[kQueryRows];
  AttendState partials[kQueryRows];
  auto* memory = reinterpret_cast<float*>(own() + p.own_states_) + static_cast<size_t>(kQueryRows) * p.partial_stride_;
  for (size_t i = 0; i < q.size(); ++i) partials[i] = state_at(memory + i * p.partial_stride_);
  for (size_t i = 0; i < q.size(); ++i) {
    std::memset(out[i].max, 0, p.partial_stride_ * sizeof(float));
    *out[i].max = -std::numeric_limits<float>::infinity();
  }
  for (int block = first_block; block <= last_block; ++block) {
    AttendBlock task{
        .dims = stage.head_dim, .n_queries = static_cast<int>(q.size()), .q = q.data(), .first = first, .last = last, .out = partials};
    const int base = block * kCacheBlock;
    int least = kCacheBlock, most = 0;
    for (size_t i = 0; i < q.size(); ++i) {
      const int begin = stage.attention.window > 0 ? std::max(0, positions[i] + 1 - stage.attention.window) : 0;
      first[i] = std::clamp(begin - base, 0, kCacheBlock);
      last[i] = std::clamp(positions[i] + 1 - base, first[i], kCacheBlock);
      if (first[i] == last[i]) continue;
      least = std::min(least, first[i]);
      most = std::max(most, last[i]);
    }
    if (least >= most) continue;
    for (int page = least / kPagePositions; page * kPagePositions < most; ++page) {
      const std::byte* at = pages[block * kPagesPerBlock + page];
      task.k_pages[page] = at + p.layout_.k_offset(layer, kv_head);
      task.v_pages[page] = at + p.layout_.v_offset(layer, kv_head);
    }
    attend(task);
    for (size_t i = 0; i < q.size(); ++i) p.kernels_->merge_partial(out[i], partials[i], stage.head_dim);
  }
}

namespace {

// Heads are taken `each` at a time and never across two groups: a group shares its keys and values.
int next_head(int head, int group, int each) { return std::min(head + each, (head / group + 1) * group); }

}  // namespace

// Few tokens: the tasks are (token, kv head, cache block); a group's heads are divided too while there are fewer tasks than threads
// could use. Each result stays apart and the next stage merges them, so a long context is shared by all threads.
void Program::Pass::attend_few(const Stage& stage) const {
  const int kv_heads = p.layout_.layer(stage.attention.layer).kv_heads;
  const int group = stage.heads / kv_heads;
  const int tasks = tokens * kv_heads * (parts_per_token == 1 ? 1 : most_blocks);
  const int heads_each = tasks >= 2 * p.threads_ ? std::min(group, kQueryRows) : 1;
  int turn = 0;
  for (int t = 0; t < tokens; ++t) {
    const SliceRows& slice = slice_of(t);
    const int at = position(t);
    const int first_block = stage.attention.window > 0 ? std::max(0, at + 1 - stage.attention.window) / kCacheBlock : 0;
    const int last_block = at / kCacheBlock;
    const int step = parts_per_token == 1 ? last_block - first_block + 1 : 1;
    for (int block = first_block; block <= last_block; block += step)
      for (int head = 0; head < stage.heads; head = next_head(head, group, heads_each)) {
        if (turn++ % p.threads_ != thread) continue;
        const float* q[kQueryRows];
        int positions[kQueryRows];
        AttendState out[kQueryRows];
        size_t n = 0;
        for (int h = head; h < next_head(head, group, heads_each); ++h, ++n) {
          q[n] = head_row(stage.q, t, h, stage.head_dim);
          positions[n] = at;
          out[n] = state_at(partial(t, h, (block - first_block) / step));
        }
        attend_rows(stage, slice, head / group, block, block + step - 1, {q, n}, {positions, n}, {out, n});
      }
  }
}

// Many tokens: the tasks are (tile of tokens, kv head), each over all the cache its tokens see.
void Program::Pass::attend_many(const Stage& stage) const {
  const int kv_heads = p.layout_.layer(stage.attention.layer).kv_heads;
  const int group = stage.heads / kv_heads;
  const int heads_each = std::min(group, kQueryRows);
  const int tile = std::max(1, kQueryRows / heads_each);
  auto* memory = reinterpret_cast<float*>(own() + p.own_states_);
  int turn = 0;
  for (const SliceRows& slice : input.slices)
    for (int from = 0; from < slice.count; from += tile)
      for (int head = 0; head < stage.heads; head = next_head(head, group, heads_each)) {
        if (turn++ % p.threads_ != thread) continue;
        const int end_head = next_head(head, group, heads_each);
        const int count = std::min(tile, slice.count - from);
        const float* q[kQueryRows];
        int positions[kQueryRows];
        AttendState out[kQueryRows];
        size_t n = 0;
        for (int t = from; t < from + count; ++t)
          for (int h = head; h < end_head; ++h, ++n) {
            q[n] = head_row(stage.q, slice.first_row + t, h, stage.head_dim);
            positions[n] = slice.first_position + t;
            out[n] = state_at(memory + n * p.partial_stride_);
          }
        const int window = stage.attention.window;
        const int first_block = window > 0 ? std::max(0, positions[0] + 1 - window) / kCacheBlock : 0;
        attend_rows(stage, slice, head / group, first_block, positions[n - 1] / kCacheBlock, {q, n}, {positions, n}, {out, n});
        n = 0;
        for (int t = from; t < from + count; ++t)
          for (int h = head; h < end_head; ++h, ++n)
            p.kernels_->finish_attend(out[n], stage.head_dim, head_row(stage.out, slice.first_row + t, h, stage.head_dim));
      }
}

void Program::Pass::run_attend(const Stage& stage) const {
  if (is_few)
    attend_few(stage);
  else
    attend_many(stage);
}

}  // namespace halfbyte
