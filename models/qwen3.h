// Qwen3 and the families that share its attention.
#pragma once

#include "models/decoder.h"
#include "models/rope.h"

namespace halfbyte {

// Pre-norm decoder; grouped-query attention, q and k normalised per head; SwiGLU (arXiv 2505.09388).
class Qwen3 : public Decoder {
 public:
  Qwen3(const Dims& dims, const RopeSettings& rope) : Decoder(dims), rope_(rope) {}
  void forward(Step& step) const override;

 protected:
  virtual Tensor feed_forward(Step& s, const Layer& l, Tensor h) const;

 private:
  void layer_weights(WeightList& w, Layer& l) const override;
  Tensor block(Step& s, const Layer& l, const Rope& rope, Tensor x) const;

  RopeSettings rope_;
};

// Dimensions as the released models mean them.
Result<Dims> read_qwen3_dims(const Metadata& metadata, std::string_view architecture, int vocabulary);

}  // namespace halfbyte
