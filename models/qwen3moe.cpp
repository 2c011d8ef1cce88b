// Qwen3 as a mixture of experts (arXiv 2505.09388): Qwen3's formula, and in each layer a router that sends a token to a few of many
// small feed-forward parts.
#include "base/errors.h"
#include "models/limits.h"
#include "models/models.h"
#include "models/qwen3.h"

namespace halfbyte {
namespace {

class Qwen3Moe : public Qwen3 {
 public:
  // The dimensions' ffn is an expert's.
  Qwen3Moe(const Dims& dims, const RopeSettings& rope, int experts, int used) : Qwen3(dims, rope), experts_(experts), used_(used) {}

 private:
  void feed_forward_weights(WeightList& w, Layer& l) const override {
    const Dims& d = dims_;
    w.linear(l.name("ffn_gate_inp"), l.router, experts_, d.model);
    w.matrices(l.name("ffn_gate_exps.weight"), l.experts.gate, experts_, d.ffn, d.model);
    w.matrices(l.name("ffn_up_exps.weight"), l.experts.up, experts_, d.ffn, d.model);
    w.matrices(l.name("ffn_down_exps.weight"), l.experts.down, experts_, d.model, d.ffn);
  }

  Tensor feed_forward(Step& s, const Layer& l, Tensor h) const override {
    return s.experts(h, s.route(s.linear(h, l.router), used_), l.experts);
  }

  int experts_, used_;
};

}  // namespace

Result<std::unique_ptr<Formula>> make_qwen3moe(const Metadata& metadata, int vocabulary) {
  HB_TRY_ASSIGN(dims, read_qwen3_dims(metadata, "qwen3moe", vocabulary));
  HB_TRY_ASSIGN(rope, read_rope(metadata, "qwen3moe", dims, Pairing::kHalves));
  HB_TRY_ASSIGN(experts, metadata.unsigned_integer("qwen3moe.expert_count", 1, limits::kExperts));
  HB_TRY_ASSIGN(used, metadata.unsigned_integer("qwen3moe.expert_used_count", 1, experts));
  HB_TRY_ASSIGN(ffn, metadata.unsigned_integer("qwen3moe.expert_feed_forward_length", 1, limits::kWidth));
  HB_TRY_ASSIGN(renormalises, metadata.flag_or("qwen3moe.expert_weights_norm", true));
  if (!renormalises)
    return unsupported("{}: qwen3moe.expert_weights_norm is false; this build runs experts whose weights add up to 1", metadata.path());
  dims.ffn = static_cast<int>(ffn);
  return std::unique_ptr<Formula>(std::make_unique<Qwen3Moe>(dims, rope, static_cast<int>(experts), static_cast<int>(used)));
}

}  // namespace halfbyte
