// Who computes which part of a step's attention: tasks of known cost, dealt to the threads. Plain values in, plain values out.
#pragma once

#include <span>
#include <vector>

namespace halfbyte {

// Where the tokens of a slice stand in their sequence.
struct SlicePositions {
  int first_row = 0;  // index of its first token in the step
  int count = 0;
  int first_position = 0;
};

// What the tasks of a layer depend on; most models have one or two kinds of layers.
struct AttentionShape {
  int heads = 0, kv_heads = 0;
  int window = 0;  // 0: all positions
  bool operator==(const AttentionShape&) const = default;
};

// Some tokens of one slice and some heads of one group, against some blocks of the cache.
struct AttentionTask {
  int slice = 0;
  int first = 0, count = 0;  // tokens, by their index in the slice
  int head = 0, end_head = 0;
  int first_block = 0, last_block = 0;
  int part = -1;  // where the partial result of its one token goes; -1: the task sees all blocks and writes the output itself
  bool operator==(const AttentionTask&) const = default;
};

// A block's result is kept apart, or a task merges all of a token's blocks in ascending order: no bit depends on the choice.
class AttentionTasks {
 public:
  static constexpr int kQueryRows = 24;   // of one task: what one reading of keys and values serves
  static constexpr int kMostParts = 512;  // (token, block) pairs whose results are kept apart

  // `is_few`: the next stage merges every token's parts, so that every task writes one. Otherwise long tokens of short slices alone are
  // cut, those that would keep a thread when the others are done.
  void plan(std::span<const SlicePositions> slices, const AttentionShape& shape, int threads, bool is_few);

  std::span<const AttentionTask> of(int thread) const { return dealt_[static_cast<size_t>(thread)]; }
  // The parts of a token of the step: `count` of them from `first` on, in ascending order of their blocks. None: nothing is to be merged.
  struct Parts {
    int first = 0, count = 0;
  };
  Parts parts(int row) const { return parts_[static_cast<size_t>(row)]; }

 private:
  void plan_few(std::span<const SlicePositions> slices, const AttentionShape& shape);
  void plan_many(std::span<const SlicePositions> slices, const AttentionShape& shape);
  void deal_apart(const AttentionTask& token, const SlicePositions& slice, const AttentionShape& shape, int heads_each);
  void deal(const AttentionTask& task, double cost);

  std::vector<std::vector<AttentionTask>> dealt_;  // by thread
  std::vector<double> load_;                       // by thread
  std::vector<Parts> parts_;                       // by row
};

}  // namespace halfbyte
