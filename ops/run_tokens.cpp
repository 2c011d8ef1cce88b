// Stages of token operations: norms, quantization, tables, what merges and routes.
#include <cmath>
#include <cstring>
#include <limits>

#include "ops/pass.h"

namespace halfbyte {

using namespace program;

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
  const Stage& attend = p.stages_[static_cast<size_t>(op.index)];
  const AttentionTasks::Parts parts = workspace.attention_[static_cast<size_t>(attend.shape)].parts(token);
  if (parts.count == 0) return;  // its task wrote the result itself
  const AttendState merged = state_at(reinterpret_cast<float*>(own() + p.own_states_));
  for (int head = 0; head < attend.heads; ++head) {
    std::memset(merged.max, 0, p.partial_stride_ * sizeof(float));
    *merged.max = -std::numeric_limits<float>::infinity();
    for (int part = parts.first; part < parts.first + parts.count; ++part)
      p.kernels_->merge_partial(merged, state_at(partial(part, head)), attend.v_dims);
    p.kernels_->finish_attend(merged, attend.v_dims, head_row(op.out, token, head, attend.v_dims));
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
        case TokenOp::Kind::kRoundBf16: {
          const int rows_each = p.slots_[static_cast<size_t>(op.a)].rows;
          for (int r = t * rows_each; r < (t + 1) * rows_each; ++r) k.round_bf16(row(op.a, r), width(op.a), rounded(r), bf16_stride());
          break;
        }
      }
    }
  }
}

}  // namespace halfbyte
