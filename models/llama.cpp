#include "models/llama.h"

#include "formats/tensor_names.h"
#include "models/models.h"

namespace halfbyte {

Tensor Llama::block(Step& s, const Layer& l, const Rope& rope, Tensor x) const {
  const Attention attention{.layer = l.index, .window = dims_.window, .scale = dims_.attention_scale};
  Tensor h = s.rms_norm(x, l.attn_norm, dims_.eps);
  const Tensor q = s.rope(s.heads(s.linear(h, l.q), dims_.head_dim), rope);
  const Tensor k = s.rope(s.heads(s.linear(h, l.k), dims_.head_dim), rope);
  const Tensor v = s.heads(s.linear(h, l.v), dims_.head_dim);
  x = s.add(x, s.linear(s.attend(attention, q, k, v), l.o));
  h = s.rms_norm(x, l.ffn_norm, dims_.eps);
  return s.add(x, s.linear(s.swiglu(s.linear(h, l.gate), s.linear(h, l.up)), l.down));
}

void Llama::forward(Step& s) const {
  const Rope rope = make_rope(rope_, s.weights()[rope_factors_]);
  Tensor x = embed(s);
  for (const Layer& l : layers_) x = block(s, l, rope, x);
  head(s, x);
}

void Llama::weights(WeightList& w) {
  Decoder::weights(w);
  w.optional_vector(gguf_name("rope_freqs.weight"), rope_factors_, rope_.dims / 2);
}

Result<std::unique_ptr<Formula>> make_llama(const Metadata& metadata, int vocabulary) {
  HB_TRY_ASSIGN(dims, read_dims(metadata, "llama", vocabulary));
  HB_TRY_ASSIGN(rope, read_rope(metadata, "llama", dims, Pairing::kAdjacent));
  return std::unique_ptr<Formula>(std::make_unique<Llama>(dims, rope));
}

}  // namespace halfbyte
