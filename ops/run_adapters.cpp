// What adapters add to a stage's products. A x is computed by all threads together, then B (A x) where its rows of the product are.
#include <algorithm>
#include <cstring>

#include "base/checked.h"
#include "ops/pass.h"

namespace halfbyte {

using namespace program;

// visit(rows, place of the change's A x, change) for the changes of the stage's matrices that the step's rows get.
template <class Visit>
void Program::Pass::for_changes(const Stage& stage, Visit visit) const {
  const auto of_matrix = [&](const AdaptedRows& rows, size_t adapter, MatrixId id) {
    if (const LowRank* change = rows.adapters[adapter].adapter->find(id); change != nullptr) visit(rows, place_of(adapter, id), *change);
  };
  for (const AdaptedRows& rows : workspace.adapted_)
    for (size_t adapter = 0; adapter < rows.adapters.size(); ++adapter)
      for (const Product& product : stage.products) {
        of_matrix(rows, adapter, product.linear.matrix);
        if (product.gate != Product::Gate::kNone) of_matrix(rows, adapter, product.up.matrix);
      }
}

bool Program::Pass::has_changes(const Stage& stage) const {
  bool any = false;
  for_changes(stage, [&](const AdaptedRows&, size_t, const LowRank&) { any = true; });
  return any;
}

// A few rows: each thread takes columns, by whole groups, and leaves the group's part of the sum. Many: it takes rows.
void Program::Pass::multiply_a(const Stage& stage) const {
  const auto threads = static_cast<size_t>(p.threads_), here = static_cast<size_t>(thread);
  const auto rank = static_cast<size_t>(p.adapter_rank_);
  const auto multiply_panels = [&](const Matrix& a, size_t first_column, size_t columns, int first_row, int count, float* y) {
    const Activations x{.f = row(stage.input, first_row) + first_column, .f_stride = stride(stage.input)};
    p.kernels_->panel_f32(a.data + first_column * kPanelRows * sizeof(float), a.stride, static_cast<int>(a.panels()), x,
                          static_cast<int>(columns), count, y, rank, own() + p.own_scratch_);
  };
  for_changes(stage, [&](const AdaptedRows& rows, size_t place, const LowRank& change) {
    const Matrix& a = change.a;
    if (is_few) {
      const size_t groups = ceil_div(a.columns, kGroup);
      for (size_t group = groups * here / threads; group < groups * (here + 1) / threads; ++group) {
        const size_t first = group * kGroup;
        multiply_panels(a, first, std::min<size_t>(kGroup, a.columns - first), rows.first, rows.count,
                        part_of_ax(place, group, rows.first));
      }
      return;
    }
    const auto count = static_cast<size_t>(rows.count);
    const int first = rows.first + static_cast<int>(count * here / threads),
              last = rows.first + static_cast<int>(count * (here + 1) / threads);
    if (first < last) multiply_panels(a, 0, a.columns, first, last - first, ax(place, first));
  });
}

// The groups' parts, added up as the kernel does it: ascending.
void Program::Pass::sum_parts(const Stage& stage) const {
  for_changes(stage, [&](const AdaptedRows& rows, size_t place, const LowRank& change) {
    for (int t = rows.first; t < rows.first + rows.count; ++t) {
      std::memcpy(ax(place, t), part_of_ax(place, 0, t), static_cast<size_t>(p.adapter_rank_) * sizeof(float));
      for (size_t group = 1; group < ceil_div(change.a.columns, kGroup); ++group)
        p.kernels_->add(ax(place, t), part_of_ax(place, group, t), p.adapter_rank_, ax(place, t));
    }
  });
}

// y[t][0..] = rows of panels first..last of a product of the step's rows.
void Program::Pass::add_changes(MatrixId id, size_t first, size_t last, float* y, size_t y_stride) const {
  auto* changes = reinterpret_cast<float*>(own() + p.own_changes_);
  for (const AdaptedRows& rows : workspace.adapted_)
    for (size_t adapter = 0; adapter < rows.adapters.size(); ++adapter) {
      const AppliedAdapter& applied = rows.adapters[adapter];
      const LowRank* change = applied.adapter->find(id);
      if (change == nullptr) continue;
      const Matrix& b = change->b;
      const Activations x{.f = ax(place_of(adapter, id), rows.first), .f_stride = static_cast<size_t>(p.adapter_rank_)};
      const size_t batch = panels_at_once(rows.count);
      for (size_t at = first; at < last; at += batch) {
        const size_t end = std::min(at + batch, last), columns = (end - at) * kPanelRows;
        p.kernels_->panel_f32(b.data + at * b.stride, b.stride, static_cast<int>(end - at), x, static_cast<int>(b.columns), rows.count,
                              changes, columns, own() + p.own_scratch_);
        for (size_t t = 0; t < static_cast<size_t>(rows.count); ++t) {
          float* out = y + (static_cast<size_t>(rows.first) + t) * y_stride + (at - first) * kPanelRows;
          float* scaled = changes + t * columns;
          p.kernels_->scale(scaled, applied.factor * change->scale, static_cast<int>(columns), scaled);
          p.kernels_->add(out, scaled, static_cast<int>(columns), out);
        }
      }
    }
}

void Program::Pass::prepare_changes(const Stage& stage) {
  if (workspace.adapted_.empty() || !has_changes(stage)) return;
  multiply_a(stage);
  wait();
  if (is_few) sum_parts(stage);
}

}  // namespace halfbyte
