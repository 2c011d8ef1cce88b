// Gemma 3, text (arXiv 2503.19786): norms before and after each part, q and k normalised per head, GeGLU, embeddings times sqrt(width);
// five layers of six see a sliding window and turn with a rope base of their own.
#include <algorithm>
#include <cmath>

#include "base/errors.h"
#include "models/decoder.h"
#include "models/models.h"
#include "models/rope.h"

namespace halfbyte {
namespace {

class Gemma3 : public Decoder {
 public:
  Gemma3(const Dims& dims, const RopeSettings& global, const RopeSettings& local, int pattern)
      : Decoder(dims), global_(global), local_(local), pattern_(pattern) {}

  void forward(Step& s) const override {
    const Rope global = make_rope(global_, nullptr), local = make_rope(local_, nullptr);
    Tensor x = s.scale(embed(s), std::sqrt(static_cast<float>(dims_.model)));
    for (const Layer& l : layers_) x = block(s, l, is_sliding(l.index) ? local : global, x);
    head(s, x);
  }

 private:
  void layer_weights(WeightList& w, Layer& l) const override {
    Decoder::layer_weights(w, l);
    w.vector(l.name("attn_q_norm.weight"), l.q_norm, dims_.head_dim);
    w.vector(l.name("attn_k_norm.weight"), l.k_norm, dims_.head_dim);
    w.vector(l.name("post_attention_norm.weight"), l.post_attention_norm, dims_.model);
    w.vector(l.name("post_ffw_norm.weight"), l.post_ffw_norm, dims_.model);
  }

  bool is_sliding(int layer) const { return dims_.window > 0 && (layer + 1) % pattern_ != 0; }
  int window(int layer) const override { return is_sliding(layer) ? dims_.window : 0; }
  Tensor block(Step& s, const Layer& l, const Rope& rope, Tensor x) const {
    const Attention attention{.layer = l.index, .window = window(l.index), .scale = dims_.attention_scale};
    Tensor h = s.rms_norm(x, l.attn_norm, dims_.eps);
    const Tensor q = s.rope(s.rms_norm(s.heads(s.linear(h, l.q), dims_.head_dim), l.q_norm, dims_.eps), rope);
    const Tensor k = s.rope(s.rms_norm(s.heads(s.linear(h, l.k), dims_.head_dim), l.k_norm, dims_.eps), rope);
    const Tensor v = s.heads(s.linear(h, l.v), dims_.head_dim);
    x = s.add(x, s.rms_norm(s.linear(s.attend(attention, q, k, v), l.o), l.post_attention_norm, dims_.eps));
    h = s.rms_norm(x, l.ffn_norm, dims_.eps);
    h = s.linear(s.geglu(s.linear(h, l.gate), s.linear(h, l.up)), l.down);
    return s.add(x, s.rms_norm(h, l.post_ffw_norm, dims_.eps));
  }

  RopeSettings global_, local_;
  int pattern_;
};

// Scores are divided by the root of query_pre_attn_scalar: the head size, except in the 27B model (62 layers), where it is width / heads.
float usual_attention_scale(const Dims& dims) {
  const float divisor =
      dims.layers == 62 ? static_cast<float>(dims.model) / static_cast<float>(dims.heads) : static_cast<float>(dims.head_dim);
  return 1 / std::sqrt(divisor);
}

// Every how many layers one sees all: a number, or for each layer whether its window slides.
Result<int> read_pattern(const Metadata& m, int layers) {
  constexpr std::string_view kKey = "gemma3.attention.sliding_window_pattern";
  HB_TRY_ASSIGN(slides, m.integers(kKey));
  if (slides.size() <= 1) {
    HB_TRY_ASSIGN(pattern, m.unsigned_integer_or(kKey, 1, 1024, 6));
    return static_cast<int>(pattern);
  }
  const auto first_full = static_cast<size_t>(std::ranges::find(slides, 0) - slides.begin());
  bool is_regular = slides.size() == static_cast<size_t>(layers);
  for (size_t i = 0; i < slides.size(); ++i) is_regular = is_regular && (slides[i] != 0) == ((i + 1) % (first_full + 1) != 0);
  if (!is_regular) return unsupported("{}: {}: this build runs windows in all layers but every nth", m.path(), kKey);
  return static_cast<int>(first_full + 1);
}

// The base under its key, under the name that files made by Ollama have it by, or the released models'.
Result<double> read_base(const Metadata& m, std::string_view key, std::string_view ollamas, double released) {
  if (m.contains(key)) return m.positive_float(key);
  return m.contains(ollamas) ? m.positive_float(ollamas) : Result<double>(released);
}

}  // namespace

Result<std::unique_ptr<Formula>> make_gemma3(const Metadata& metadata, int vocabulary) {
  HB_TRY_ASSIGN(dims, read_dims(metadata, "gemma3", vocabulary));
  HB_TRY_ASSIGN(said, metadata.float_or("gemma3.attention.scale", 0));
  if (said == 0) dims.attention_scale = usual_attention_scale(dims);
  HB_TRY_ASSIGN(global, read_rope(metadata, "gemma3", dims, Pairing::kHalves));
  HB_TRY_INTO(global.base, read_base(metadata, "gemma3.rope.freq_base", "gemma3.rope.global.freq_base", 1'000'000));
  HB_TRY_ASSIGN(local_base, read_base(metadata, "gemma3.rope.freq_base_swa", "gemma3.rope.local.freq_base", 10'000));
  const RopeSettings local{.pairing = Pairing::kHalves, .dims = global.dims, .base = local_base};
  HB_TRY_ASSIGN(pattern, read_pattern(metadata, dims.layers));
  return std::unique_ptr<Formula>(std::make_unique<Gemma3>(dims, global, local, pattern));
}

}  // namespace halfbyte
