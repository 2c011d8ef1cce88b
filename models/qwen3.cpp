// Qwen3 (arXiv 2505.09388): pre-norm decoder; grouped-query attention, q and k normalised per head; SwiGLU.
#include <cmath>

#include "formats/tensor_names.h"
#include "models/llama.h"

namespace halfbyte {
namespace {

class Qwen3 : public Architecture {
 public:
  Qwen3(const Dims& dims, const RopeSettings& rope) : Architecture(dims), rope_(rope), layers_(static_cast<size_t>(dims.layers)) {}

  void forward(Step& s) const override {
    const Rope rope = make_rope(rope_, nullptr);
    Tensor x = s.embed(embedding_);
    for (const Layer& l : layers_) x = block(s, l, rope, x);
    x = s.rms_norm(s.output(x), output_norm_, dims_.eps);
    s.logits(x, head_.matrix ? head_ : Linear{embedding_, {}});
  }

  void weights(WeightList& w) override {
    const bool is_tied = !w.has(gguf_name("output.weight"));
    w.table(gguf_name("token_embd.weight"), embedding_, dims_.vocabulary, dims_.model, !is_tied);
    for (size_t i = 0; i < layers_.size(); ++i) {
      layers_[i].index = static_cast<int>(i);
      layers_[i].weights(dims_, w);
    }
    w.vector(gguf_name("output_norm.weight"), output_norm_, dims_.model);
    if (!is_tied) w.linear(gguf_name("output"), head_, dims_.vocabulary, dims_.model);
  }

  std::vector<KvLayer> cache() const override {
    return std::vector<KvLayer>(layers_.size(), {.kv_heads = dims_.kv_heads, .head_dim = dims_.head_dim, .window = 0});
  }

 private:
  struct Layer {
    int index = 0;
    VectorId attn_norm, q_norm, k_norm, ffn_norm;
    Linear q, k, v, o, gate, up, down;

    void weights(const Dims& d, WeightList& w) {
      const auto name = [&](std::string_view weight) { return gguf_name(index, weight); };
      w.vector(name("attn_norm.weight"), attn_norm, d.model);
      w.linear(name("attn_q"), q, d.heads * d.head_dim, d.model);
      w.linear(name("attn_k"), k, d.kv_heads * d.head_dim, d.model);
      w.linear(name("attn_v"), v, d.kv_heads * d.head_dim, d.model);
      w.vector(name("attn_q_norm.weight"), q_norm, d.head_dim);
      w.vector(name("attn_k_norm.weight"), k_norm, d.head_dim);
      w.linear(name("attn_output"), o, d.model, d.heads * d.head_dim);
      w.vector(name("ffn_norm.weight"), ffn_norm, d.model);
      w.linear(name("ffn_gate"), gate, d.ffn, d.model);
      w.linear(name("ffn_up"), up, d.ffn, d.model);
      w.linear(name("ffn_down"), down, d.model, d.ffn);
    }
  };

  Tensor block(Step& s, const Layer& l, const Rope& rope, Tensor x) const {
    const Attention attention{.layer = l.index, .window = 0, .scale = 1 / std::sqrt(static_cast<float>(dims_.head_dim))};
    Tensor h = s.rms_norm(x, l.attn_norm, dims_.eps);
    Tensor q = s.rope(s.rms_norm(s.heads(s.linear(h, l.q), dims_.head_dim), l.q_norm, dims_.eps), rope);
    Tensor k = s.rope(s.rms_norm(s.heads(s.linear(h, l.k), dims_.head_dim), l.k_norm, dims_.eps), rope);
    Tensor v = s.heads(s.linear(h, l.v), dims_.head_dim);
    x = s.add(x, s.linear(s.attend(attention, q, k, v), l.o));
    h = s.rms_norm(x, l.ffn_norm, dims_.eps);
    return s.add(x, s.linear(s.swiglu(s.linear(h, l.gate), s.linear(h, l.up)), l.down));
  }

  RopeSettings rope_;
  std::vector<Layer> layers_;
  MatrixId embedding_;
  VectorId output_norm_;
  Linear head_;
};

}  // namespace

Result<std::unique_ptr<Architecture>> make_qwen3(const Metadata& metadata, int vocabulary) {
  HB_TRY_ASSIGN(dims, read_dims(metadata, "qwen3", vocabulary));
  HB_TRY_ASSIGN(rope, read_rope(metadata, "qwen3", dims, Pairing::kHalves));
  return std::unique_ptr<Architecture>(std::make_unique<Qwen3>(dims, rope));
}

}  // namespace halfbyte
