#include "models/decoder.h"

#include "formats/tensor_names.h"

namespace halfbyte {

std::string Decoder::Layer::name(std::string_view weight) const { return gguf_name(index, weight); }

void Decoder::layer_weights(WeightList& w, Layer& l) const {
  const Dims& d = dims_;
  w.vector(l.name("attn_norm.weight"), l.attn_norm, d.model);
  w.linear(l.name("attn_q"), l.q, d.heads * d.head_dim, d.model);
  w.linear(l.name("attn_k"), l.k, d.kv_heads * d.head_dim, d.model);
  w.linear(l.name("attn_v"), l.v, d.kv_heads * d.head_dim, d.model);
  w.linear(l.name("attn_output"), l.o, d.model, d.heads * d.head_dim);
  w.vector(l.name("ffn_norm.weight"), l.ffn_norm, d.model);
  feed_forward_weights(w, l);
}

void Decoder::feed_forward_weights(WeightList& w, Layer& l) const {
  const Dims& d = dims_;
  w.linear(l.name("ffn_gate"), l.gate, d.ffn, d.model);
  w.linear(l.name("ffn_up"), l.up, d.ffn, d.model);
  w.linear(l.name("ffn_down"), l.down, d.model, d.ffn);
}

void Decoder::weights(WeightList& w) {
  const bool is_tied = !w.has(gguf_name("output.weight"));
  w.table(gguf_name("token_embd.weight"), embedding_, dims_.vocabulary, dims_.model, !is_tied);
  for (size_t i = 0; i < layers_.size(); ++i) {
    layers_[i].index = static_cast<int>(i);
    layer_weights(w, layers_[i]);
  }
  w.vector(gguf_name("output_norm.weight"), output_norm_, dims_.model);
  if (!is_tied) w.linear(gguf_name("output"), head_, dims_.vocabulary, dims_.model);
}

void Decoder::head(Step& s, Tensor x) const {
  s.logits(s.rms_norm(s.output(x), output_norm_, dims_.eps), head_.matrix ? head_ : Linear{embedding_, {}});
}

void Decoder::state(StateList& list) const {
  const Dims& d = dims_;
  for (int i = 0; i < d.layers; ++i) list.paged(i, {.heads = d.kv_heads, .k_dims = d.head_dim, .v_dims = d.head_dim, .window = window(i)});
}

}  // namespace halfbyte
