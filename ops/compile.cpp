// From a recorded step to stages: which ops fuse into a product's epilogue, which tensors share memory, which panels each thread takes.
#include <algorithm>
#include <array>
#include <limits>
#include <numeric>

#include "base/checked.h"
#include "base/errors.h"
#include "ops/program.h"
#include "quant/panel.h"

namespace halfbyte {

using namespace program;

namespace {

size_t take(size_t& total, size_t bytes) {
  const size_t at = total;
  total += round_up(bytes, 64);
  return at;
}

}  // namespace

class Compiler {
 public:
  Compiler(const Step& record, Program& out) : record_(record), nodes_(record.nodes()), program_(out) {}
  Result<void> compile();

 private:
  using Op = Step::Op;
  const Step::Node& node(Tensor t) const { return nodes_[static_cast<size_t>(t.node)]; }
  bool used_once(Tensor t) const { return uses_[static_cast<size_t>(t.node)] == 1; }

  void count_uses();
  Result<void> plan_heads(Tensor attend, Tensor input, HeadEpilogue::Role role);
  Result<void> plan_fusions();
  Result<void> emit();
  Result<void> check_state(const Step::Node& attend) const;
  Result<void> emit_products(Tensor first);
  Result<void> emit_experts(Tensor here);
  void emit_token_op(TokenOp op);
  PanelKernel* kernel_of(MatrixId id) const;                    // null: through decode
  void round(int input, std::span<const MatrixId> multiplied);  // as those matrices' kernels ask for
  int slot_of(Tensor t);                                        // the slot that holds t, marked as used now
  int new_slot(int width, bool is_replicated, int rows = 1);
  int shape_of(const Stage& attend);
  void bind(Tensor t, int slot) { slot_by_node_[static_cast<size_t>(t.node)] = slot; }
  void close_epoch() { ++epoch_; }
  void touch(int slot) { last_use_[static_cast<size_t>(slot)] = epoch_; }
  void share_out(Stage& stage) const;
  void place_memory();
  void place_adapters();

  const Step& record_;
  const std::vector<Step::Node>& nodes_;
  Program& program_;

  std::vector<int> uses_;
  // Fusion plan, by node index of the linear (or of the gate's linear).
  struct Fusion {
    HeadEpilogue heads;
    Tensor result;    // the node whose value the product yields
    Tensor residual;  // added to it
    Tensor up;        // the other linear of a gated pair
    Product::Gate gate = Product::Gate::kNone;
    bool has_gelu = false;
    bool is_absorbed = false;  // computed as the `up` of another
  };
  std::vector<Fusion> fusions_;
  std::vector<bool> is_done_;
  std::vector<int> slot_by_node_;
  // Memory: epochs are the stretches between barriers; a slot's memory is free again in the epoch after its last use.
  int epoch_ = 0;
  std::vector<int> first_use_, last_use_;
  std::vector<bool> is_head_slot_;
  bool in_head_ = false;
};

void Compiler::count_uses() {
  uses_.assign(nodes_.size(), 0);
  for (const auto& n : nodes_)
    for (const Tensor t : {n.a, n.b, n.c})
      if (t.node >= 0) ++uses_[static_cast<size_t>(t.node)];
}

int Compiler::shape_of(const Stage& attend) {
  const AttentionShape shape{attend.heads, program_.layout_.layer(attend.attention.layer).heads, attend.attention.window};
  auto& shapes = program_.shapes_;
  const auto found = std::ranges::find(shapes, shape);
  const auto at = found - shapes.begin();
  if (found == shapes.end()) shapes.push_back(shape);
  return static_cast<int>(at);
}

// q, k or v of an attention: linear -> heads -> [norm] -> [rope], each used only here.
Result<void> Compiler::plan_heads(Tensor attend, Tensor input, HeadEpilogue::Role role) {
  HeadEpilogue heads{.role = role, .head_dim = node(input).head_dim, .layer = node(attend).attention.layer};
  if (role == HeadEpilogue::Role::kQuery) heads.scale = node(attend).attention.scale;
  Tensor t = input;
  std::vector<Tensor> chain{t};
  if (node(t).op == Op::kRope) {
    heads.rope = node(t).rope;
    chain.push_back(t = node(t).a);
  }
  if (node(t).op == Op::kRmsNorm) {
    heads.norm = node(t).vector;
    heads.eps = node(t).value;
    chain.push_back(t = node(t).a);
  }
  if (node(t).op != Op::kHeads || node(node(t).a).op != Op::kLinear)
    return internal("step: attention of layer {}: an input is not linear, heads, norm, rope in this order", heads.layer);
  chain.push_back(t = node(t).a);
  for (const Tensor link : chain) {
    if (!used_once(link)) return internal("step: attention of layer {}: an input is also used elsewhere", heads.layer);
    is_done_[static_cast<size_t>(link.node)] = link.node != t.node;
  }
  Fusion& fusion = fusions_[static_cast<size_t>(t.node)];
  fusion.heads = heads;
  fusion.result = input;
  return {};
}

Result<void> Compiler::plan_fusions() {
  fusions_.assign(nodes_.size(), {});
  is_done_.assign(nodes_.size(), false);
  for (int i = 0; i < static_cast<int>(nodes_.size()); ++i) fusions_[static_cast<size_t>(i)].result = {i};
  for (int i = 0; i < static_cast<int>(nodes_.size()); ++i) {
    const Step::Node& n = nodes_[static_cast<size_t>(i)];
    const Tensor here{i};
    if (n.op == Op::kAttend) {
      HB_TRY(plan_heads(here, n.a, HeadEpilogue::Role::kQuery));
      HB_TRY(plan_heads(here, n.b, HeadEpilogue::Role::kKey));
      HB_TRY(plan_heads(here, n.c, HeadEpilogue::Role::kValue));
    }
    if (n.op == Op::kSwiglu || n.op == Op::kGeglu) {
      const bool pair = node(n.a).op == Op::kLinear && node(n.b).op == Op::kLinear && node(n.a).a.node == node(n.b).a.node &&
                        used_once(n.a) && used_once(n.b);
      if (!pair) continue;
      Fusion& gate = fusions_[static_cast<size_t>(n.a.node)];
      gate.gate = n.op == Op::kSwiglu ? Product::Gate::kSwiglu : Product::Gate::kGeglu;
      gate.up = n.b;
      gate.result = here;
      fusions_[static_cast<size_t>(n.b.node)].is_absorbed = true;
      is_done_[static_cast<size_t>(i)] = is_done_[static_cast<size_t>(n.b.node)] = true;
    }
    if (n.op == Op::kGelu && node(n.a).op == Op::kLinear && used_once(n.a)) {
      Fusion& fusion = fusions_[static_cast<size_t>(n.a.node)];
      fusion.has_gelu = true;
      fusion.result = here;
      is_done_[static_cast<size_t>(i)] = true;
    }
    if (n.op == Op::kAdd) {
      for (const auto& [product, other] : {std::pair{n.b, n.a}, std::pair{n.a, n.b}}) {
        const bool is_product = node(product).op == Op::kLinear || node(product).op == Op::kExperts;
        if (!is_product || !used_once(product) || other.node > product.node) continue;
        Fusion& fusion = fusions_[static_cast<size_t>(product.node)];
        fusion.residual = other;
        fusion.result = here;
        is_done_[static_cast<size_t>(i)] = true;
        break;
      }
    }
  }
  return {};
}

int Compiler::new_slot(int width, bool is_replicated, int rows) {
  program_.slots_.push_back({.width = width, .rows = rows, .is_replicated = is_replicated});
  first_use_.push_back(epoch_);
  last_use_.push_back(epoch_);
  is_head_slot_.push_back(in_head_);
  return static_cast<int>(program_.slots_.size()) - 1;
}

int Compiler::slot_of(Tensor t) {
  const int slot = slot_by_node_[static_cast<size_t>(t.node)];
  touch(slot);
  return slot;
}

void Compiler::emit_token_op(TokenOp op) {
  auto& stages = program_.stages_;
  const bool at_head = in_head_ && stages.size() == program_.head_begin_;
  if (stages.empty() || at_head || stages.back().kind != Stage::Kind::kTokens) stages.emplace_back();
  stages.back().ops.push_back(op);
}

PanelKernel* Compiler::kernel_of(MatrixId id) const {
  const Matrix& m = record_.weights()[id];
  if (!m.is_panels || (program_.is_float_ && m.format->activations != ActivationKind::kFloat)) return nullptr;
  return panel_kernel(*program_.kernels_, m.format->name);
}

void Compiler::round(int input, std::span<const MatrixId> multiplied) {
  const auto any_of = [&](ActivationKind kind) {
    return std::ranges::any_of(multiplied,
                               [&](MatrixId id) { return kernel_of(id) != nullptr && record_.weights()[id].format->activations == kind; });
  };
  if (any_of(ActivationKind::kPer32)) emit_token_op({.kind = TokenOp::Kind::kQuantize32, .a = input});
  if (any_of(ActivationKind::kPer256)) emit_token_op({.kind = TokenOp::Kind::kQuantize256, .a = input});
  if (!any_of(ActivationKind::kBf16)) return;
  emit_token_op({.kind = TokenOp::Kind::kRoundBf16, .a = input});
  program_.bf16_rows_ = std::max(program_.bf16_rows_, static_cast<size_t>(program_.slots_[static_cast<size_t>(input)].rows));
}

Result<void> Compiler::emit_products(Tensor first) {
  const Tensor input = node(first).a;
  std::vector<Tensor> group;  // all products of this input that can run now
  for (int i = first.node; i < static_cast<int>(nodes_.size()); ++i) {
    const Step::Node& n = nodes_[static_cast<size_t>(i)];
    const Fusion& fusion = fusions_[static_cast<size_t>(i)];
    if (n.op != node(first).op || n.a.node != input.node || is_done_[static_cast<size_t>(i)] || fusion.is_absorbed) continue;
    if (fusion.residual.node >= 0 && slot_by_node_[static_cast<size_t>(fusion.residual.node)] < 0) continue;
    group.push_back({i});
    is_done_[static_cast<size_t>(i)] = true;
  }
  std::vector<MatrixId> matrices;
  Stage stage{.kind = node(first).op == Op::kLogits ? Stage::Kind::kLogits : Stage::Kind::kProducts};
  for (const Tensor t : group) {
    const Step::Node& n = node(t);
    const Fusion& fusion = fusions_[static_cast<size_t>(t.node)];
    Product product{
        .linear = n.linear, .gate = fusion.gate, .has_gelu = fusion.has_gelu, .heads = fusion.heads, .kernel = kernel_of(n.linear.matrix)};
    matrices.push_back(n.linear.matrix);
    if (fusion.gate != Product::Gate::kNone) {
      product.up = node(fusion.up).linear;
      product.up_kernel = kernel_of(product.up.matrix);
      matrices.push_back(product.up.matrix);
    }
    stage.products.push_back(product);
  }
  stage.input = slot_of(input);
  round(stage.input, matrices);
  for (size_t i = 0; i < group.size(); ++i) {
    const Fusion& fusion = fusions_[static_cast<size_t>(group[i].node)];
    Product& product = stage.products[i];
    if (fusion.residual.node >= 0) product.residual = slot_of(fusion.residual);
    product.out = new_slot(node(group[i]).width, false);
    bind(fusion.result, product.out);
    if (node(group[i]).op == Op::kLogits) program_.logits_slot_ = product.out;
  }
  share_out(stage);
  program_.stages_.push_back(std::move(stage));
  close_epoch();
  return {};
}

// Between the two stages lies a tensor with a row for each pair of a token and an expert, sorted by expert.
Result<void> Compiler::emit_experts(Tensor here) {
  const Step::Node& n = node(here);
  if (node(n.b).op != Op::kRoute) return internal("step: node {}: experts are only known after a route", here.node);
  const Fusion& fusion = fusions_[static_cast<size_t>(here.node)];
  const Experts& e = n.experts;
  const int used = node(n.b).width / 2;
  const MatrixId gate = e.gate.front(), up = e.up.front(), down = e.down.front();

  Stage gated{.kind = Stage::Kind::kExperts, .input = slot_of(n.a)};
  gated.experts = {{e.gate, kernel_of(gate)}, {e.up, kernel_of(up)}};
  gated.routing = slot_of(n.b);
  round(gated.input, std::array{gate, up});
  gated.out = new_slot(static_cast<int>(record_.weights()[gate].rows), false, used);
  const int between = gated.out;
  program_.stages_.push_back(std::move(gated));
  close_epoch();

  Stage sum{.kind = Stage::Kind::kExpertSum, .input = between};
  sum.experts = {{e.down, kernel_of(down)}};
  sum.routing = slot_of(n.b);
  touch(between);
  round(between, std::array{down});
  if (fusion.residual.node >= 0) sum.residual = slot_of(fusion.residual);
  sum.out = new_slot(n.width, false);
  bind(fusion.result, sum.out);
  program_.stages_.push_back(std::move(sum));
  close_epoch();
  program_.max_experts_ = std::max(program_.max_experts_, static_cast<int>(e.gate.size()));
  program_.max_pairs_ = std::max(program_.max_pairs_, used * program_.max_tokens_);
  return {};
}

// What an attention stores is what the formula says that the layer keeps.
Result<void> Compiler::check_state(const Step::Node& attend) const {
  const int layer = attend.attention.layer;
  const StateLayout& layout = program_.layout_;
  if (layer >= layout.layers()) return internal("step: attention of layer {}: the state list has no such layer", layer);
  const PagedState& kept = layout.layer(layer);
  const auto is = [&](Tensor t, int dims) { return node(t).head_dim == dims && node(t).width == dims * kept.heads; };
  if (!is(attend.b, kept.k_dims) || !is(attend.c, kept.v_dims) || node(attend.a).head_dim != kept.k_dims ||
      attend.attention.window != kept.window)
    return internal("step: attention of layer {}: keys of {} heads of {}, values of {}, window {} are not what it computes", layer,
                    kept.heads, kept.k_dims, kept.v_dims, kept.window);
  return {};
}

Result<void> Compiler::emit() {
  slot_by_node_.assign(nodes_.size(), -1);
  for (size_t r = 0; r < record_.ropes().size(); ++r) {
    const int pairs = static_cast<int>(record_.ropes()[r].inverse_frequency.size());
    program_.rope_slots_.push_back(new_slot(2 * static_cast<int>(round_up(static_cast<uint64_t>(pairs), 16)), true));
    emit_token_op({.kind = TokenOp::Kind::kRopeTable, .out = program_.rope_slots_.back(), .index = static_cast<int>(r)});
  }
  for (int i = 0; i < static_cast<int>(nodes_.size()); ++i) {
    if (is_done_[static_cast<size_t>(i)]) continue;
    const Step::Node& n = nodes_[static_cast<size_t>(i)];
    const Tensor here{i};
    TokenOp op{.kind = TokenOp::Kind::kAdd, .table = n.linear.matrix, .weight = n.vector, .bias = n.bias, .value = n.value};
    switch (n.op) {
      case Op::kLinear:
      case Op::kLogits: HB_TRY(emit_products(here)); continue;
      case Op::kExperts: HB_TRY(emit_experts(here)); continue;
      case Op::kAttend: {
        HB_TRY(check_state(n));
        Stage stage{.kind = Stage::Kind::kAttend,
                    .attention = n.attention,
                    .q = slot_of(n.a),
                    .heads = n.width / n.head_dim,
                    .k_dims = node(n.a).head_dim,
                    .v_dims = n.head_dim};
        stage.shape = shape_of(stage);
        program_.max_heads_ = std::max(program_.max_heads_, stage.heads);
        const int out = new_slot(n.width, true);
        stage.out = out;
        program_.stages_.push_back(std::move(stage));
        close_epoch();
        emit_token_op({.kind = TokenOp::Kind::kMergeAttention, .out = out, .index = static_cast<int>(program_.stages_.size()) - 1});
        bind(here, out);
        touch(out);
        continue;
      }
      case Op::kOutput: {
        const int from = slot_of(n.a);
        in_head_ = true;
        program_.head_begin_ = program_.stages_.size();
        op.kind = TokenOp::Kind::kGather;
        op.a = from;
        break;
      }
      case Op::kEmbed: op.kind = TokenOp::Kind::kEmbed; break;
      case Op::kEmbedPosition: op.kind = TokenOp::Kind::kEmbedPosition; break;
      case Op::kRmsNorm: op.kind = TokenOp::Kind::kRmsNorm; break;
      case Op::kLayerNorm: op.kind = TokenOp::Kind::kLayerNorm; break;
      case Op::kScale: op.kind = TokenOp::Kind::kScale; break;
      case Op::kAdd: op.kind = TokenOp::Kind::kAdd; break;
      case Op::kSwiglu: op.kind = TokenOp::Kind::kSwiglu; break;
      case Op::kGeglu: op.kind = TokenOp::Kind::kGeglu; break;
      case Op::kGelu: op.kind = TokenOp::Kind::kGelu; break;
      case Op::kRoute: op.kind = TokenOp::Kind::kRoute; break;
      case Op::kHeads:
      case Op::kRope: return internal("step: node {}: heads and rope are only known as inputs of an attention", i);
    }
    if (n.a.node >= 0 && n.op != Op::kOutput) op.a = slot_of(n.a);
    if (n.b.node >= 0) op.b = slot_of(n.b);
    op.out = new_slot(n.width, true);
    emit_token_op(op);
    bind(here, op.out);
  }
  for (const int slot : program_.rope_slots_) touch(slot);
  if (program_.logits_slot_ < 0 || !in_head_) return internal("step: the record has no output or no logits");
  program_.vocabulary_ = program_.slots_[static_cast<size_t>(program_.logits_slot_)].width;
  return {};
}

// Contiguous shares of equal bytes. Heads are not divided: the thread that computes a head also turns it and stores it; nor is a block
// of the vocabulary.
void Compiler::share_out(Stage& stage) const {
  struct Unit {
    PanelRange range;
    size_t bytes;
  };
  const Weights& weights = record_.weights();
  std::vector<Unit> units;
  size_t total = 0;
  for (size_t p = 0; p < stage.products.size(); ++p) {
    const Product& product = stage.products[p];
    const Matrix& matrix = weights[product.linear.matrix];
    size_t panel_bytes = matrix.bytes() / matrix.panels();
    if (product.gate != Product::Gate::kNone) panel_bytes += weights[product.up.matrix].bytes() / matrix.panels();
    const auto undivided = static_cast<uint32_t>(stage.kind == Stage::Kind::kLogits ? kVocabularyBlock : product.heads.head_dim);
    const uint32_t step = undivided > 0 ? std::lcm(undivided, 16U) / 16 : 1;
    for (uint32_t first = 0; first < matrix.panels(); first += step) {
      const uint32_t last = std::min(first + step, matrix.panels());
      units.push_back({{static_cast<int>(p), first, last}, panel_bytes * (last - first)});
      total += units.back().bytes;
    }
  }
  stage.shares.resize(static_cast<size_t>(program_.threads_));
  size_t before = 0;
  for (const Unit& unit : units) {
    // The middle of the unit decides whose it is.
    const size_t thread = std::min<size_t>((before + unit.bytes / 2) * static_cast<size_t>(program_.threads_) / std::max<size_t>(total, 1),
                                           static_cast<size_t>(program_.threads_) - 1);
    before += unit.bytes;
    auto& share = stage.shares[thread];
    if (!share.empty() && share.back().product == unit.range.product && share.back().last == unit.range.first)
      share.back().last = unit.range.last;
    else
      share.push_back(unit.range);
  }
}

void Compiler::place_memory() {
  Program& p = program_;
  struct Holder {
    size_t stride, rows;
    int busy_until;
    bool is_head;
  };
  std::vector<Holder> holders;
  for (size_t s = 0; s < p.slots_.size(); ++s) {
    const size_t stride = round_up(static_cast<uint64_t>(p.slots_[s].width), 16);
    const auto rows = static_cast<size_t>(p.slots_[s].rows);
    size_t best = holders.size();
    for (size_t h = 0; h < holders.size(); ++h) {
      const Holder& holder = holders[h];
      if (holder.busy_until >= first_use_[s] || holder.is_head != is_head_slot_[s] || holder.stride != stride || holder.rows != rows)
        continue;
      best = h;
      break;
    }
    if (best == holders.size()) holders.push_back({stride, rows, 0, is_head_slot_[s]});
    holders[best].busy_until = last_use_[s];
    p.slots_[s].buffer = static_cast<int>(best);
  }
  const auto rows = static_cast<size_t>(p.max_tokens_);
  const auto few = static_cast<size_t>(kFewTokens);
  for (const Holder& h : holders) {
    const size_t row_bytes = h.rows * h.stride * sizeof(float);  // of a token
    const size_t many = h.is_head ? std::min<size_t>(kLogitsRows, rows) : rows;
    Program::BufferPlace place{.stride = h.stride, .shared = take(p.shared_bytes_, many * row_bytes), .own = 0};
    place.own = take(p.own_bytes_, few * row_bytes);
    p.buffers_.push_back(place);
  }
  size_t quantized = 0, gathered = 0, gathered_floats = 0;  // values of a token
  for (const Stage& stage : p.stages_) {
    if (stage.input < 0) continue;
    const Slot& input = p.slots_[static_cast<size_t>(stage.input)];
    quantized = std::max(quantized, static_cast<size_t>(input.rows) * p.quantized_stride(stage.input));
    if (stage.kind != Stage::Kind::kExperts) continue;
    gathered = std::max(gathered, p.quantized_stride(stage.input));
    gathered_floats = std::max(gathered_floats, p.buffers_[static_cast<size_t>(input.buffer)].stride);
  }
  for (const Matrix& m : record_.weights().matrices) p.max_columns_ = std::max<size_t>(p.max_columns_, m.columns);
  const auto activations = [&](size_t& total, size_t values) {
    return Program::ActivationPlace{.values = values,
                                    .q = take(total, 2 * values),
                                    .scale = take(total, 2 * values / 32 * sizeof(float)),
                                    .sum32 = take(total, 2 * values / 32 * sizeof(int16_t)),
                                    .sum16 = take(total, 2 * values / 16 * sizeof(int16_t))};
  };
  p.shared_activations_ = activations(p.shared_bytes_, rows * quantized);
  p.own_activations_ = activations(p.own_bytes_, few * quantized);
  const auto pairs = [&](size_t& total, size_t count) {
    return take(total, round_up(static_cast<uint64_t>(p.max_columns_), kGroup) * count * sizeof(uint16_t));
  };
  p.shared_bf16_ = pairs(p.shared_bytes_, rows * p.bf16_rows_);
  p.own_bf16_ = pairs(p.own_bytes_, few * p.bf16_rows_);
  if (gathered > 0 && p.bf16_rows_ > 0) p.own_gathered_bf16_ = pairs(p.own_bytes_, Program::kExpertRows);
  p.own_gathered_ = activations(p.own_bytes_, Program::kExpertRows * gathered);
  p.own_gathered_floats_ = take(p.own_bytes_, Program::kExpertRows * gathered_floats * sizeof(float));
  p.own_pairs_ = take(p.own_bytes_, (static_cast<size_t>(p.max_experts_) + 2 + 2 * static_cast<size_t>(p.max_pairs_)) * sizeof(int));
  int v_dims = 0;
  for (const Stage& stage : p.stages_) v_dims = std::max(v_dims, stage.v_dims);
  p.partial_stride_ = round_up(static_cast<uint64_t>(v_dims), 16) + 16;
  p.shared_partials_ = take(p.shared_bytes_, static_cast<size_t>(AttentionTasks::kMostParts) * static_cast<size_t>(p.max_heads_) *
                                                 p.partial_stride_ * sizeof(float));
  p.own_scratch_ = take(p.own_bytes_, panel_scratch_bytes(round_up(p.max_columns_, 256)));
  p.own_up_ = take(p.own_bytes_, Program::kUpBytes + rows * kPanelRows * sizeof(float));
  p.own_tile_ = take(p.own_bytes_, p.max_columns_ * kPanelRows * sizeof(float));
  p.own_raw_ = take(p.own_bytes_, p.max_columns_ * 2 * sizeof(float));
  p.own_states_ = take(p.own_bytes_, size_t{2} * AttentionTasks::kQueryRows * p.partial_stride_ * sizeof(float));
  p.own_logits_ = take(p.own_bytes_, kLogitsRows * Program::kLogitsAtOnce * sizeof(float));
  p.shared_exp_sums_ = take(p.shared_bytes_, 2 * kLogitsRows * p.vocabulary_blocks() * sizeof(float));
  if (p.adapter_rank_ > 0) place_adapters();
}

void Compiler::place_adapters() {
  Program& p = program_;
  p.place_in_stage_.assign(record_.weights().matrices.size(), 0);
  int most = 0;
  for (const Stage& stage : p.stages_) {
    if (stage.kind != Stage::Kind::kProducts) continue;
    int place = 0;
    const auto take_place = [&](MatrixId id) {
      p.place_in_stage_[static_cast<size_t>(id.index)] = place++;
      p.ax_groups_ = std::max<size_t>(p.ax_groups_, ceil_div(record_.weights()[id].columns, kGroup));
    };
    for (const Product& product : stage.products) {
      take_place(product.linear.matrix);
      if (product.gate != Product::Gate::kNone) take_place(product.up.matrix);
    }
    most = std::max(most, place);
  }
  const auto places = static_cast<size_t>(most) * kMostAdapters, rank = static_cast<size_t>(p.adapter_rank_);
  const auto rows = static_cast<size_t>(p.max_tokens_);
  p.shared_ax_ = take(p.shared_bytes_, places * rows * rank * sizeof(float));
  p.shared_ax_parts_ = take(p.shared_bytes_, places * p.ax_groups_ * kFewTokens * rank * sizeof(float));
  p.own_ax_ = take(p.own_bytes_, places * kFewTokens * rank * sizeof(float));
  p.own_changes_ = take(p.own_bytes_, Program::kUpBytes + rows * kPanelRows * sizeof(float));
}

Result<void> Compiler::compile() {
  count_uses();
  HB_TRY(plan_fusions());
  program_.ropes_ = record_.ropes();
  HB_TRY(emit());
  place_memory();
  return {};
}

Result<Program> Program::compile(const Step& record, StateLayout layout, const ProgramOptions& options) {
  Program program(std::move(layout));
  program.weights_ = &record.weights();
  program.kernels_ = &halfbyte::kernels(options.isa);
  program.threads_ = options.threads;
  program.max_tokens_ = options.max_tokens;
  program.is_float_ = options.activations == ActivationMode::kFloat;
  program.adapter_rank_ = options.adapter_rank;
  HB_TRY(Compiler(record, program).compile());
  return program;
}

template <class Visit>
void Program::for_multiplied(const Stage& stage, Visit visit) const {
  for (const Product& product : stage.products) {
    visit((*weights_)[product.linear.matrix], 1);
    if (product.gate != Product::Gate::kNone) visit((*weights_)[product.up.matrix], 1);
  }
  for (const ExpertProduct& product : stage.experts)
    visit((*weights_)[product.matrices.front()], slots_[static_cast<size_t>(stage.routing)].width / 2);
}

size_t Program::bytes_per_token() const {
  size_t sum = 0;
  for (const Stage& stage : stages_) {
    for_multiplied(stage, [&](const Matrix& matrix, int times) { sum += matrix.bytes() * static_cast<size_t>(times); });
    for (const TokenOp& op : stage.ops)
      if (op.kind == TokenOp::Kind::kEmbed || op.kind == TokenOp::Kind::kEmbedPosition)
        sum += (*weights_)[op.table].format->row_bytes((*weights_)[op.table].columns);
  }
  return sum;
}

uint64_t Program::macs_per_token() const {
  uint64_t sum = 0;
  for (size_t s = 0; s < head_begin_; ++s)
    for_multiplied(stages_[s],
                   [&](const Matrix& matrix, int times) { sum += uint64_t{matrix.rows} * matrix.columns * static_cast<uint64_t>(times); });
  return sum;
}

}  // namespace halfbyte
