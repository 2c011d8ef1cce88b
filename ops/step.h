// Step: the recorder a model's formula is executed on. It notes what one forward pass computes and computes nothing; the record
// is compiled once (ops/program.h). Every tensor is one row of `width` floats per token.
#pragma once

#include <cstdint>
#include <vector>

#include "ops/weights.h"

namespace halfbyte {

struct Tensor {
  int32_t node = -1;
};

enum class Pairing { kAdjacent, kHalves };  // which two dimensions of a head turn together: (2i, 2i+1) or (i, i + n/2)

// Rotary position embedding: pair i of a head turns by position * inverse_frequency[i]; cos and sin are multiplied by magnitude.
struct Rope {
  Pairing pairing = Pairing::kHalves;
  std::vector<float> inverse_frequency;  // the first 2 * size() dimensions of a head turn
  float magnitude = 1;
};

// One attention layer's view of the cache.
struct Attention {
  int layer = 0;
  int window = 0;   // a token sees the last `window` positions, itself included; 0: all
  float scale = 1;  // multiplies q.k
};

// The gated feed-forward parts that a router chooses from: matrices of one shape and format each, by expert.
struct Experts {
  std::vector<MatrixId> gate, up, down;
};

class Step {
 public:
  enum class Op : uint8_t {
    kEmbed,
    kEmbedPosition,
    kRmsNorm,
    kLayerNorm,
    kLinear,
    kHeads,
    kRope,
    kAttend,
    kAdd,
    kScale,
    kSwiglu,
    kGeglu,
    kGelu,
    kRoute,
    kExperts,
    kOutput,
    kLogits
  };
  struct Node {
    Op op;
    Tensor a, b, c;    // inputs
    int width = 0;     // floats per token
    int head_dim = 0;  // > 0: the row is heads of this size
    Linear linear;     // kLinear, kLogits; kEmbed, kEmbedPosition: the table
    VectorId vector;   // norms
    VectorId bias;     // kLayerNorm
    float value = 0;   // eps or factor
    int rope = -1;     // index into ropes
    Attention attention;
    Experts experts;
  };

  explicit Step(const Weights& weights) : weights_(weights) {}

  Tensor embed(MatrixId table);                           // rows of the table, one per token
  Tensor embed_position(MatrixId table);                  // the same by position; the table has a row for each that a run may have
  Tensor rms_norm(Tensor x, VectorId weight, float eps);  // over the row, or over each head of a tensor made by heads()
  Tensor layer_norm(Tensor x, VectorId weight, VectorId bias, float eps);  // the bias may be absent
  Tensor linear(Tensor x, const Linear& linear);
  Tensor heads(Tensor x, int head_dim);  // the same row seen as heads
  Tensor rope(Tensor heads, const Rope& rope);
  Tensor attend(const Attention& attention, Tensor q, Tensor k, Tensor v);
  Tensor add(Tensor a, Tensor b);
  Tensor scale(Tensor x, float factor);
  Tensor swiglu(Tensor gate, Tensor up);
  Tensor geglu(Tensor gate, Tensor up);
  Tensor gelu(Tensor x);
  // The `used` experts of greatest score, of equals the first, each weighted by the softmax of its score over those chosen. That is
  // the softmax over all experts, renormalised. A row: the experts' numbers, ascending, then their weights.
  Tensor route(Tensor scores, int used);
  // sum over the routed experts e, ascending: weight_e * down_e swiglu(gate_e x, up_e x)
  Tensor experts(Tensor x, Tensor routing, const Experts& experts);
  // The last hidden state: everything recorded after it is computed only for the tokens whose logits are asked for.
  Tensor output(Tensor x);
  void logits(Tensor x, const Linear& head);

  const std::vector<Node>& nodes() const { return nodes_; }
  const std::vector<Rope>& ropes() const { return ropes_; }
  const Weights& weights() const { return weights_; }

 private:
  Tensor record(Node node);
  const Weights& weights_;
  std::vector<Node> nodes_;
  std::vector<Rope> ropes_;
};

}  // namespace halfbyte
