// The two stages of a mixture of experts: their tasks are known when the router has spoken.
#include <cstring>
#include <numeric>

#include "base/checked.h"
#include "ops/pass.h"

namespace halfbyte {

using namespace program;

Program::Pass::Pairs Program::Pass::sort_pairs(const Stage& stage) const {
  const int used = width(stage.routing) / 2;
  const auto experts = stage.experts.front().matrices.size();
  const Pairs out = pairs();
  // Expert e counts in first[e + 2] and, the counts added up, takes its places from first[e + 1]: which then is where it ends.
  std::fill_n(out.first, experts + 2, 0);
  for (int t = 0; t < tokens; ++t)
    for (int i = 0; i < used; ++i) ++out.first[static_cast<size_t>(row(stage.routing, t)[i]) + 2];
  std::partial_sum(out.first, out.first + experts + 2, out.first);
  for (int t = 0; t < tokens; ++t)
    for (int i = 0; i < used; ++i) {
      const float* routing = row(stage.routing, t);
      const int at = out.first[static_cast<size_t>(routing[i]) + 1]++;
      out.token[at] = t;
      out.weight[at] = routing[used + i];
    }
  return out;
}

// An expert's input rows side by side, as its kernels read them.
Program::Pass::Rows Program::Pass::gather(const Stage& stage, std::span<const int> tokens_of_expert) const {
  const int slot = stage.input, count = static_cast<int>(tokens_of_expert.size());
  if (count == 1) return rows(slot, tokens_of_expert[0], 1);
  const auto kind_of = [&](const ExpertProduct& product) {
    return product.kernel == nullptr ? ActivationKind::kFloat : (*p.weights_)[product.matrices.front()].format->activations;
  };
  const ActivationKind gate = kind_of(stage.experts[0]), up = kind_of(stage.experts[1]);
  auto* floats = reinterpret_cast<float*>(own() + p.own_gathered_floats_);
  auto* bf16 = reinterpret_cast<uint16_t*>(own() + p.own_gathered_bf16_);
  const auto copy = [&](ActivationKind kind, int token, int to_row) {
    if (kind == ActivationKind::kFloat) {
      std::memcpy(floats + static_cast<size_t>(to_row) * stride(slot), row(slot, token), stride(slot) * sizeof(float));
      return;
    }
    if (kind == ActivationKind::kBf16) {
      for (size_t at = 0; at < static_cast<size_t>(width(slot)); at += kGroup)
        std::memcpy(bf16 + at * kExpertRows + static_cast<size_t>(to_row) * kGroup, rounded(token) + at / kGroup * bf16_stride(),
                    kGroup * sizeof *bf16);
      return;
    }
    const Quantized from = quantized(kind, slot, token), to = gathered_row(kind, slot, to_row);
    const size_t values = p.quantized_stride(slot);
    std::memcpy(to.q, from.q, values);
    std::memcpy(to.scale, from.scale, values / 32 * sizeof(float));
    std::memcpy(to.sum32, from.sum32, values / 32 * sizeof(int16_t));
    std::memcpy(to.sum16, from.sum16, values / 16 * sizeof(int16_t));
  };
  for (int i = 0; i < count; ++i) {
    copy(gate, tokens_of_expert[static_cast<size_t>(i)], i);
    if (up != gate) copy(up, tokens_of_expert[static_cast<size_t>(i)], i);
  }
  const auto of = [&](ActivationKind kind) { return view(gathered_row(kind, slot, 0), floats, slot, bf16, kExpertRows * size_t{kGroup}); };
  return {of(ActivationKind::kPer32), of(ActivationKind::kPer256), count};
}

// The panels of all experts that have tokens are one list, and each thread takes a stretch of it of equal cost.
void Program::Pass::run_experts(const Stage& stage) const {
  const ExpertProduct &gate = stage.experts[0], &up = stage.experts[1];
  const size_t panels = (*p.weights_)[gate.matrices.front()].panels();
  const Pairs sorted = sort_pairs(stage);
  const auto cost_of = [&](size_t e) {  // of a panel
    const int count = sorted.first[e + 1] - sorted.first[e];
    return static_cast<size_t>(count == 0 ? 0 : std::max(count, kRowsPerRead));
  };
  size_t total = 0;
  for (size_t e = 0; e < gate.matrices.size(); ++e) total += cost_of(e) * panels;
  const auto threads = static_cast<size_t>(p.threads_), here = static_cast<size_t>(thread);
  const size_t share_begin = total * here / threads, share_end = total * (here + 1) / threads;
  size_t before = 0;  // cost of the experts before this one
  for (size_t e = 0; e < gate.matrices.size(); ++e) {
    const size_t cost = cost_of(e);
    if (cost == 0) continue;
    // A panel belongs to the share that it begins in.
    const auto panels_before = [&](size_t end) { return end <= before ? 0 : std::min<size_t>(panels, ceil_div(end - before, cost)); };
    const size_t first = panels_before(share_begin), last = panels_before(share_end);
    before += cost * panels;
    if (first == last) continue;
    const Product product{.linear = {gate.matrices[e], {}},
                          .gate = Product::Gate::kSwiglu,
                          .up = {up.matrices[e], {}},
                          .kernel = gate.kernel,
                          .up_kernel = up.kernel};
    for (int from = sorted.first[e]; from < sorted.first[e + 1]; from += kExpertRows) {
      const int count = std::min(kExpertRows, sorted.first[e + 1] - from);
      const Rows x = gather(stage, {sorted.token + from, static_cast<size_t>(count)});
      multiply_gated(product, x, first, last, row(stage.out, from) + first * kPanelRows, stride(stage.out));
    }
  }
}

// A thread has the same panels of every expert, so that it alone adds up an output:
//   y = 0, then y = y + weight * down for the token's experts, ascending (two roundings each), then residual + y
void Program::Pass::sum_experts(const Stage& stage) const {
  const KernelTable& k = *p.kernels_;
  const ExpertProduct& down = stage.experts.front();
  const auto threads = static_cast<size_t>(p.threads_), here = static_cast<size_t>(thread);
  const size_t panels = (*p.weights_)[down.matrices.front()].panels();
  const size_t first = panels * here / threads, last = panels * (here + 1) / threads;
  const auto out = [&](int token, size_t panel) { return row(stage.out, token) + panel * kPanelRows; };
  for (int t = 0; t < tokens; ++t) std::memset(out(t, first), 0, (last - first) * kPanelRows * sizeof(float));
  const Pairs sorted = pairs();  // by run_experts
  auto* y = reinterpret_cast<float*>(own() + p.own_up_);
  for (size_t e = 0; e < down.matrices.size(); ++e) {
    const int from = sorted.first[e], count = sorted.first[e + 1] - from;
    if (count == 0) continue;
    const Rows x = rows(stage.input, from, count);
    const size_t batch = panels_at_once(count);
    for (size_t at = first; at < last; at += batch) {
      const size_t end = std::min(at + batch, last);
      const int columns = static_cast<int>((end - at) * kPanelRows);
      multiply({down.matrices[e], {}}, down.kernel, x, at, end, y, static_cast<size_t>(columns));
      for (int i = 0; i < count; ++i) {
        float* weighted = y + static_cast<size_t>(i) * static_cast<size_t>(columns);
        float* sum = out(sorted.token[from + i], at);
        k.scale(weighted, sorted.weight[from + i], columns, weighted);
        k.add(sum, weighted, columns, sum);
      }
    }
  }
  if (stage.residual < 0) return;
  for (int t = 0; t < tokens; ++t)
    k.add(row(stage.residual, t) + first * kPanelRows, out(t, first), static_cast<int>((last - first) * kPanelRows), out(t, first));
}

}  // namespace halfbyte
