// Gemma 3, text (arXiv 2503.19786): norms before and after each part, q and k normalised per head, GeGLU, embeddings times sqrt(width);
// five layers of six see a sliding window and turn with a rope base of their own.
#include <cmath>

#include "formats/tensor_names.h"
#include "models/llama.h"

namespace halfbyte {
namespace {

class Gemma3 : public Architecture {
 public:
  Gemma3(const Dims& dims, const RopeSettings& global, const RopeSettings& local, int pattern)
      : Architecture(dims), global_(global), local_(local), pattern_(pattern), layers_(static_cast<size_t>(dims.layers)) {}

  void forward(Step& s) const override {
    const Rope global = make_rope(global_, nullptr), local = make_rope(local_, nullptr);
    Tensor x = s.scale(s.embed(embedding_), std::sqrt(static_cast<float>(dims_.model)));
    for (const Layer& l : layers_) x = block(s, l, is_sliding(l.index) ? local : global, x);
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
    std::vector<KvLayer> out;
    for (const Layer& l : layers_) out.push_back({.kv_heads = dims_.kv_heads, .head_dim = dims_.head_dim, .window = window(l.index)});
    return out;
  }

 private:
  struct Layer {
    int index = 0;
    VectorId attn_norm, q_norm, k_norm, post_attention_norm, ffn_norm, post_ffw_norm;
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
      w.vector(name("post_attention_norm.weight"), post_attention_norm, d.model);
      w.vector(name("ffn_norm.weight"), ffn_norm, d.model);
      w.linear(name("ffn_gate"), gate, d.ffn, d.model);
      w.linear(name("ffn_up"), up, d.ffn, d.model);
      w.linear(name("ffn_down"), down, d.model, d.ffn);
      w.vector(name("post_ffw_norm.weight"), post_ffw_norm, d.model);
    }
  };

  bool is_sliding(int layer) const { return dims_.window > 0 && (layer + 1) % pattern_ != 0; }
  int window(int layer) const { return is_sliding(layer) ? dims_.window : 0; }
  // Scores are divided by the root of query_pre_attn_scalar: the head size, except in the 27B model (62 layers), where it is width / heads.
  float attention_scale() const {
    const float divisor =
        dims_.layers == 62 ? static_cast<float>(dims_.model) / static_cast<float>(dims_.heads) : static_cast<float>(dims_.head_dim);
    return 1 / std::sqrt(divisor);
  }

  Tensor block(Step& s, const Layer& l, const Rope& rope, Tensor x) const {
    const Attention attention{.layer = l.index, .window = window(l.index), .scale = attention_scale()};
    Tensor h = s.rms_norm(x, l.attn_norm, dims_.eps);
    Tensor q = s.rope(s.rms_norm(s.heads(s.linear(h, l.q), dims_.head_dim), l.q_norm, dims_.eps), rope);
    Tensor k = s.rope(s.rms_norm(s.heads(s.linear(h, l.k), dims_.head_dim), l.k_norm, dims_.eps), rope);
    Tensor v = s.heads(s.linear(h, l.v), dims_.head_dim);
    x = s.add(x, s.rms_norm(s.linear(s.attend(attention, q, k, v), l.o), l.post_attention_norm, dims_.eps));
    h = s.rms_norm(x, l.ffn_norm, dims_.eps);
    h = s.linear(s.geglu(s.linear(h, l.gate), s.linear(h, l.up)), l.down);
    return s.add(x, s.rms_norm(h, l.post_ffw_norm, dims_.eps));
  }

  RopeSettings global_, local_;
  int pattern_;
  std::vector<Layer> layers_;
  MatrixId embedding_;
  VectorId output_norm_;
  Linear head_;
};

}  // namespace

Result<std::unique_ptr<Architecture>> make_gemma3(const Metadata& metadata, int vocabulary) {
  HB_TRY_ASSIGN(dims, read_dims(metadata, "gemma3", vocabulary));
  HB_TRY_ASSIGN(global, read_rope(metadata, "gemma3", dims, Pairing::kHalves));
  HB_TRY_ASSIGN(pattern, metadata.unsigned_integer_or("gemma3.attention.sliding_window_pattern", 1, 1024, 6));
  RopeSettings local{.pairing = Pairing::kHalves, .dims = global.dims, .base = 10000};
  if (metadata.contains("gemma3.rope.freq_base_swa")) {
    HB_TRY_ASSIGN(base, metadata.positive_float("gemma3.rope.freq_base_swa"));
    local.base = base;
  }
  return std::unique_ptr<Architecture>(std::make_unique<Gemma3>(dims, global, local, static_cast<int>(pattern)));
}

}  // namespace halfbyte
