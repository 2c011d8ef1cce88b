// Llama and the families that share its formula.
#pragma once

#include "models/decoder.h"
#include "models/rope.h"

namespace halfbyte {

// Pre-norm decoder; grouped-query attention with rotary positions; SwiGLU (Touvron et al. 2023, arXiv 2302.13971, 2307.09288).
// Mistral adds a sliding window, Llama 3.1 frequency factors ("rope_freqs"); some have biases in attention.
class Llama : public Decoder {
 public:
  Llama(const Dims& dims, const RopeSettings& rope) : Decoder(dims), rope_(rope) {}
  void weights(WeightList& list) override;
  void forward(Step& step) const override;

 private:
  Tensor block(Step& s, const Layer& l, const Rope& rope, Tensor x) const;

  RopeSettings rope_;
  VectorId rope_factors_;
};

}  // namespace halfbyte
