#include "engine/runner.h"

#include <algorithm>

#include "base/checked.h"
#include "base/errors.h"

namespace halfbyte {

namespace {

Result<Program> compile(const Model& model, int threads, const RunnerOptions& options) {
  Step record(model.weights);
  model.formula->forward(record);
  return Program::compile(record, KvLayout(model.formula->cache(), options.kv_type),
                          {.isa = options.isa.value_or(default_isa()),
                           .threads = threads,
                           .max_tokens = options.chunk_tokens,
                           .activations = options.activations});
}

}  // namespace

Result<void> check_tokens(std::string_view name, std::span<const Token> tokens, int vocabulary) {
  if (tokens.empty()) return invalid("{}: no tokens", name);
  for (size_t i = 0; i < tokens.size(); ++i)
    if (tokens[i] < 0 || tokens[i] >= vocabulary)
      return invalid("{}: token {} at index {} is outside the vocabulary of {}", name, tokens[i], i, vocabulary);
  return {};
}

Result<Runner> Runner::create(const Model& model, ThreadPool& pool, const RunnerOptions& options, const World& world) {
  HB_TRY_ASSIGN(program, compile(model, pool.threads(), options));
  const int pages = static_cast<int>(ceil_div(static_cast<uint64_t>(options.cache_tokens), kPagePositions));
  HB_TRY_ASSIGN(cache, BlockPool::create(program.layout(), pages, world));
  HB_TRY_ASSIGN(workspace, program.workspace(world));
  return Runner(std::move(program), std::move(cache), std::move(workspace), pool);
}

std::string Runner::warning() const {
  if (!workspace_.has_cut_off()) return {};
  const float limit = greatest_kept(program_.layout().type());
  std::string_view type;
  std::string others;
  for (const KvTypeName& kind : kKvTypes) {
    if (kind.type == program_.layout().type()) type = kind.name;
    if (greatest_kept(kind.type) > limit) others += fmt::format("{}{}", others.empty() ? "" : ", ", kind.name);
  }
  return fmt::format("keys or values beyond {:.8g} were cut off: a cache of {} holds no greater ones, kv type {} does", limit, type,
                     others);
}

int Runner::pages_for(int tokens) const { return static_cast<int>(ceil_div(static_cast<uint64_t>(tokens), kPagePositions)); }

int Runner::free_pages() const {
  int most_used = 0;
  for (int g = 0; g < cache_.groups(); ++g) most_used = std::max(most_used, cache_.used(g));
  return cache_.pages() - most_used;
}

bool Runner::reserve(CachedSequence& sequence, int length) {
  sequence.tables.resize(static_cast<size_t>(cache_.groups()));
  for (int g = 0; g < cache_.groups(); ++g) {
    auto& table = sequence.tables[static_cast<size_t>(g)];
    while (static_cast<int>(table.size()) < pages_for(length)) {
      std::byte* page = cache_.acquire(g);
      if (page == nullptr) return false;
      table.push_back(page);
    }
  }
  return true;
}

// Pages that no later token sees: those wholly before the window of the next position.
void Runner::drop_unseen(CachedSequence& sequence) {
  for (int g = 0; g < cache_.groups(); ++g) {
    const int window = program_.layout().groups()[static_cast<size_t>(g)].window;
    if (window == 0) continue;
    auto& table = sequence.tables[static_cast<size_t>(g)];
    const int first_seen = std::max(0, sequence.length + 1 - window);
    // From the youngest back: what lies before a page already given back was given back earlier.
    for (auto page = table.begin() + first_seen / kPagePositions; page != table.begin();) {
      --page;
      if (*page == nullptr) break;
      cache_.release(g, *page);
      *page = nullptr;
    }
  }
}

void Runner::release(CachedSequence& sequence) {
  for (size_t g = 0; g < sequence.tables.size(); ++g)
    for (std::byte* page : sequence.tables[g])
      if (page != nullptr) cache_.release(static_cast<int>(g), page);
  sequence = {};
}

Result<void> Runner::run(std::span<const SliceTokens> slices, const Sink& sink) {
  std::vector<Token> tokens;
  std::vector<SliceRows> slice_rows;
  std::vector<WantedRow> wanted;
  std::vector<std::pair<size_t, size_t>> places;  // of the wanted rows: slice, token
  for (size_t s = 0; s < slices.size(); ++s) {
    const SliceTokens& slice = slices[s];
    CachedSequence& sequence = *slice.sequence;
    if (!reserve(sequence, sequence.length + static_cast<int>(slice.tokens.size())))
      return busy("cache: all {} pages are in use", cache_.pages());
    SliceRows rows{
        .first_row = static_cast<int>(tokens.size()), .count = static_cast<int>(slice.tokens.size()), .first_position = sequence.length};
    for (const auto& table : sequence.tables) rows.pages.push_back(table.data());
    slice_rows.push_back(std::move(rows));
    for (size_t t = slice.first_wanted; t < slice.tokens.size(); ++t) {
      wanted.push_back({.row = static_cast<int>(tokens.size() + t), .need = slice.need});
      places.emplace_back(s, t);
    }
    tokens.insert(tokens.end(), slice.tokens.begin(), slice.tokens.end());
  }
  program_.run({.tokens = tokens, .slices = slice_rows, .wanted = wanted}, *pool_, workspace_,
               [&](size_t i, const Logits& logits) { sink(places[i].first, places[i].second, logits); });
  for (const SliceTokens& slice : slices) {
    slice.sequence->length += static_cast<int>(slice.tokens.size());
    drop_unseen(*slice.sequence);
  }
  return {};
}

}  // namespace halfbyte
