// Qwen3 (arXiv 2505.09388): pre-norm decoder; grouped-query attention, q and k normalised per head; SwiGLU.
#include <cmath>

#include "models/decoder.h"
#include "models/models.h"
#include "models/rope.h"

namespace halfbyte {
namespace {

class Qwen3 : public Decoder {
 public:
  Qwen3(const Dims& dims, const RopeSettings& rope) : Decoder(dims), rope_(rope) {}

  void forward(Step& s) const override {
    const Rope rope = make_rope(rope_, nullptr);
    Tensor x = embed(s);
    for (const Layer& l : layers_) x = block(s, l, rope, x);
    head(s, x);
  }

 private:
  void layer_weights(WeightList& w, Layer& l) const override {
    Decoder::layer_weights(w, l);
    w.vector(l.name("attn_q_norm.weight"), l.q_norm, dims_.head_dim);
    w.vector(l.name("attn_k_norm.weight"), l.k_norm, dims_.head_dim);
  }

  Tensor block(Step& s, const Layer& l, const Rope& rope, Tensor x) const {
    const Attention attention{.layer = l.index, .window = dims_.window, .scale = 1 / std::sqrt(static_cast<float>(dims_.head_dim))};
    Tensor h = s.rms_norm(x, l.attn_norm, dims_.eps);
    const Tensor q = s.rope(s.rms_norm(s.heads(s.linear(h, l.q), dims_.head_dim), l.q_norm, dims_.eps), rope);
    const Tensor k = s.rope(s.rms_norm(s.heads(s.linear(h, l.k), dims_.head_dim), l.k_norm, dims_.eps), rope);
    const Tensor v = s.heads(s.linear(h, l.v), dims_.head_dim);
    x = s.add(x, s.linear(s.attend(attention, q, k, v), l.o));
    h = s.rms_norm(x, l.ffn_norm, dims_.eps);
    return s.add(x, s.linear(s.swiglu(s.linear(h, l.gate), s.linear(h, l.up)), l.down));
  }

  RopeSettings rope_;
};

}  // namespace

Result<std::unique_ptr<Architecture>> make_qwen3(const Metadata& metadata, int vocabulary) {
  HB_TRY_ASSIGN(dims, read_dims(metadata, "qwen3", vocabulary));
  dims.window = 0;  // configurations carry one that the released models do not use
  HB_TRY_ASSIGN(rope, read_rope(metadata, "qwen3", dims, Pairing::kHalves));
  return std::unique_ptr<Architecture>(std::make_unique<Qwen3>(dims, rope));
}

}  // namespace halfbyte
