#include "engine/identity.h"

#include <fmt/format.h>

#include <vector>

#include "base/fingerprint.h"

namespace halfbyte {
namespace {

constexpr int kOrder = 1;  // of summation (docs/architecture.md, "Canonical order"): one more whenever any result gets other bits

uint64_t fingerprint(const Weights& weights, ThreadPool& pool) {
  std::vector<uint64_t> of_matrices(weights.matrices.size());
  pool.run([&](int thread) {
    for (size_t i = static_cast<size_t>(thread); i < of_matrices.size(); i += static_cast<size_t>(pool.threads())) {
      const Matrix& matrix = weights.matrices[i];
      of_matrices[i] = Fingerprint()
                           .add(std::as_bytes(std::span(matrix.format->name)))
                           .add(matrix.rows)
                           .add(matrix.columns)
                           .add(matrix.is_panels)
                           .add(std::span(matrix.data, matrix.bytes()))
                           .value();
    }
  });
  Fingerprint all;
  for (const uint64_t one : of_matrices) all.add(one);
  for (const std::vector<float>& vector : weights.vectors) all.add(std::as_bytes(std::span(vector)));
  return all.value();
}

uint64_t fingerprint(const Step& record) {
  Fingerprint all;
  const auto matrices = [&](const std::vector<MatrixId>& ids) {
    all.add(ids.size());
    for (const MatrixId id : ids) all.add(id.index);
  };
  for (const Step::Node& n : record.nodes()) {
    all.add(n.op).add(n.a.node).add(n.b.node).add(n.c.node).add(n.width).add(n.head_dim).add(n.value).add(n.rope);
    all.add(n.linear.matrix.index).add(n.linear.bias.index).add(n.vector.index).add(n.bias.index);
    all.add(n.attention.layer).add(n.attention.window).add(n.attention.scale);
    for (const auto* ids : {&n.experts.gate, &n.experts.up, &n.experts.down}) matrices(*ids);
  }
  for (const Rope& rope : record.ropes()) all.add(rope.pairing).add(std::as_bytes(std::span(rope.inverse_frequency))).add(rope.magnitude);
  return all.value();
}

}  // namespace

std::string identity_of(const Model& model, const StateLayout& layout, ActivationMode activations, ThreadPool& pool) {
  Step record(model.weights);
  model.formula->forward(record);
  std::string pages;
  for (const StateLayout::Group& group : layout.groups()) pages += fmt::format(" {}/{}", group.page_bytes, group.window);
  return fmt::format("order {}, formula {:016x}, weights {:016x}, keys {}, values {}, activations {}, pages{}", kOrder, fingerprint(record),
                     fingerprint(model.weights, pool), layout.k_type().name, layout.v_type().name, static_cast<int>(activations), pages);
}

}  // namespace halfbyte
