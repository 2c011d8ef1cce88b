#include "engine/runner.h"

#include <algorithm>
#include <atomic>
#include <numeric>
#include <utility>

#include "base/checked.h"
#include "base/errors.h"

namespace halfbyte {

Result<Program> Runner::compile(const Model& model, const ThreadPool& pool, const RunnerOptions& options) {
  Step record(model.weights);
  model.formula->forward(record);
  StateList state;
  model.formula->state(state);
  HB_TRY_ASSIGN(k_type, find_kv_type("kv_types.k", options.kv_types.k));
  HB_TRY_ASSIGN(v_type, find_kv_type("kv_types.v", options.kv_types.v));
  return Program::compile(record, StateLayout(state, *k_type, *v_type),
                          {.isa = options.isa.value_or(default_isa()),
                           .threads = pool.threads(),
                           .max_tokens = options.chunk_tokens,
                           .activations = options.activations,
                           .adapter_rank = options.adapter_rank});
}

Result<void> check_tokens(std::string_view name, std::span<const Token> tokens, int vocabulary) {
  if (tokens.empty()) return invalid("{}: no tokens", name);
  for (size_t i = 0; i < tokens.size(); ++i)
    if (tokens[i] < 0 || tokens[i] >= vocabulary)
      return invalid("{}: token {} at index {} is outside the vocabulary of {}", name, tokens[i], i, vocabulary);
  return {};
}

Result<Runner> Runner::create(const Model& model, ThreadPool& pool, const RunnerOptions& options, const World& world) {
  HB_TRY_ASSIGN(program, compile(model, pool, options));
  return create(std::move(program), pool, options, world);
}

Result<Runner> Runner::create(Program program, ThreadPool& pool, const RunnerOptions& options, const World& world) {
  const int pages = static_cast<int>(ceil_div(static_cast<uint64_t>(options.cache_tokens), kPagePositions));
  const Need size{.pages = std::vector<int>(program.layout().groups().size(), pages), .slabs = options.slabs};
  HB_TRY_ASSIGN(memory, Memory::create(program.layout(), size, world));
  HB_TRY_ASSIGN(workspace, program.workspace(world));
  std::unique_ptr<const StepTrace> trace;
  if (options.trace != nullptr) {
    options.trace->set_threads(pool.threads());
    trace = std::make_unique<const StepTrace>(*options.trace, program.stage_names());
  }
  return Runner(std::move(program), std::move(memory), std::move(workspace), pool, std::move(trace));
}

void Runner::share_out(size_t count, const std::function<void(size_t)>& work) {
  if (count == 0) return;
  if (count == 1) return work(0);
  std::atomic<size_t> next{0};
  pool_->run([&](int) {
    for (size_t i = next++; i < count; i = next++) work(i);
  });
}

std::string Runner::warning() const {
  const auto sentence = [](std::string_view what, const KvType& type) {
    std::string others;
    for (const KvType& other : kv_types())
      if (other.greatest > type.greatest) others += fmt::format("{}{}", others.empty() ? "" : ", ", other.name);
    return fmt::format("{} beyond {:.8g} were cut off: a cache of {} holds no greater ones, kv type {} does", what, type.greatest,
                       type.name, others);
  };
  const KvType &k = program_.layout().k_type(), &v = program_.layout().v_type();
  const bool keys = workspace_.has_cut_off_k(), values = workspace_.has_cut_off_v();
  if (!keys && !values) return {};
  if (&k == &v) return sentence("keys or values", k);
  return fmt::format("{}{}{}", keys ? sentence("keys", k) : "", keys && values ? "; " : "", values ? sentence("values", v) : "");
}

// Their order in a step: those with the same adapters side by side, so that these multiply their rows at once.
std::vector<size_t> Runner::order(std::span<const SliceTokens> slices) {
  std::vector<size_t> order(slices.size());
  std::iota(order.begin(), order.end(), size_t{0});
  if (std::ranges::all_of(slices, [](const SliceTokens& slice) { return slice.adapters.empty(); })) return order;
  const auto is_before = [&](size_t a, size_t b) {
    return std::ranges::lexicographical_compare(
        slices[a].adapters, slices[b].adapters, [](const AppliedAdapter& x, const AppliedAdapter& y) {
          return std::pair(x.adapter->identity, x.factor) < std::pair(y.adapter->identity, y.factor);
        });
  };
  std::ranges::sort(order, [&](size_t a, size_t b) { return is_before(a, b) || (!is_before(b, a) && a < b); });
  return order;
}

void Runner::run(std::span<const SliceTokens> slices, const Sink& sink) {
  std::vector<Token> tokens;
  std::vector<SliceRows> slice_rows;
  std::vector<WantedRow> wanted;
  std::vector<std::pair<size_t, size_t>> places;  // of the wanted rows: slice, token
  for (const size_t s : order(slices)) {
    const SliceTokens& slice = slices[s];
    CachedSequence& sequence = *slice.sequence;
    SliceRows rows{.first_row = static_cast<int>(tokens.size()),
                   .count = static_cast<int>(slice.tokens.size()),
                   .first_position = sequence.length,
                   .slab = sequence.slab,
                   .adapters = slice.adapters};
    for (const auto& table : sequence.tables) rows.pages.push_back(table.data());
    slice_rows.push_back(std::move(rows));
    for (size_t t = slice.first_wanted; t < slice.tokens.size(); ++t) {
      wanted.push_back({.row = static_cast<int>(tokens.size() + t), .need = slice.need});
      places.emplace_back(s, t);
    }
    tokens.insert(tokens.end(), slice.tokens.begin(), slice.tokens.end());
  }
  program_.run({.tokens = tokens, .slices = slice_rows, .wanted = wanted, .trace = trace_.get()}, *pool_, workspace_,
               [&](size_t i, const Logits& logits) { sink(places[i].first, places[i].second, logits); });
  for (const SliceTokens& slice : slices) slice.sequence->length += static_cast<int>(slice.tokens.size());
}

}  // namespace halfbyte
