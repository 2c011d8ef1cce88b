#include "ops/attention_tasks.h"

#include <algorithm>

#include "kernels/attention.h"

namespace halfbyte {
namespace {

struct Blocks {
  int first, last;
  int count() const { return last - first + 1; }
};

// Those that the tokens from `position` to `last_position` see.
Blocks blocks_of(const AttentionShape& shape, int position, int last_position) {
  return {shape.window > 0 ? std::max(0, position + 1 - shape.window) / kCacheBlock : 0, last_position / kCacheBlock};
}

int positions_seen(const AttentionShape& shape, int position) {
  return shape.window > 0 ? std::min(position + 1, shape.window) : position + 1;
}

// Heads are taken `each` at a time and never across two groups: a group shares its keys and values.
int next_head(int head, int group, int each) { return std::min(head + each, (head / group + 1) * group); }

double cost_of(const AttentionTask& task, const SlicePositions& slice, const AttentionShape& shape) {
  constexpr int kReading = 2;  // what reading a key and a value costs, in queries
  const int seen = std::min(positions_seen(shape, slice.first_position + task.first + task.count - 1),
                            (task.last_block - task.first_block + 1) * kCacheBlock);
  return static_cast<double>(kReading + task.count * (task.end_head - task.head)) * seen;
}

}  // namespace

// To the thread that has least to do so far.
void AttentionTasks::deal(const AttentionTask& task, double cost) {
  const auto thread = static_cast<size_t>(std::ranges::min_element(load_) - load_.begin());
  load_[thread] += cost;
  dealt_[thread].push_back(task);
}

// Tasks of a token whose blocks, or all of them at once, leave their results apart.
void AttentionTasks::deal_apart(const AttentionTask& token, const SlicePositions& slice, const AttentionShape& shape, int heads_each) {
  const int count = parts_[static_cast<size_t>(slice.first_row + token.first)].count;
  AttentionTask task = token;
  for (int i = 0; i < count; ++i) {
    task.part = token.part + i;
    if (count > 1) task.first_block = task.last_block = token.first_block + i;
    for (task.head = 0; task.head < shape.heads; task.head = task.end_head) {
      task.end_head = next_head(task.head, shape.heads / shape.kv_heads, heads_each);
      deal(task, cost_of(task, slice, shape));
    }
  }
}

void AttentionTasks::plan(std::span<const SlicePositions> slices, const AttentionShape& shape, int threads, bool is_few) {
  dealt_.resize(static_cast<size_t>(threads));
  for (auto& tasks : dealt_) tasks.clear();
  load_.assign(static_cast<size_t>(threads), 0);
  parts_.assign(slices.empty() ? 0 : static_cast<size_t>(slices.back().first_row + slices.back().count), {});
  if (is_few)
    plan_few(slices, shape);
  else
    plan_many(slices, shape);
}

void AttentionTasks::plan_few(std::span<const SlicePositions> slices, const AttentionShape& shape) {
  const auto for_tokens = [&](const auto& visit) {
    for (size_t s = 0; s < slices.size(); ++s)
      for (int t = 0; t < slices[s].count; ++t) {
        const int position = slices[s].first_position + t;
        const Blocks blocks = blocks_of(shape, position, position);
        visit(slices[s], AttentionTask{static_cast<int>(s), t, 1, 0, 0, blocks.first, blocks.last});
      }
  };
  int blocks = 0;
  for_tokens([&](const SlicePositions&, const AttentionTask& token) { blocks += token.last_block - token.first_block + 1; });
  const bool has_room = blocks <= kMostParts;
  const int tasks = (has_room ? blocks : static_cast<int>(parts_.size())) * shape.kv_heads;
  // A group's heads are divided too while there are fewer tasks than threads could use.
  const int heads_each = tasks >= 2 * static_cast<int>(load_.size()) ? kQueryRows : 1;
  int part = 0;
  for_tokens([&](const SlicePositions& slice, AttentionTask token) {
    const int count = has_room ? token.last_block - token.first_block + 1 : 1;
    parts_[static_cast<size_t>(slice.first_row + token.first)] = {part, count};
    token.part = part;
    part += count;
    deal_apart(token, slice, shape, heads_each);
  });
}

void AttentionTasks::plan_many(std::span<const SlicePositions> slices, const AttentionShape& shape) {
  const int group = shape.heads / shape.kv_heads;
  const int tile = std::max(1, kQueryRows / std::min(group, kQueryRows));
  // visit(task, slice) for every tile and all its heads at once.
  const auto for_tiles = [&](const auto& visit) {
    for (size_t s = 0; s < slices.size(); ++s)
      for (int from = 0; from < slices[s].count; from += tile) {
        const int count = std::min(tile, slices[s].count - from);
        const int position = slices[s].first_position + from;
        const Blocks blocks = blocks_of(shape, position, position + count - 1);
        visit(AttentionTask{static_cast<int>(s), from, count, 0, group, blocks.first, blocks.last}, slices[s]);
      }
  };
  double total = 0;
  for_tiles([&](const AttentionTask& task, const SlicePositions& slice) { total += shape.kv_heads * cost_of(task, slice, shape); });
  const double fair = total / static_cast<double>(load_.size());
  int part = 0;
  for_tiles([&](AttentionTask task, const SlicePositions& slice) {
    const int blocks = task.last_block - task.first_block + 1;
    if (slice.count == 1 && blocks > 1 && cost_of(task, slice, shape) > fair / 8 && part + blocks <= kMostParts) {
      parts_[static_cast<size_t>(slice.first_row)] = {part, blocks};
      task.part = part;
      part += blocks;
      deal_apart(task, slice, shape, kQueryRows);
      return;
    }
    for (task.head = 0; task.head < shape.heads; task.head = task.end_head) {
      task.end_head = next_head(task.head, group, kQueryRows);
      deal(task, cost_of(task, slice, shape));
    }
  });
}

}  // namespace halfbyte
