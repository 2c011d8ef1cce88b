// Attention stages.
#include <algorithm>
#include <cstring>
#include <limits>

#include "ops/pass.h"

namespace halfbyte {

using namespace program;

// Query rows of one kv head against cache blocks first_block..last_block, merged into `out` in ascending order.
void Program::Pass::attend_rows(const Stage& stage, const SliceRows& slice, int kv_head, int first_block, int last_block,
                                std::span<const float* const> q, std::span<const int> positions, std::span<AttendState> out) const {
  const int layer = stage.attention.layer;
  const KernelTable& k = *p.kernels_;
  const auto score = k.*p.layout_.k_type().score;
  const auto values = k.*p.layout_.v_type().values;
  std::byte* const* pages = slice.pages[static_cast<size_t>(p.layout_.group_of(layer))];
  int first[AttentionTasks::kQueryRows], last[AttentionTasks::kQueryRows];
  AttendState partials[AttentionTasks::kQueryRows];
  auto* memory = reinterpret_cast<float*>(own() + p.own_states_) + static_cast<size_t>(AttentionTasks::kQueryRows) * p.partial_stride_;
  for (size_t i = 0; i < q.size(); ++i) partials[i] = state_at(memory + i * p.partial_stride_);
  for (size_t i = 0; i < q.size(); ++i) {
    std::memset(out[i].max, 0, p.partial_stride_ * sizeof(float));
    *out[i].max = -std::numeric_limits<float>::infinity();
  }
  for (int block = first_block; block <= last_block; ++block) {
    AttendBlock task{.v_page_bytes = p.layout_.v_page_bytes(layer),
                     .k_dims = stage.k_dims,
                     .v_dims = stage.v_dims,
                     .n_queries = static_cast<int>(q.size()),
                     .q = q.data(),
                     .first = first,
                     .last = last,
                     .out = partials};
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
    k.attend(task, score, values);
    for (size_t i = 0; i < q.size(); ++i) k.merge_partial(out[i], partials[i], stage.v_dims);
  }
}

void Program::Pass::run_attend(const Stage& stage) const {
  const int group = stage.heads / p.shapes_[static_cast<size_t>(stage.shape)].kv_heads;
  auto* memory = reinterpret_cast<float*>(own() + p.own_states_);
  for (const AttentionTask& task : workspace.attention_[static_cast<size_t>(stage.shape)].of(thread)) {
    const SliceRows& slice = input.slices[static_cast<size_t>(task.slice)];
    const float* q[AttentionTasks::kQueryRows];
    int positions[AttentionTasks::kQueryRows];
    AttendState out[AttentionTasks::kQueryRows];
    size_t n = 0;
    const auto for_rows = [&](const auto& visit) {
      for (int t = task.first; t < task.first + task.count; ++t)
        for (int head = task.head; head < task.end_head; ++head) visit(slice.first_row + t, head);
    };
    for_rows([&](int row, int head) {
      q[n] = head_row(stage.q, row, head, stage.k_dims);
      positions[n] = slice.first_position + row - slice.first_row;
      out[n] = state_at(task.part < 0 ? memory + n * p.partial_stride_ : partial(task.part, head));
      ++n;
    });
    attend_rows(stage, slice, task.head / group, task.first_block, task.last_block, {q, n}, {positions, n}, {out, n});
    if (task.part >= 0) continue;
    n = 0;
    for_rows([&](int row, int head) { p.kernels_->finish_attend(out[n++], stage.v_dims, head_row(stage.out, row, head, stage.v_dims)); });
  }
}

}  // namespace halfbyte
