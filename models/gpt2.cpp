// GPT-2 (Radford et al. 2019): pre-norm decoder with layer norms, learned positions, q, k and v in one matrix, GELU; biases everywhere.
#include "base/errors.h"
#include "formats/tensor_names.h"
#include "models/formula.h"
#include "models/models.h"

namespace halfbyte {
namespace {

class Gpt2 : public Formula {
 public:
  explicit Gpt2(const Dims& dims) : Formula(dims), layers_(static_cast<size_t>(dims.layers)) {}

  void weights(WeightList& w) override {
    const Dims& d = dims_;
    const bool is_tied = !w.has(gguf_name("output.weight"));
    w.table(gguf_name("token_embd.weight"), tokens_, d.vocabulary, d.model, !is_tied);
    w.table(gguf_name("position_embd.weight"), positions_, d.context, d.model, true);
    for (int i = 0; i < d.layers; ++i) {
      Layer& l = layers_[static_cast<size_t>(i)];
      norm(w, gguf_name(i, "attn_norm"), l.attn_norm);
      const std::string qkv = gguf_name(i, "attn_qkv");
      w.linear_rows(qkv, l.q, 0 * d.model, d.model, 3 * d.model, d.model);
      w.linear_rows(qkv, l.k, 1 * d.model, d.model, 3 * d.model, d.model);
      w.linear_rows(qkv, l.v, 2 * d.model, d.model, 3 * d.model, d.model);
      w.linear(gguf_name(i, "attn_output"), l.o, d.model, d.model);
      norm(w, gguf_name(i, "ffn_norm"), l.ffn_norm);
      w.linear(gguf_name(i, "ffn_up"), l.up, d.ffn, d.model);
      w.linear(gguf_name(i, "ffn_down"), l.down, d.model, d.ffn);
    }
    norm(w, gguf_name("output_norm"), output_norm_);
    if (!is_tied) w.linear(gguf_name("output"), head_, d.vocabulary, d.model);
  }

  void forward(Step& s) const override {
    Tensor x = s.add(s.embed(tokens_), s.embed_position(positions_));
    for (size_t i = 0; i < layers_.size(); ++i) x = block(s, layers_[i], static_cast<int>(i), x);
    s.logits(normed(s, s.output(x), output_norm_), head_.matrix ? head_ : Linear{tokens_, {}});
  }

  void state(StateList& list) const override {
    for (int i = 0; i < dims_.layers; ++i) list.paged(i, {.heads = dims_.kv_heads, .k_dims = dims_.head_dim, .v_dims = dims_.head_dim});
  }

 private:
  struct LayerNorm {
    VectorId weight, bias;
  };
  struct Layer {
    LayerNorm attn_norm, ffn_norm;
    Linear q, k, v, o, up, down;
  };

  void norm(WeightList& w, const std::string& name, LayerNorm& norm) const {
    w.vector(name + ".weight", norm.weight, dims_.model);
    w.vector(name + ".bias", norm.bias, dims_.model);
  }
  Tensor normed(Step& s, Tensor x, const LayerNorm& norm) const { return s.layer_norm(x, norm.weight, norm.bias, dims_.eps); }

  Tensor block(Step& s, const Layer& l, int index, Tensor x) const {
    const Attention attention{.layer = index, .scale = dims_.attention_scale};
    Tensor h = normed(s, x, l.attn_norm);
    const Tensor q = s.heads(s.linear(h, l.q), dims_.head_dim);
    const Tensor k = s.heads(s.linear(h, l.k), dims_.head_dim);
    const Tensor v = s.heads(s.linear(h, l.v), dims_.head_dim);
    x = s.add(x, s.linear(s.attend(attention, q, k, v), l.o));
    h = normed(s, x, l.ffn_norm);
    return s.add(x, s.linear(s.gelu(s.linear(h, l.up)), l.down));
  }

  MatrixId tokens_, positions_;
  std::vector<Layer> layers_;
  LayerNorm output_norm_;
  Linear head_;
};

}  // namespace

Result<std::unique_ptr<Formula>> make_gpt2(const Metadata& metadata, int vocabulary) {
  HB_TRY_ASSIGN(dims, read_dims(metadata, "gpt2", vocabulary, "attention.layer_norm_epsilon"));
  if (dims.kv_heads != dims.heads || dims.heads * dims.head_dim != dims.model)
    return unsupported("{}: gpt2 with {} heads of {} and {} kv heads; this build needs heads that make up the width of {}", metadata.path(),
                       dims.heads, dims.head_dim, dims.kv_heads, dims.model);
  return std::unique_ptr<Formula>(std::make_unique<Gpt2>(dims));
}

}  // namespace halfbyte
