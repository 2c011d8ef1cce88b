// What decoder-only families share: the usual weights under their usual names, embedding and head. A family adds its own weights
// and writes its block.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "models/formula.h"

namespace halfbyte {

class Decoder : public Formula {
 public:
  explicit Decoder(const Dims& dims) : Formula(dims), layers_(static_cast<size_t>(dims.layers)) {}
  void weights(WeightList& list) override;
  void state(StateList& list) const override;

 protected:
  struct Layer {
    int index = 0;
    VectorId attn_norm, ffn_norm;
    Linear q, k, v, o, gate, up, down;
    VectorId q_norm, k_norm, post_attention_norm, post_ffw_norm;  // in the families that list them
    Linear router;                                                // of a mixture, instead of gate, up and down
    Experts experts;
    std::string name(std::string_view weight) const;  // in the file
  };
  virtual void layer_weights(WeightList& list, Layer& layer) const;
  virtual void feed_forward_weights(WeightList& list, Layer& layer) const;
  // Positions back that a layer sees; 0: all.
  virtual int window(int /*layer*/) const { return dims_.window; }

  Tensor embed(Step& s) const { return s.embed(embedding_); }
  // The last hidden state to logits: norm, then the head, which is the embedding where the file has no other.
  void head(Step& s, Tensor x) const;

  std::vector<Layer> layers_;

 private:
  MatrixId embedding_;
  VectorId output_norm_;
  Linear head_;
};

}  // namespace halfbyte
