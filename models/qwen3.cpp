#include "models/qwen3.h"

#include "models/models.h"

namespace halfbyte {

Tensor Qwen3::block(Step& s, const Layer& l, const Rope& rope, Tensor x) const {
  const Attention attention{.layer = l.index, .window = dims_.window, .scale = dims_.attention_scale};
  Tensor h = s.rms_norm(x, l.attn_norm, dims_.eps);
  const Tensor q = s.rope(s.rms_norm(s.heads(s.linear(h, l.q), dims_.head_dim), l.q_norm, dims_.eps), rope);
  const Tensor k = s.rope(s.rms_norm(s.heads(s.linear(h, l.k), dims_.head_dim), l.k_norm, dims_.eps), rope);
  const Tensor v = s.heads(s.linear(h, l.v), dims_.head_dim);
  x = s.add(x, s.linear(s.attend(attention, q, k, v), l.o));
  h = s.rms_norm(x, l.ffn_norm, dims_.eps);
  return s.add(x, feed_forward(s, l, h));
}

Tensor Qwen3::feed_forward(Step& s, const Layer& l, Tensor h) const {
  return s.linear(s.swiglu(s.linear(h, l.gate), s.linear(h, l.up)), l.down);
}

void Qwen3::forward(Step& s) const {
  const Rope rope = make_rope(rope_, nullptr);
  Tensor x = embed(s);
  for (const Layer& l : layers_) x = block(s, l, rope, x);
  head(s, x);
}

void Qwen3::layer_weights(WeightList& w, Layer& l) const {
  Decoder::layer_weights(w, l);
  w.vector(l.name("attn_q_norm.weight"), l.q_norm, dims_.head_dim);
  w.vector(l.name("attn_k_norm.weight"), l.k_norm, dims_.head_dim);
}

Result<Dims> read_qwen3_dims(const Metadata& metadata, std::string_view architecture, int vocabulary) {
  HB_TRY_ASSIGN(dims, read_dims(metadata, architecture, vocabulary));
  dims.window = 0;  // configurations carry one that the released models do not use
  return dims;
}

Result<std::unique_ptr<Formula>> make_qwen3(const Metadata& metadata, int vocabulary) {
  HB_TRY_ASSIGN(dims, read_qwen3_dims(metadata, "qwen3", vocabulary));
  HB_TRY_ASSIGN(rope, read_rope(metadata, "qwen3", dims, Pairing::kHalves));
  return std::unique_ptr<Formula>(std::make_unique<Qwen3>(dims, rope));
}

}  // namespace halfbyte
