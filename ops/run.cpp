// One run of a compiled step: every thread walks the same list of stages.
#include <algorithm>

#include "ops/pass.h"

namespace halfbyte {

using namespace program;

const SliceRows& Program::Pass::slice_of(int token) const {
  for (const SliceRows& slice : input.slices)
    if (token < slice.first_row + slice.count) return slice;
  return input.slices.back();
}

void Program::Pass::run_stages(size_t first, size_t last) {
  for (size_t s = first; s < last; ++s) {
    const Stage& stage = p.stages_[s];
    if (input.trace != nullptr) input.trace->trace.mark(thread, input.trace->stage_names[s]);
    switch (stage.kind) {
      case Stage::Kind::kTokens:
        if (is_few) {
          run_tokens(stage, 0, tokens);
          continue;
        }
        run_tokens(stage, tokens * thread / p.threads_, tokens * (thread + 1) / p.threads_);
        break;
      case Stage::Kind::kProducts:
        prepare_changes(stage);
        run_products(stage);
        break;
      case Stage::Kind::kAttend: run_attend(stage); break;
      case Stage::Kind::kExperts: run_experts(stage); break;
      case Stage::Kind::kExpertSum: sum_experts(stage); break;
      case Stage::Kind::kLogits:
        if (std::ranges::none_of(gathered, [](const WantedRow& wanted) { return wanted.need.asks_logits(); })) break;
        reduce_logits(stage);
        if (!wants_sums()) break;
        wait();
        sum_exponentials(stage);
        break;
    }
    wait();
  }
}

void Program::Pass::wait() {
  if (input.trace != nullptr) input.trace->trace.mark(thread, "wait");
  pool.barrier(thread);
}

Result<Workspace> Program::workspace(const World& world) const {
  Workspace workspace;
  workspace.attention_.resize(shapes_.size());
  HB_TRY_INTO(workspace.shared_, world.allocate(shared_bytes_));
  for (int t = 0; t < threads_; ++t) {
    HB_TRY_ASSIGN(own, world.allocate(own_bytes_));
    workspace.own_.push_back(std::move(own));
    workspace.reductions_.emplace_back(kLogitsRows);
    workspace.cut_off_.emplace_back();
  }
  return workspace;
}

void Program::run(const StepInput& input, ThreadPool& pool, Workspace& workspace, const LogitsSink& sink) const {
  const int tokens = static_cast<int>(input.tokens.size());
  const bool is_few = tokens <= kFewTokens;
  workspace.positions_.clear();
  for (const SliceRows& slice : input.slices) workspace.positions_.push_back({slice.first_row, slice.count, slice.first_position});
  workspace.adapted_.clear();
  for (const SliceRows& slice : input.slices) {
    if (slice.adapters.empty()) continue;
    Workspace::AdaptedRows* last = workspace.adapted_.empty() ? nullptr : &workspace.adapted_.back();
    if (last != nullptr && last->first + last->count == slice.first_row && std::ranges::equal(last->adapters, slice.adapters))
      last->count += slice.count;
    else
      workspace.adapted_.push_back({slice.first_row, slice.count, slice.adapters});
  }
  for (size_t shape = 0; shape < shapes_.size(); ++shape)
    workspace.attention_[shape].plan(workspace.positions_, shapes_[shape], threads_, is_few);
  for (size_t i = 0; i < input.wanted.size(); ++i)  // none of the threads below can say that there is no memory
    for (std::vector<LogitsReduction>& rows : workspace.reductions_)
      rows[i % kLogitsRows].reserve(std::clamp(input.wanted[i].need.greatest, 1, vocabulary_));
  pool.run([&](int thread) {
    Pass pass{.p = *this,
              .input = input,
              .workspace = workspace,
              .pool = pool,
              .thread = thread,
              .tokens = tokens,
              .is_few = is_few,
              .body_is_few = is_few,
              .gathered = {}};
    pass.run_stages(0, head_begin_);
    for (size_t from = 0; from < input.wanted.size(); from += kLogitsRows) {
      pass.gathered = input.wanted.subspan(from, std::min<size_t>(kLogitsRows, input.wanted.size() - from));
      pass.tokens = static_cast<int>(pass.gathered.size());
      pass.is_few = pass.tokens <= kFewTokens;
      pass.run_stages(head_begin_, stages_.size());
      if (input.trace != nullptr) input.trace->trace.mark(thread, "choose");
      for (size_t i = 0; i < pass.gathered.size(); ++i)
        if (pass.is_mine(i)) sink(from + i, pass.delivered(i));
      if (from + kLogitsRows < input.wanted.size()) pass.wait();
    }
    if (input.trace != nullptr) input.trace->trace.mark(thread, "");
  });
}

}  // namespace halfbyte
