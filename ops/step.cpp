#include "ops/step.h"

#include <algorithm>
#include <utility>

namespace halfbyte {

Tensor Step::record(Node node) {
  nodes_.push_back(std::move(node));
  return {static_cast<int32_t>(nodes_.size()) - 1};
}

Tensor Step::embed(MatrixId table) {
  return record({.op = Op::kEmbed, .width = static_cast<int>(weights_[table].columns), .linear = {table, {}}});
}

Tensor Step::embed_position(MatrixId table) {
  return record({.op = Op::kEmbedPosition, .width = static_cast<int>(weights_[table].columns), .linear = {table, {}}});
}

Tensor Step::rms_norm(Tensor x, VectorId weight, float eps) {
  const Node& in = nodes_[static_cast<size_t>(x.node)];
  return record({.op = Op::kRmsNorm, .a = x, .width = in.width, .head_dim = in.head_dim, .vector = weight, .value = eps});
}

Tensor Step::layer_norm(Tensor x, VectorId weight, VectorId bias, float eps) {
  return record(
      {.op = Op::kLayerNorm, .a = x, .width = nodes_[static_cast<size_t>(x.node)].width, .vector = weight, .bias = bias, .value = eps});
}

Tensor Step::linear(Tensor x, const Linear& linear) {
  return record({.op = Op::kLinear, .a = x, .width = static_cast<int>(weights_[linear.matrix].rows), .linear = linear});
}

Tensor Step::heads(Tensor x, int head_dim) {
  return record({.op = Op::kHeads, .a = x, .width = nodes_[static_cast<size_t>(x.node)].width, .head_dim = head_dim});
}

Tensor Step::rope(Tensor heads, const Rope& rope) {
  const auto same = std::ranges::find_if(ropes_, [&](const Rope& r) {
    return r.pairing == rope.pairing && r.inverse_frequency == rope.inverse_frequency && r.magnitude == rope.magnitude;
  });
  const int index = static_cast<int>(same - ropes_.begin());
  if (same == ropes_.end()) ropes_.push_back(rope);
  const Node& in = nodes_[static_cast<size_t>(heads.node)];
  return record({.op = Op::kRope, .a = heads, .width = in.width, .head_dim = in.head_dim, .rope = index});
}

Tensor Step::attend(const Attention& attention, Tensor q, Tensor k, Tensor v) {
  const Node &queries = nodes_[static_cast<size_t>(q.node)], &values = nodes_[static_cast<size_t>(v.node)];
  const int heads = queries.width / queries.head_dim;
  return record(
      {.op = Op::kAttend, .a = q, .b = k, .c = v, .width = heads * values.head_dim, .head_dim = values.head_dim, .attention = attention});
}

Tensor Step::add(Tensor a, Tensor b) {
  return record({.op = Op::kAdd, .a = a, .b = b, .width = nodes_[static_cast<size_t>(a.node)].width});
}

Tensor Step::scale(Tensor x, float factor) {
  return record({.op = Op::kScale, .a = x, .width = nodes_[static_cast<size_t>(x.node)].width, .value = factor});
}

Tensor Step::swiglu(Tensor gate, Tensor up) {
  return record({.op = Op::kSwiglu, .a = gate, .b = up, .width = nodes_[static_cast<size_t>(gate.node)].width});
}

Tensor Step::geglu(Tensor gate, Tensor up) {
  return record({.op = Op::kGeglu, .a = gate, .b = up, .width = nodes_[static_cast<size_t>(gate.node)].width});
}

Tensor Step::gelu(Tensor x) { return record({.op = Op::kGelu, .a = x, .width = nodes_[static_cast<size_t>(x.node)].width}); }

Tensor Step::route(Tensor scores, int used) { return record({.op = Op::kRoute, .a = scores, .width = 2 * used}); }

Tensor Step::experts(Tensor x, Tensor routing, const Experts& experts) {
  const int width = static_cast<int>(weights_[experts.down.front()].rows);
  return record({.op = Op::kExperts, .a = x, .b = routing, .width = width, .experts = experts});
}

Tensor Step::output(Tensor x) { return record({.op = Op::kOutput, .a = x, .width = nodes_[static_cast<size_t>(x.node)].width}); }

void Step::logits(Tensor x, const Linear& head) {
  record({.op = Op::kLogits, .a = x, .width = static_cast<int>(weights_[head.matrix].rows), .linear = head});
}

}  // namespace halfbyte
