// Stages of matrix products, with what follows each in its epilogue.
#include <cmath>
#include <cstring>

#include "ops/pass.h"

namespace halfbyte {

using namespace program;

// The slow and always right way: 16 rows are decoded to a panel of float32 and multiplied by unquantized activations.
void Program::Pass::multiply_decoded(const Matrix& matrix, const Rows& x, size_t first, size_t last, float* y, size_t y_stride) const {
  auto* tile = reinterpret_cast<float*>(own() + p.own_tile_);
  auto* decoded = reinterpret_cast<float*>(own() + p.own_raw_);
  std::byte* raw = own() + p.own_scratch_;
  const size_t columns = matrix.columns;
  for (size_t panel = first; panel < last; ++panel) {
    for (size_t lane = 0; lane < kPanelRows; ++lane) {
      const auto r = static_cast<uint32_t>(panel * kPanelRows + lane);
      if (r < matrix.rows)
        matrix.decode_row(r, raw, decoded);
      else
        std::memset(decoded, 0, columns * sizeof(float));
      for (size_t c = 0; c < columns; ++c) tile[c * kPanelRows + lane] = decoded[c];
    }
    p.kernels_->panel_f32(own() + p.own_tile_, columns * kPanelRows * sizeof(float), 1, x.of(ActivationKind::kFloat),
                          static_cast<int>(columns), x.count, y + (panel - first) * kPanelRows, y_stride, own() + p.own_scratch_);
  }
}

// y[t][0..] = rows of panels first..last of the matrix, plus bias, plus what the rows' adapters add.
void Program::Pass::multiply(const Linear& linear, PanelKernel* kernel, const Rows& x, size_t first, size_t last, float* y,
                             size_t y_stride) const {
  const Matrix& matrix = (*p.weights_)[linear.matrix];
  if (kernel == nullptr)
    multiply_decoded(matrix, x, first, last, y, y_stride);
  else
    kernel(matrix.data + first * matrix.stride, matrix.stride, static_cast<int>(last - first), x.of(matrix.format->activations),
           static_cast<int>(matrix.columns), x.count, y, y_stride, own() + p.own_scratch_);
  if (const float* bias = (*p.weights_)[linear.bias]; bias != nullptr)
    for (int t = 0; t < x.count; ++t) {
      float* out = y + static_cast<size_t>(t) * y_stride;
      p.kernels_->add(out, bias + first * kPanelRows, static_cast<int>((last - first) * kPanelRows), out);
    }
  // Other rows than the step's, an expert's or the head's, meet matrices that no adapter changes.
  if (!workspace.adapted_.empty()) add_changes(linear.matrix, first, last, y, y_stride);
}

// The same of a gated pair, a few panels at a time.
void Program::Pass::multiply_gated(const Product& product, const Rows& x, size_t first, size_t last, float* y, size_t y_stride) const {
  auto* up = reinterpret_cast<float*>(own() + p.own_up_);
  const auto activation = product.gate == Product::Gate::kSwiglu ? p.kernels_->swiglu : p.kernels_->geglu;
  const size_t batch = panels_at_once(x.count);
  for (size_t at = first; at < last; at += batch) {
    const size_t end = std::min(at + batch, last), columns = (end - at) * kPanelRows;
    float* gated = y + (at - first) * kPanelRows;
    multiply(product.linear, product.kernel, x, at, end, gated, y_stride);
    multiply(product.up, product.up_kernel, x, at, end, up, columns);
    for (size_t t = 0; t < static_cast<size_t>(x.count); ++t)
      activation(gated + t * y_stride, up + t * columns, static_cast<int>(columns), gated + t * y_stride);
  }
}

// A pass over numbers that lie in the nearest cache, before the store that would cut them off: that stays as it is on every set.
void Program::Pass::note_cut_off(std::span<const float> stored, program::HeadEpilogue::Role role) const {
  const bool is_key = role == HeadEpilogue::Role::kKey;
  const float greatest = (is_key ? p.layout_.k_type() : p.layout_.v_type()).greatest;
  const int n = static_cast<int>(stored.size());
  if (p.kernels_->first_outside(stored.data(), n, -greatest, greatest) == n) return;
  if (std::ranges::any_of(stored, [&](float x) { return std::abs(x) > greatest; })) {  // a NaN is stored as it is
    Workspace::CutOff& here = workspace.cut_off_[static_cast<size_t>(thread)];
    (is_key ? here.k : here.v) = true;
  }
}

void Program::Pass::finish_heads(const Product& product, size_t first_row, size_t last_row) const {
  const HeadEpilogue& h = product.heads;
  const KernelTable& k = *p.kernels_;
  const auto dim = static_cast<size_t>(h.head_dim);
  const float* norm = (*p.weights_)[h.norm];
  const KvType& type = h.role == HeadEpilogue::Role::kKey ? p.layout_.k_type() : p.layout_.v_type();
  for (int t = 0; t < tokens; ++t) {
    const SliceRows& slice = slice_of(t);
    const int at = slice.first_position + t - slice.first_row;
    for (size_t first = first_row; first < last_row; first += dim) {
      float* x = row(product.out, t) + first;
      if (norm != nullptr) k.rms_norm(x, norm, h.eps, h.head_dim, x);
      if (h.rope >= 0) {
        const Rope& rope = p.ropes_[static_cast<size_t>(h.rope)];
        const int slot = p.rope_slots_[static_cast<size_t>(h.rope)];
        const float* cosines = row(slot, t);
        const float* sines = cosines + width(slot) / 2;
        const int dims = 2 * static_cast<int>(rope.inverse_frequency.size());
        (rope.pairing == Pairing::kHalves ? k.rope_halves : k.rope_adjacent)(x, cosines, sines, dims);
      }
      if (h.role == HeadEpilogue::Role::kQuery) {
        k.scale(x, h.scale, h.head_dim, x);
        continue;
      }
      note_cut_off({x, dim}, h.role);
      const int kv_head = static_cast<int>(first / dim);
      std::byte* page = slice.pages[static_cast<size_t>(p.layout_.group_of(h.layer))][at / kPagePositions];
      const int in_page = at % kPagePositions;
      if (h.role == HeadEpilogue::Role::kKey) {
        std::byte* tile = page + p.layout_.k_offset(h.layer, kv_head) + static_cast<size_t>(in_page / 16) * p.layout_.k_tile_bytes(h.layer);
        (k.*type.store_k)(x, h.head_dim, in_page % 16, tile);
      } else {
        (k.*type.store_v)(x, h.head_dim, in_page, page + p.layout_.v_offset(h.layer, kv_head));
      }
    }
  }
}

void Program::Pass::run_products(const Stage& stage) const {
  const KernelTable& k = *p.kernels_;
  const Rows x = rows(stage.input, 0, tokens);
  for (const PanelRange& range : stage.shares[static_cast<size_t>(thread)]) {
    const Product& product = stage.products[static_cast<size_t>(range.product)];
    const size_t first_row = size_t{range.first} * kPanelRows, last_row = size_t{range.last} * kPanelRows;
    const int columns = static_cast<int>(last_row - first_row);
    float* y = row(product.out, 0) + first_row;
    if (product.gate == Product::Gate::kNone)
      multiply(product.linear, product.kernel, x, range.first, range.last, y, stride(product.out));
    else
      multiply_gated(product, x, range.first, range.last, y, stride(product.out));
    for (int t = 0; t < tokens; ++t) {
      float* out = row(product.out, t) + first_row;
      if (product.has_gelu) k.gelu(out, columns, out);
      if (product.residual >= 0) k.add(row(product.residual, t) + first_row, out, columns, out);
    }
    if (product.heads.role != HeadEpilogue::Role::kNone)
      finish_heads(product, first_row, std::min<size_t>(last_row, (*p.weights_)[product.linear.matrix].rows));
  }
}

}  // namespace halfbyte
