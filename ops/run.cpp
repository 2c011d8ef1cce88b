// One run of a compiled step: every thread walks the same list of stages.
#include <algorithm>
#include <cmath>
#include <cstring>
#include <limits>
#include <numeric>

#include "base/checked.h"
#include "ops/program.h"
#include "quant/panel.h"

namespace halfbyte {

using namespace program;

namespace {

struct CacheKernels {
  decltype(KernelTable::store_k_f16) store_k;
  decltype(KernelTable::store_v_f16) store_v;
  decltype(KernelTable::attend_f16) attend;
};

CacheKernels cache_kernels(const KernelTable& k, KvType type) {
  switch (type) {
    case KvType::kF16: break;
    case KvType::kBf16: return {k.store_k_bf16, k.store_v_bf16, k.attend_bf16};
    case KvType::kQ8_0: return {k.store_k_q8_0, k.store_v_q8_0, k.attend_q8_0};
    case KvType::kF32: return {k.store_k_f32, k.store_v_f32, k.attend_f32};
  }
  return {k.store_k_f16, k.store_v_f16, k.attend_f16};
}

// Consecutive rows of a step that take the same kernels.
struct Run {
  int first = 0, count = 0;
  bool is_fast = false;
};

bool is_fast(const SliceInput& slice) { return slice.count >= kFastPromptTokens; }

std::vector<Run> runs_of(std::span<const SliceInput> slices) {
  std::vector<Run> runs;
  for (const SliceInput& slice : slices) {
    if (runs.empty() || runs.back().is_fast != is_fast(slice)) runs.push_back({slice.first_row, 0, is_fast(slice)});
    runs.back().count += slice.count;
  }
  return runs;
}

}  // namespace

// One thread's view of a running step.
struct Program::Pass {
  const Program& p;
  const StepInput& input;
  Workspace& workspace;
  ThreadPool& pool;
  int thread;
  int tokens = 0;       // rows of the stages being run
  bool is_few = false;  // token stages are done by every thread for itself
  bool body_is_few = false;
  std::span<const WantedRow> gathered;  // head: which rows of the body
  std::span<const Run> runs;            // body: which rows take fast products

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
  float* partial(int token, int head, int part) const {
    return reinterpret_cast<float*>(shared() + p.shared_partials_) +
           (static_cast<size_t>(token * parts_per_token + part) * static_cast<size_t>(p.max_heads_) + static_cast<size_t>(head)) *
               p.partial_stride_;
  }
  // Panels whose results of so many rows fit kUpBytes.
  static size_t panels_at_once(int rows) {
    return std::max<size_t>(1, kUpBytes / (static_cast<size_t>(rows) * kPanelRows * sizeof(float)));
  }
  static AttendState state_at(float* memory) { return {memory, memory + 1, memory + 16}; }

  // Attention: at few tokens the results of each cache block are kept apart, unless there are too many of them.
  int parts_per_token = 1;
  int most_blocks = 1;

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
  // Rows of the body rounded to bf16, of a product's input.
  size_t bf16_stride() const { return static_cast<size_t>(p.max_tokens_) * kGroup; }
  uint16_t* rounded(int token) const {
    return reinterpret_cast<uint16_t*>(shared() + p.shared_bf16_) + static_cast<size_t>(token) * kGroup;
  }
  Activations view(const Quantized& x, const float* f, int slot) const {
    const size_t q_stride = p.quantized_stride(slot);
    return {.q = x.q,
            .scale = x.scale,
            .sum32 = x.sum32,
            .sum16 = x.sum16,
            .f = f,
            .q_stride = q_stride,
            .scale_stride = q_stride / 32,
            .sum32_stride = q_stride / 32,
            .sum16_stride = q_stride / 16,
            .f_stride = stride(slot)};
  }

  // Input rows of a product, as every kind of kernel reads them.
  struct Rows {
    Activations per32, per256;
    int count;
    const Activations& of(ActivationKind kind) const { return kind == ActivationKind::kPer256 ? per256 : per32; }
  };
  Rows rows(int slot, int first, int count) const {
    const auto of = [&](ActivationKind kind) { return view(quantized(kind, slot, first), row(slot, first), slot); };
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
  void run_tokens(const Stage& stage, int begin, int end) const;
  void rope_table(const TokenOp& op, int token) const;
  void merge_attention(const TokenOp& op, int token) const;
  void route(const TokenOp& op, int token) const;
  void run_products(const Stage& stage) const;
  void multiply(const Linear& linear, const Kernels& kernels, const Rows& x, size_t first, size_t last, float* y, size_t y_stride) const;
  void multiply_decoded(const Matrix& matrix, const Rows& x, size_t first, size_t last, float* y, size_t y_stride) const;
  void multiply_gated(const Product& product, const Rows& x, size_t first, size_t last, float* y, size_t y_stride) const;
  Pairs sort_pairs(const Stage& stage) const;
  Rows gather(const Stage& stage, std::span<const int> tokens_of_expert) const;
  void run_experts(const Stage& stage) const;
  void sum_experts(const Stage& stage) const;
  void finish_heads(const Product& product, size_t first_row, size_t last_row) const;

  // The head, over the gathered rows.
  bool wants(bool LogitsNeed::* what) const {
    return std::ranges::any_of(gathered, [&](const WantedRow& wanted) { return wanted.need.*what; });
  }
  std::span<LogitsReduction> reductions(int of_thread) const { return workspace.reductions_[static_cast<size_t>(of_thread)]; }
  float* exp_sums(size_t i) const { return reinterpret_cast<float*>(shared() + p.shared_exp_sums_) + i * p.vocabulary_blocks(); }
  template <class Visit>
  void for_vocabulary(const Stage& stage, size_t step, Visit visit) const;
  void reduce_logits(const Stage& stage) const;
  void sum_exponentials(const Stage& stage) const;
  Logits delivered(size_t i) const;

  void run_attend(const Stage& stage) const;
  void attend_few(const Stage& stage) const;
  void attend_many(const Stage& stage) const;
  void attend_rows(const Stage& stage, const SliceInput& slice, int kv_head, int first_block, int last_block,
                   std::span<const float* const> q, std::span<const int> positions, std::span<AttendState> out) const;
  const SliceInput& slice_of(int token) const;
  int position(int token) const {
    const SliceInput& s = slice_of(token);
    return s.first_position + token - s.first_row;
  }
};

const SliceInput& Program::Pass::slice_of(int token) const {
  for (const SliceInput& slice : input.slices)
    if (token < slice.first_row + slice.count) return slice;
  return input.slices.back();
}

void Program::Pass::rope_table(const TokenOp& op, int token) const {
  const Rope& rope = p.ropes_[static_cast<size_t>(op.index)];
  float* cosines = row(op.out, token);
  float* sines = cosines + width(op.out) / 2;
  const auto at = static_cast<float>(position(token));
  for (size_t i = 0; i < rope.inverse_frequency.size(); ++i) {
    // The angle is rounded to float32 as the reference implementations do.
    const double angle = at * rope.inverse_frequency[i];
    cosines[i] = static_cast<float>(std::cos(angle)) * rope.magnitude;
    sines[i] = static_cast<float>(std::sin(angle)) * rope.magnitude;
  }
}

void Program::Pass::merge_attention(const TokenOp& op, int token) const {
  if (!is_few) return;  // attend_many wrote the result itself
  const Stage& attend = p.stages_[static_cast<size_t>(op.index)];
  const size_t floats = p.partial_stride_;
  const AttendState merged = state_at(reinterpret_cast<float*>(own() + p.own_states_));
  const int at = position(token);
  const int first = attend.attention.window > 0 ? std::max(0, at + 1 - attend.attention.window) / kCacheBlock : 0;
  const int parts = parts_per_token == 1 ? 1 : at / kCacheBlock - first + 1;
  for (int head = 0; head < attend.heads; ++head) {
    std::memset(merged.max, 0, floats * sizeof(float));
    *merged.max = -std::numeric_limits<float>::infinity();
    for (int part = 0; part < parts; ++part) p.kernels_->merge_partial(merged, state_at(partial(token, head, part)), attend.head_dim);
    p.kernels_->finish_attend(merged, attend.head_dim, head_row(op.out, token, head, attend.head_dim));
  }
}

void Program::Pass::route(const TokenOp& op, int token) const {
  const float* scores = row(op.a, token);
  const int used = width(op.out) / 2;
  float* experts = row(op.out, token);
  float* weights = experts + used;
  const auto score = [&](float expert) { return scores[static_cast<size_t>(expert)]; };
  // Kept by falling score. Comparisons with NaN are false: whatever the scores, there are `used` experts, each once.
  int kept = 0;
  for (int e = 0; e < width(op.a); ++e) {
    int at = kept;
    while (at > 0 && scores[e] > score(experts[at - 1])) --at;
    if (at == used) continue;
    kept = std::min(kept + 1, used);
    std::copy_backward(experts + at, experts + kept - 1, experts + kept);
    experts[at] = static_cast<float>(e);
  }
  std::sort(experts, experts + used);
  std::transform(experts, experts + used, weights, score);
  p.kernels_->softmax(weights, used, weights);
}

void Program::Pass::run_tokens(const Stage& stage, int begin, int end) const {
  const KernelTable& k = *p.kernels_;
  for (const TokenOp& op : stage.ops) {
    for (int t = begin; t < end; ++t) {
      switch (op.kind) {
        case TokenOp::Kind::kRopeTable: rope_table(op, t); break;
        case TokenOp::Kind::kEmbed: {
          const auto token = static_cast<uint32_t>(input.tokens[static_cast<size_t>(t)]);
          (*p.weights_)[op.table].decode_row(token, own() + p.own_raw_, row(op.out, t));
          break;
        }
        case TokenOp::Kind::kEmbedPosition:
          (*p.weights_)[op.table].decode_row(static_cast<uint32_t>(position(t)), own() + p.own_raw_, row(op.out, t));
          break;
        case TokenOp::Kind::kGather:
          std::memcpy(row(op.out, t), row(op.a, gathered[static_cast<size_t>(t)].row, body_is_few),
                      static_cast<size_t>(width(op.out)) * sizeof(float));
          break;
        case TokenOp::Kind::kRmsNorm: k.rms_norm(row(op.a, t), (*p.weights_)[op.weight], op.value, width(op.out), row(op.out, t)); break;
        case TokenOp::Kind::kLayerNorm:
          k.layer_norm(row(op.a, t), (*p.weights_)[op.weight], (*p.weights_)[op.bias], op.value, width(op.out), row(op.out, t));
          break;
        case TokenOp::Kind::kAdd: k.add(row(op.a, t), row(op.b, t), width(op.out), row(op.out, t)); break;
        case TokenOp::Kind::kScale: k.scale(row(op.a, t), op.value, width(op.out), row(op.out, t)); break;
        case TokenOp::Kind::kSwiglu: k.swiglu(row(op.a, t), row(op.b, t), width(op.out), row(op.out, t)); break;
        case TokenOp::Kind::kGeglu: k.geglu(row(op.a, t), row(op.b, t), width(op.out), row(op.out, t)); break;
        case TokenOp::Kind::kGelu: k.gelu(row(op.a, t), width(op.out), row(op.out, t)); break;
        case TokenOp::Kind::kRoute: route(op, t); break;
        case TokenOp::Kind::kMergeAttention: merge_attention(op, t); break;
        case TokenOp::Kind::kQuantize32:
        case TokenOp::Kind::kQuantize256: {
          const bool is_per32 = op.kind == TokenOp::Kind::kQuantize32;
          const int rows_each = p.slots_[static_cast<size_t>(op.a)].rows;
          for (int r = t * rows_each; r < (t + 1) * rows_each; ++r) {
            const Quantized x = quantized(is_per32 ? ActivationKind::kPer32 : ActivationKind::kPer256, op.a, r);
            (is_per32 ? k.quantize_per32 : k.quantize_per256)(row(op.a, r), width(op.a), x.q, x.scale, x.sum32, x.sum16);
          }
          break;
        }
        case TokenOp::Kind::kRoundBf16:
          if (is_fast(slice_of(t))) p.fast_kernels_->round_bf16(row(op.a, t), width(op.a), rounded(t), bf16_stride());
          break;
      }
    }
  }
}

// The slow and always right way: 16 rows are decoded to a panel of float32 and multiplied by unquantized activations.
void Program::Pass::multiply_decoded(const Matrix& matrix, const Rows& x, size_t first, size_t last, float* y, size_t y_stride) const {
  auto* tile = reinterpret_cast<float*>(own() + p.own_tile_);
  auto* decoded = reinterpret_cast<float*>(own() + p.own_raw_);
  std::byte* raw = own() + p.own_scratch_;
  const size_t columns = matrix.columns;
  for (size_t panel = first; panel < last; ++panel) {
    for (size_t lane = 0; lane < kPanelRows; ++lane) {
      const auto r = static_cast<uint32_t>(panel * kPanelRows + lane);
      if (r < matrix.rows)
        matrix.decode_row(r, raw, decoded);
      else
        std::memset(decoded, 0, columns * sizeof(float));
      for (size_t c = 0; c < columns; ++c) tile[c * kPanelRows + lane] = decoded[c];
    }
    p.kernels_->panel_f32(own() + p.own_tile_, columns * kPanelRows * sizeof(float), 1, x.of(ActivationKind::kFloat),
                          static_cast<int>(columns), x.count, y + (panel - first) * kPanelRows, y_stride, own() + p.own_scratch_);
  }
}

// y[t][0..] = rows of panels first..last of the matrix, plus bias.
void Program::Pass::multiply(const Linear& linear, const Kernels& kernels, const Rows& x, size_t first, size_t last, float* y,
                             size_t y_stride) const {
  const Matrix& matrix = (*p.weights_)[linear.matrix];
  const auto run_kernel = [&](PanelKernel* kernel, const Activations& a, int from, int count) {
    kernel(matrix.data + first * matrix.stride, matrix.stride, static_cast<int>(last - first), a, static_cast<int>(matrix.columns), count,
           y + static_cast<size_t>(from) * y_stride, y_stride, own() + p.own_scratch_);
  };
  const Activations& all = x.of(matrix.format->activations);
  if (kernels.usual == nullptr)
    multiply_decoded(matrix, x, first, last, y, y_stride);
  else if (kernels.fast == nullptr)
    run_kernel(kernels.usual, all, 0, x.count);
  else  // x has all rows of the body
    for (const Run& run : runs) {
      if (run.is_fast)
        run_kernel(kernels.fast, {.bf16 = rounded(run.first), .bf16_stride = bf16_stride()}, run.first, run.count);
      else
        run_kernel(kernels.usual, all.from(static_cast<size_t>(run.first)), run.first, run.count);
    }
  if (const float* bias = (*p.weights_)[linear.bias]; bias != nullptr)
    for (int t = 0; t < x.count; ++t) {
      float* out = y + static_cast<size_t>(t) * y_stride;
      p.kernels_->add(out, bias + first * kPanelRows, static_cast<int>((last - first) * kPanelRows), out);
    }
}

// The same of a gated pair, a few panels at a time.
void Program::Pass::multiply_gated(const Product& product, const Rows& x, size_t first, size_t last, float* y, size_t y_stride) const {
  auto* up = reinterpret_cast<float*>(own() + p.own_up_);
  const auto activation = product.gate == Product::Gate::kSwiglu ? p.kernels_->swiglu : p.kernels_->geglu;
  const size_t batch = panels_at_once(x.count);
  for (size_t at = first; at < last; at += batch) {
    const size_t end = std::min(at + batch, last), columns = (end - at) * kPanelRows;
    float* gated = y + (at - first) * kPanelRows;
    multiply(product.linear, product.kernels, x, at, end, gated, y_stride);
    multiply(product.up, product.up_kernels, x, at, end, up, columns);
    for (size_t t = 0; t < static_cast<size_t>(x.count); ++t)
      activation(gated + t * y_stride, up + t * columns, static_cast<int>(columns), gated + t * y_stride);
  }
}

void Program::Pass::finish_heads(const Product& product, size_t first_row, size_t last_row) const {
  const HeadEpilogue& h = product.heads;
  const KernelTable& k = *p.kernels_;
  const auto dim = static_cast<size_t>(h.head_dim);
  const float* norm = (*p.weights_)[h.norm];
  const CacheKernels cache = cache_kernels(k, p.layout_.type());
  for (int t = 0; t < tokens; ++t) {
    const SliceInput& slice = slice_of(t);
    const int at = slice.first_position + t - slice.first_row;
    for (size_t first = first_row; first < last_row; first += dim) {
      float* x = row(product.out, t) + first;
      if (norm != nullptr) k.rms_norm(x, norm, h.eps, h.head_dim, x);
      if (h.rope >= 0) {
        const Rope& rope = p.ropes_[static_cast<size_t>(h.rope)];
        const int slot = p.rope_slots_[static_cast<size_t>(h.rope)];
        const float* cosines = row(slot, t);
        const float* sines = cosines + width(slot) / 2;
        const int dims = 2 * static_cast<int>(rope.inverse_frequency.size());
        (rope.pairing == Pairing::kHalves ? k.rope_halves : k.rope_adjacent)(x, cosines, sines, dims);
      }
      if (h.role == HeadEpilogue::Role::kQuery) {
        k.scale(x, h.scale, h.head_dim, x);
        continue;
      }
      const int kv_head = static_cast<int>(first / dim);
      std::byte* page = slice.pages[static_cast<size_t>(p.layout_.group_of(h.layer))][at / kPagePositions];
      const int in_page = at % kPagePositions;
      if (h.role == HeadEpilogue::Role::kKey) {
        std::byte* tile = page + p.layout_.k_offset(h.layer, kv_head) + static_cast<size_t>(in_page / 16) * p.layout_.k_tile_bytes(h.layer);
        cache.store_k(x, h.head_dim, in_page % 16, tile);
      } else {
        cache.store_v(x, h.head_dim, in_page, page + p.layout_.v_offset(h.layer, kv_head));
      }
    }
  }
}

void Program::Pass::run_products(const Stage& stage) const {
  const KernelTable& k = *p.kernels_;
  const Rows x = rows(stage.input, 0, tokens);
  for (const PanelRange& range : stage.shares[static_cast<size_t>(thread)]) {
    const Product& product = stage.products[static_cast<size_t>(range.product)];
    const size_t first_row = size_t{range.first} * kPanelRows, last_row = size_t{range.last} * kPanelRows;
    const int columns = static_cast<int>(last_row - first_row);
    float* y = row(product.out, 0) + first_row;
    if (product.gate == Product::Gate::kNone)
      multiply(product.linear, product.kernels, x, range.first, range.last, y, stride(product.out));
    else
      multiply_gated(product, x, range.first, range.last, y, stride(product.out));
    for (int t = 0; t < tokens; ++t) {
      float* out = row(product.out, t) + first_row;
      if (product.has_gelu) k.gelu(out, columns, out);
      if (product.residual >= 0) k.add(row(product.residual, t) + first_row, out, columns, out);
    }
    if (product.heads.role != HeadEpilogue::Role::kNone)
      finish_heads(product, first_row, std::min<size_t>(last_row, (*p.weights_)[product.linear.matrix].rows));
  }
}

Program::Pass::Pairs Program::Pass::sort_pairs(const Stage& stage) const {
  const int used = width(stage.routing) / 2;
  const auto experts = stage.experts.front().matrices.size();
  const Pairs out = pairs();
  // Expert e counts in first[e + 2] and, the counts added up, takes its places from first[e + 1]: which then is where it ends.
  std::fill_n(out.first, experts + 2, 0);
  for (int t = 0; t < tokens; ++t)
    for (int i = 0; i < used; ++i) ++out.first[static_cast<size_t>(row(stage.routing, t)[i]) + 2];
  std::partial_sum(out.first, out.first + experts + 2, out.first);
  for (int t = 0; t < tokens; ++t)
    for (int i = 0; i < used; ++i) {
      const float* routing = row(stage.routing, t);
      const int at = out.first[static_cast<size_t>(routing[i]) + 1]++;
      out.token[at] = t;
      out.weight[at] = routing[used + i];
    }
  return out;
}

// An expert's input rows side by side, as its kernels read them.
Program::Pass::Rows Program::Pass::gather(const Stage& stage, std::span<const int> tokens_of_expert) const {
  const int slot = stage.input, count = static_cast<int>(tokens_of_expert.size());
  if (count == 1) return rows(slot, tokens_of_expert[0], 1);
  const auto kind_of = [&](const ExpertProduct& product) {
    return product.kernel == nullptr ? ActivationKind::kFloat : (*p.weights_)[product.matrices.front()].format->activations;
  };
  const ActivationKind gate = kind_of(stage.experts[0]), up = kind_of(stage.experts[1]);
  auto* floats = reinterpret_cast<float*>(own() + p.own_gathered_floats_);
  const auto copy = [&](ActivationKind kind, int token, int to_row) {
    if (kind == ActivationKind::kFloat) {
      std::memcpy(floats + static_cast<size_t>(to_row) * stride(slot), row(slot, token), stride(slot) * sizeof(float));
      return;
    }
    const Quantized from = quantized(kind, slot, token), to = gathered_row(kind, slot, to_row);
    const size_t values = p.quantized_stride(slot);
    std::memcpy(to.q, from.q, values);
    std::memcpy(to.scale, from.scale, values / 32 * sizeof(float));
    std::memcpy(to.sum32, from.sum32, values / 32 * sizeof(int16_t));
    std::memcpy(to.sum16, from.sum16, values / 16 * sizeof(int16_t));
  };
  for (int i = 0; i < count; ++i) {
    copy(gate, tokens_of_expert[static_cast<size_t>(i)], i);
    if (up != gate) copy(up, tokens_of_expert[static_cast<size_t>(i)], i);
  }
  const auto of = [&](ActivationKind kind) { return view(gathered_row(kind, slot, 0), floats, slot); };
  return {of(ActivationKind::kPer32), of(ActivationKind::kPer256), count};
}

// The panels of all experts that have tokens are one list, and each thread takes a stretch of it of equal cost.
void Program::Pass::run_experts(const Stage& stage) const {
  const ExpertProduct &gate = stage.experts[0], &up = stage.experts[1];
  const size_t panels = (*p.weights_)[gate.matrices.front()].panels();
  const Pairs sorted = sort_pairs(stage);
  const auto cost_of = [&](size_t e) {  // of a panel
    const int count = sorted.first[e + 1] - sorted.first[e];
    return static_cast<size_t>(count == 0 ? 0 : std::max(count, kRowsPerRead));
  };
  size_t total = 0;
  for (size_t e = 0; e < gate.matrices.size(); ++e) total += cost_of(e) * panels;
  const auto threads = static_cast<size_t>(p.threads_), here = static_cast<size_t>(thread);
  const size_t share_begin = total * here / threads, share_end = total * (here + 1) / threads;
  size_t before = 0;  // cost of the experts before this one
  for (size_t e = 0; e < gate.matrices.size(); ++e) {
    const size_t cost = cost_of(e);
    if (cost == 0) continue;
    // A panel belongs to the share that it begins in.
    const auto panels_before = [&](size_t end) { return end <= before ? 0 : std::min<size_t>(panels, ceil_div(end - before, cost)); };
    const size_t first = panels_before(share_begin), last = panels_before(share_end);
    before += cost * panels;
    if (first == last) continue;
    const Product product{
        .linear = {gate.matrices[e], {}},
        .gate = Product::Gate::kSwiglu,
        .up = {up.matrices[e], {}},
        .kernels = {.usual = gate.kernel},
        .up_kernels = {.usual = up.kernel}
    };
    for (int from = sorted.first[e]; from < sorted.first[e + 1]; from += kExpertRows) {
      const int count = std::min(kExpertRows, sorted.first[e + 1] - from);
      const Rows x = gather(stage, {sorted.token + from, static_cast<size_t>(count)});
      multiply_gated(product, x, first, last, row(stage.out, from) + first * kPanelRows, stride(stage.out));
    }
  }
}

// A thread has the same panels of every expert, so that it alone adds up an output:
//   y = 0, then y = y + weight * down for the token's experts, ascending (two roundings each), then residual + y
void Program::Pass::sum_experts(const Stage& stage) const {
  const KernelTable& k = *p.kernels_;
  const ExpertProduct& down = stage.experts.front();
  const auto threads = static_cast<size_t>(p.threads_), here = static_cast<size_t>(thread);
  const size_t panels = (*p.weights_)[down.matrices.front()].panels();
  const size_t first = panels * here / threads, last = panels * (here + 1) / threads;
  const auto out = [&](int token, size_t panel) { return row(stage.out, token) + panel * kPanelRows; };
  for (int t = 0; t < tokens; ++t) std::memset(out(t, first), 0, (last - first) * kPanelRows * sizeof(float));
  const Pairs sorted = pairs();  // by run_experts
  auto* y = reinterpret_cast<float*>(own() + p.own_up_);
  for (size_t e = 0; e < down.matrices.size(); ++e) {
    const int from = sorted.first[e], count = sorted.first[e + 1] - from;
    if (count == 0) continue;
    const Rows x = rows(stage.input, from, count);
    const size_t batch = panels_at_once(count);
    for (size_t at = first; at < last; at += batch) {
      const size_t end = std::min(at + batch, last);
      const int columns = static_cast<int>((end - at) * kPanelRows);
      multiply({down.matrices[e], {}}, {.usual = down.kernel}, x, at, end, y, static_cast<size_t>(columns));
      for (int i = 0; i < count; ++i) {
        float* weighted = y + static_cast<size_t>(i) * static_cast<size_t>(columns);
        float* sum = out(sorted.token[from + i], at);
        k.scale(weighted, sorted.weight[from + i], columns, weighted);
        k.add(sum, weighted, columns, sum);
      }
    }
  }
  if (stage.residual < 0) return;
  for (int t = 0; t < tokens; ++t)
    k.add(row(stage.residual, t) + first * kPanelRows, out(t, first), static_cast<int>((last - first) * kPanelRows), out(t, first));
}

// visit(first token, tokens) for this thread's part of the vocabulary, `step` tokens at a time: whole blocks.
template <class Visit>
void Program::Pass::for_vocabulary(const Stage& stage, size_t step, Visit visit) const {
  for (const PanelRange& range : stage.shares[static_cast<size_t>(thread)]) {
    const size_t end = std::min<size_t>(range.last * kPanelRows, static_cast<size_t>(p.vocabulary_));
    for (size_t token = range.first * kPanelRows; token < end; token += step) visit(token, std::min(step, end - token));
  }
}

// Logits are reduced while they are in the cache, and their memory is used again unless somebody wants to see whole rows.
void Program::Pass::reduce_logits(const Stage& stage) const {
  const Product& product = stage.products[0];
  const std::span<LogitsReduction> reduced = reductions(thread);
  for (size_t i = 0; i < gathered.size(); ++i) {
    const LogitsNeed& need = gathered[i].need;
    reduced[i].restart(need.log_sum_exp ? std::max(need.greatest, 1) : need.greatest);
  }
  const bool keeps_rows = wants(&LogitsNeed::row) || wants(&LogitsNeed::log_sum_exp);
  const size_t y_stride = keeps_rows ? stride(product.out) : kLogitsAtOnce;
  for_vocabulary(stage, kLogitsAtOnce, [&](size_t token, size_t count) {
    float* y = keeps_rows ? row(product.out, 0) + token : reinterpret_cast<float*>(own() + p.own_logits_);
    multiply(product.linear, product.kernels, rows(stage.input, 0, tokens), token / kPanelRows, ceil_div(token + count, kPanelRows), y,
             y_stride);
    for (size_t i = 0; i < gathered.size(); ++i) reduced[i].add(*p.kernels_, {y + i * y_stride, count}, static_cast<Token>(token));
  });
}

// Exponentials are taken relative to the row's greatest logit, so they wait until every thread has found its own.
void Program::Pass::sum_exponentials(const Stage& stage) const {
  for (size_t i = 0; i < gathered.size(); ++i) {
    if (!gathered[i].need.log_sum_exp) continue;
    float top = reductions(0)[i].top();
    for (int t = 1; t < p.threads_; ++t) top = std::max(top, reductions(t)[i].top());
    const float* logits = row(stage.products[0].out, static_cast<int>(i));
    for_vocabulary(stage, kVocabularyBlock, [&](size_t token, size_t count) {
      exp_sums(i)[token / kVocabularyBlock] = p.kernels_->sum_exp(logits + token, top, static_cast<int>(count));
    });
  }
}

// On one thread, when all have reduced their parts.
Logits Program::Pass::delivered(size_t i) const {
  const LogitsNeed& need = gathered[i].need;
  LogitsReduction& reduced = reductions(0)[i];
  for (int t = 1; t < p.threads_; ++t) reduced.add(reductions(t)[i]);
  if (reduced.not_finite()) return {.not_finite = reduced.not_finite()};
  const std::span<const Candidate> candidates = reduced.sort();
  Logits out{.greatest = candidates.first(std::min(candidates.size(), static_cast<size_t>(need.greatest)))};
  if (need.log_sum_exp) {
    double sum = 0;
    for (size_t block = 0; block < p.vocabulary_blocks(); ++block) sum += static_cast<double>(exp_sums(i)[block]);
    out.log_sum_exp = static_cast<double>(candidates.front().logit) + std::log(sum);
  }
  if (need.row) out.row = {row(p.logits_slot_, static_cast<int>(i)), static_cast<size_t>(p.vocabulary_)};
  return out;
}

// Query rows of one kv head against cache blocks first_block..last_block, merged into `out` in ascending order.
void Program::Pass::attend_rows(const Stage& stage, const SliceInput& slice, int kv_head, int first_block, int last_block,
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
    const SliceInput& slice = slice_of(t);
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
  for (const SliceInput& slice : input.slices)
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

void Program::Pass::run_stages(size_t first, size_t last) {
  for (size_t s = first; s < last; ++s) {
    const Stage& stage = p.stages_[s];
    switch (stage.kind) {
      case Stage::Kind::kTokens:
        if (is_few) {
          run_tokens(stage, 0, tokens);
          continue;
        }
        run_tokens(stage, tokens * thread / p.threads_, tokens * (thread + 1) / p.threads_);
        break;
      case Stage::Kind::kProducts: run_products(stage); break;
      case Stage::Kind::kAttend: run_attend(stage); break;
      case Stage::Kind::kExperts: run_experts(stage); break;
      case Stage::Kind::kExpertSum: sum_experts(stage); break;
      case Stage::Kind::kLogits:
        reduce_logits(stage);
        if (!wants(&LogitsNeed::log_sum_exp)) break;
        pool.barrier(thread);
        sum_exponentials(stage);
        break;
    }
    pool.barrier(thread);
  }
}

Result<Workspace> Program::workspace() const {
  Workspace workspace;
  HB_TRY_ASSIGN(shared, Buffer::allocate(shared_bytes_));
  workspace.shared_ = std::move(shared);
  for (int t = 0; t < threads_; ++t) {
    HB_TRY_ASSIGN(own, Buffer::allocate(own_bytes_));
    workspace.own_.push_back(std::move(own));
    workspace.reductions_.emplace_back(kLogitsRows);
  }
  return workspace;
}

void Program::run(const StepInput& input, ThreadPool& pool, Workspace& workspace, const LogitsSink& sink) const {
  const int tokens = static_cast<int>(input.tokens.size());
  const bool is_few = tokens <= kFewTokens;
  int most_blocks = 1;
  for (const SliceInput& slice : input.slices)
    most_blocks = std::max(most_blocks, (slice.first_position + slice.count - 1) / kCacheBlock + 1);
  const int parts = tokens * most_blocks <= kMostPartials ? most_blocks : 1;
  const std::vector<Run> runs = runs_of(input.slices);
  pool.run([&](int thread) {
    Pass pass{.p = *this,
              .input = input,
              .workspace = workspace,
              .pool = pool,
              .thread = thread,
              .tokens = tokens,
              .is_few = is_few,
              .body_is_few = is_few,
              .gathered = {},
              .runs = runs,
              .parts_per_token = parts,
              .most_blocks = most_blocks};
    pass.run_stages(0, head_begin_);
    for (size_t from = 0; from < input.wanted.size(); from += kLogitsRows) {
      pass.gathered = input.wanted.subspan(from, std::min<size_t>(kLogitsRows, input.wanted.size() - from));
      pass.tokens = static_cast<int>(pass.gathered.size());
      pass.is_few = pass.tokens <= kFewTokens;
      pass.run_stages(head_begin_, stages_.size());
      if (thread == 0)
        for (size_t i = 0; i < pass.gathered.size(); ++i) sink(from + i, pass.delivered(i));
      if (from + kLogitsRows < input.wanted.size()) pool.barrier(thread);
    }
  });
}

}  // namespace halfbyte
