// Llama and the families that share its formula.
#pragma once

#include "models/rope.h"

namespace halfbyte {

// Pre-norm decoder; grouped-query attention with rotary positions; SwiGLU (Touvron et al. 2023, arXiv 2302.13971, 2307.09288).
// Mistral adds a sliding window, Llama 3.1 frequency factors ("rope_freqs"); some have biases in attention.
class Llama : public Architecture {
 public:
  Llama(const Dims& dims, const RopeSettings& rope) : Architecture(dims), rope_(rope), layers_(static_cast<size_t>(dims.layers)) {}
  void weights(WeightList& list) override;
  void forward(Step& step) const override;
  std::vector<KvLayer> cache() const override;

 private:
  struct Layer {
    int index = 0;
    VectorId attn_norm, ffn_norm;
    Linear q, k, v, o, gate, up, down;
    void weights(const Dims& d, WeightList& w);
  };
  Tensor block(Step& s, const Layer& l, const Rope& rope, Tensor x) const;

  RopeSettings rope_;
  std::vector<Layer> layers_;
  MatrixId embedding_;
  VectorId output_norm_, rope_factors_;
  Linear head_;
};

Result<std::unique_ptr<Architecture>> make_llama(const Metadata& metadata, int vocabulary);
Result<std::unique_ptr<Architecture>> make_qwen2(const Metadata& metadata, int vocabulary);
Result<std::unique_ptr<Architecture>> make_qwen3(const Metadata& metadata, int vocabulary);
Result<std::unique_ptr<Architecture>> make_gemma3(const Metadata& metadata, int vocabulary);

}  // namespace halfbyte
