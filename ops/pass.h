// One thread's view of a running step: where its rows lie, and the work of every kind of stage. Each kind has a file of its own.
#pragma once

#include <algorithm>

#include "ops/program.h"
#include "quant/panel.h"

namespace halfbyte {

struct Program::Pass {
  using Product = program::Product;
  using Slot = program::Slot;
  using Stage = program::Stage;
  using TokenOp = program::TokenOp;

  const Program& p;
  const StepInput& input;
  Workspace& workspace;
  ThreadPool& pool;
  int thread;
  int tokens = 0;       // rows of the stages being run
  bool is_few = false;  // token stages are done by every thread for itself
  bool body_is_few = false;
  std::span<const WantedRow> gathered;  // head: which rows of the body

  std::byte* shared() const { return workspace.shared_.data(); }
  std::byte* own() const { return workspace.own_[static_cast<size_t>(thread)].data(); }

  float* row(int slot, int token) const { return row(slot, token, is_few); }
  float* row(int slot, int token, bool few) const {
    const Slot& s = p.slots_[static_cast<size_t>(slot)];
    const BufferPlace& place = p.buffers_[static_cast<size_t>(s.buffer)];
    std::byte* base = few && s.is_replicated ? own() + place.own : shared() + place.shared;
    return reinterpret_cast<float*>(base) + static_cast<size_t>(token) * place.stride;
  }
  float* head_row(int slot, int token, int head, int head_dim) const {
    return row(slot, token) + static_cast<size_t>(head) * static_cast<size_t>(head_dim);
  }
  size_t stride(int slot) const { return p.buffers_[static_cast<size_t>(p.slots_[static_cast<size_t>(slot)].buffer)].stride; }
  int width(int slot) const { return p.slots_[static_cast<size_t>(slot)].width; }
  float* partial(int part, int head) const {
    return reinterpret_cast<float*>(shared() + p.shared_partials_) +
           (static_cast<size_t>(part) * static_cast<size_t>(p.max_heads_) + static_cast<size_t>(head)) * p.partial_stride_;
  }
  // Panels whose results of so many rows fit kUpBytes.
  static size_t panels_at_once(int rows) {
    return std::max<size_t>(1, kUpBytes / (static_cast<size_t>(rows) * kPanelRows * sizeof(float)));
  }
  static AttendState state_at(float* memory) { return {memory, memory + 1, memory + 16}; }

  // Writable view of a quantized row.
  struct Quantized {
    int8_t* q;
    float* scale;
    int16_t *sum32, *sum16;
  };
  static Quantized quantized_at(std::byte* base, const ActivationPlace& place, ActivationKind kind, size_t row, size_t row_stride) {
    const size_t at = (kind == ActivationKind::kPer256 ? place.values : 0) + row * row_stride;
    return {reinterpret_cast<int8_t*>(base + place.q) + at, reinterpret_cast<float*>(base + place.scale) + at / 32,
            reinterpret_cast<int16_t*>(base + place.sum32) + at / 32, reinterpret_cast<int16_t*>(base + place.sum16) + at / 16};
  }
  Quantized quantized(ActivationKind kind, int slot, int row) const {
    return quantized_at(is_few ? own() : shared(), is_few ? p.own_activations_ : p.shared_activations_, kind, static_cast<size_t>(row),
                        p.quantized_stride(slot));
  }
  Quantized gathered_row(ActivationKind kind, int slot, int row) const {
    return quantized_at(own(), p.own_gathered_, kind, static_cast<size_t>(row), p.quantized_stride(slot));
  }
  // Rows of a product's input rounded to bf16.
  size_t bf16_stride() const { return static_cast<size_t>(is_few ? kFewTokens : p.max_tokens_) * p.bf16_rows_ * kGroup; }
  uint16_t* rounded(int row) const {
    return reinterpret_cast<uint16_t*>(is_few ? own() + p.own_bf16_ : shared() + p.shared_bf16_) + static_cast<size_t>(row) * kGroup;
  }
  Activations view(const Quantized& x, const float* f, int slot, const uint16_t* bf16, size_t bf16_stride) const {
    const size_t q_stride = p.quantized_stride(slot);
    return {.q = x.q,
            .scale = x.scale,
            .sum32 = x.sum32,
            .sum16 = x.sum16,
            .f = f,
            .bf16 = bf16,
            .q_stride = q_stride,
            .scale_stride = q_stride / 32,
            .sum32_stride = q_stride / 32,
            .sum16_stride = q_stride / 16,
            .f_stride = stride(slot),
            .bf16_stride = bf16_stride};
  }

  // Input rows of a product, as every kind of kernel reads them.
  struct Rows {
    Activations per32, per256;
    int count;
    const Activations& of(ActivationKind kind) const { return kind == ActivationKind::kPer256 ? per256 : per32; }
  };
  Rows rows(int slot, int first, int count) const {
    const auto of = [&](ActivationKind kind) {
      return view(quantized(kind, slot, first), row(slot, first), slot, rounded(first), bf16_stride());
    };
    return {of(ActivationKind::kPer32), of(ActivationKind::kPer256), count};
  }

  // The pairs of a token and an expert that it is routed to, sorted by expert, then token.
  struct Pairs {
    int* first;  // those of expert e are first[e] .. first[e + 1]
    int* token;
    float* weight;
  };
  Pairs pairs() const {
    int* first = reinterpret_cast<int*>(own() + p.own_pairs_);
    int* token = first + p.max_experts_ + 2;
    return {first, token, reinterpret_cast<float*>(token + p.max_pairs_)};
  }

  void run_stages(size_t first, size_t last);
  void wait();
  void run_tokens(const Stage& stage, int begin, int end) const;
  void rope_table(const TokenOp& op, int token) const;
  void merge_attention(const TokenOp& op, int token) const;
  void route(const TokenOp& op, int token) const;
  void run_products(const Stage& stage) const;
  void multiply(const Linear& linear, PanelKernel* kernel, const Rows& x, size_t first, size_t last, float* y, size_t y_stride) const;
  void multiply_decoded(const Matrix& matrix, const Rows& x, size_t first, size_t last, float* y, size_t y_stride) const;
  // Places of what adapters' A make of a stage's input: one for each adapter of a row and matrix of the stage.
  using AdaptedRows = Workspace::AdaptedRows;
  size_t place_of(size_t adapter, MatrixId id) const {
    return static_cast<size_t>(p.place_in_stage_[static_cast<size_t>(id.index)]) * kMostAdapters + adapter;
  }
  float* ax(size_t place, int token) const {
    const size_t rows = is_few ? kFewTokens : static_cast<size_t>(p.max_tokens_);
    return reinterpret_cast<float*>(is_few ? own() + p.own_ax_ : shared() + p.shared_ax_) +
           (place * rows + static_cast<size_t>(token)) * static_cast<size_t>(p.adapter_rank_);
  }
  float* part_of_ax(size_t place, size_t group, int token) const {
    return reinterpret_cast<float*>(shared() + p.shared_ax_parts_) +
           ((place * p.ax_groups_ + group) * kFewTokens + static_cast<size_t>(token)) * static_cast<size_t>(p.adapter_rank_);
  }
  template <class Visit>
  void for_changes(const Stage& stage, Visit visit) const;
  bool has_changes(const Stage& stage) const;
  void prepare_changes(const Stage& stage);
  void multiply_a(const Stage& stage) const;
  void sum_parts(const Stage& stage) const;
  void add_changes(MatrixId id, size_t first, size_t last, float* y, size_t y_stride) const;
  void multiply_gated(const Product& product, const Rows& x, size_t first, size_t last, float* y, size_t y_stride) const;
  Pairs sort_pairs(const Stage& stage) const;
  Rows gather(const Stage& stage, std::span<const int> tokens_of_expert) const;
  void run_experts(const Stage& stage) const;
  void sum_experts(const Stage& stage) const;
  void finish_heads(const Product& product, size_t first_row, size_t last_row) const;
  void note_cut_off(std::span<const float> stored, program::HeadEpilogue::Role role) const;

  // The head, over the gathered rows.
  bool wants_rows() const {
    return std::ranges::any_of(gathered, [](const WantedRow& wanted) { return wanted.need.row; });
  }
  bool wants_sums() const {
    return std::ranges::any_of(gathered, [](const WantedRow& wanted) { return has_sums(wanted.need); });
  }
  std::span<LogitsReduction> reductions(int of_thread) const { return workspace.reductions_[static_cast<size_t>(of_thread)]; }
  float* exp_sums(size_t i) const { return reinterpret_cast<float*>(shared() + p.shared_exp_sums_) + i * p.vocabulary_blocks(); }
  float* draw_sums(size_t i) const {  // at temperature 1 they are the others
    return gathered[i].need.draw_temperature == 1 ? exp_sums(i) : exp_sums(kLogitsRows + i);
  }
  static bool has_sums(const LogitsNeed& need) { return need.log_sum_exp || need.draw_temperature != 0; }
  // Slices are dealt to the threads, so that several are sampled at the same time.
  bool is_mine(size_t i) const { return (&slice_of(gathered[i].row) - input.slices.data()) % p.threads_ == thread; }
  template <class Visit>
  void for_vocabulary(const Stage& stage, size_t step, Visit visit) const;
  void reduce_logits(const Stage& stage) const;
  void sum_exponentials(const Stage& stage) const;
  Logits delivered(size_t i) const;

  void run_attend(const Stage& stage) const;
  void attend_rows(const Stage& stage, const SliceRows& slice, int kv_head, int first_block, int last_block,
                   std::span<const float* const> q, std::span<const int> positions, std::span<AttendState> out) const;
  const SliceRows& slice_of(int token) const;
  int position(int token) const {
    const SliceRows& s = slice_of(token);
    return s.first_position + token - s.first_row;
  }
};

}  // namespace halfbyte
