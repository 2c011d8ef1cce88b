#include "engine/memory.h"

#include <algorithm>
#include <cstring>
#include <limits>
#include <utility>

#include "base/checked.h"

namespace halfbyte {
namespace {

size_t pages_for(int positions) { return ceil_div(static_cast<uint64_t>(positions), kPagePositions); }

}  // namespace

bool Need::fits(const Need& free) const {
  for (size_t g = 0; g < pages.size(); ++g)
    if (pages[g] > free.pages[g]) return false;
  return slabs <= free.slabs;
}

Result<Memory::Pool> Memory::Pool::create(size_t piece_bytes, int count, const World& world) {
  Pool pool;
  pool.piece_bytes_ = piece_bytes;
  HB_TRY_INTO(pool.memory_, world.allocate(piece_bytes * static_cast<size_t>(count)));
  pool.pieces_.resize(static_cast<size_t>(count) + 1);
  pool.piece(count) = {.before = count, .after = count};
  for (int32_t i = 0; i < count; ++i) pool.link(i, count);
  return pool;
}

// Into the list of free ones, before `before`.
void Memory::Pool::link(int32_t index, int32_t before) {
  piece(index).before = piece(before).before;
  piece(index).after = before;
  piece(piece(index).before).after = index;
  piece(before).before = index;
  ++free_;
}

void Memory::Pool::unlink(int32_t index) {
  piece(piece(index).before).after = piece(index).after;
  piece(piece(index).after).before = piece(index).before;
  --free_;
}

std::byte* Memory::Pool::take() {
  const int32_t index = pieces_.back().after;
  unlink(index);
  piece(index).users = 1;
  ++piece(index).version;
  piece(index).is_kept = false;
  return at(index);
}

void Memory::Pool::share(const std::byte* at) { share(index_of(at)); }

void Memory::Pool::share(int32_t index) {
  if (piece(index).users++ == 0) unlink(index);
}

void Memory::Pool::release(std::byte* at) {
  const int32_t index = index_of(at);
  if (--piece(index).users > 0) return;
  const auto none = static_cast<int32_t>(pieces_.size()) - 1;
  link(index, piece(index).is_kept ? none : pieces_.back().after);
}

KeptPage Memory::Pool::keep(std::byte* at) {
  const int32_t index = index_of(at);
  piece(index).is_kept = true;
  return {index, piece(index).version};
}

bool Memory::Pool::has(KeptPage page) const {
  return page.index >= 0 && pieces_[static_cast<size_t>(page.index)].is_kept &&
         pieces_[static_cast<size_t>(page.index)].version == page.version;
}

Result<Memory> Memory::create(const StateLayout& layout, const Need& size, const World& world) {
  Memory memory;
  memory.size_ = size;
  for (size_t g = 0; g < layout.groups().size(); ++g) {
    memory.windows_.push_back(layout.groups()[g].window);
    HB_TRY_ASSIGN(pool, Pool::create(layout.groups()[g].page_bytes, size.pages[g], world));
    memory.pools_.push_back(std::move(pool));
  }
  memory.has_slabs_ = layout.slab_bytes() > 0;
  memory.pools_.emplace_back();
  if (memory.has_slabs_)
    HB_TRY_INTO(memory.pools_.back(), Pool::create(layout.slab_bytes(), size.slabs, world));
  else
    memory.size_.slabs = 0;
  return memory;
}

Need Memory::free() const {
  Need free{.slabs = slabs().free()};
  for (int g = 0; g < groups(); ++g) free.pages.push_back(pools_[static_cast<size_t>(g)].free());
  return free;
}

int Memory::free_pages() const {
  int fewest = std::numeric_limits<int>::max();
  for (int g = 0; g < groups(); ++g) fewest = std::min(fewest, pools_[static_cast<size_t>(g)].free());
  return fewest;
}

Need Memory::need(const CachedSequence& sequence, int tokens) const {
  Need need{.slabs = has_slabs_ && sequence.slab == nullptr ? 1 : 0};
  const size_t pages = pages_for(sequence.length + tokens);
  for (size_t g = 0; g < windows_.size(); ++g) {
    const size_t has = g < sequence.tables.size() ? sequence.tables[g].size() : 0;
    need.pages.push_back(static_cast<int>(pages - std::min(pages, has)));
  }
  return need;
}

bool Memory::reserve(CachedSequence& sequence, int tokens) {
  const Need need = this->need(sequence, tokens);
  if (!need.fits(free())) return false;
  sequence.tables.resize(windows_.size());
  for (size_t g = 0; g < windows_.size(); ++g) sequence.tables[g].reserve(sequence.tables[g].size() + static_cast<size_t>(need.pages[g]));
  for (size_t g = 0; g < windows_.size(); ++g)
    for (int i = 0; i < need.pages[g]; ++i) sequence.tables[g].push_back(pools_[g].take());
  if (need.slabs > 0) {
    sequence.slab = slabs().take();
    std::memset(sequence.slab, 0, slabs().piece_bytes());
  }
  return true;
}

void Memory::commit(CachedSequence& sequence) {
  sequence.committed = sequence.length;
  for (size_t g = 0; g < sequence.tables.size(); ++g) {
    if (windows_[g] == 0) continue;
    auto& table = sequence.tables[g];
    const auto first_seen = table.begin() + std::max(0, sequence.length + 1 - windows_[g]) / kPagePositions;
    // What lies before a page already given back was given back earlier.
    const auto given_back = std::ranges::find(std::make_reverse_iterator(first_seen), table.rend(), nullptr);
    for (auto page = given_back.base(); page != first_seen; ++page) {
      pools_[g].release(*page);
      *page = nullptr;
    }
  }
}

int Memory::rewind(CachedSequence& sequence, int position, const Snapshot* from) {
  if (position == sequence.length) return position;
  if (has_slabs_) {
    position = from->position;
    std::memcpy(sequence.slab, slabs().at(from->slab.index), slabs().piece_bytes());
  }
  sequence.length = position;
  for (size_t g = 0; g < sequence.tables.size(); ++g)
    for (auto& table = sequence.tables[g]; table.size() > pages_for(position); table.pop_back()) pools_[g].release(table.back());
  return position;
}

// The last page first: of a prefix, the end is the first to go when memory is needed.
void Memory::release(CachedSequence& sequence) {
  for (size_t g = 0; g < sequence.tables.size(); ++g)
    for (auto& table = sequence.tables[g]; !table.empty(); table.pop_back())
      if (table.back() != nullptr) pools_[g].release(table.back());
  if (sequence.slab != nullptr) slabs().release(sequence.slab);
  sequence = {};
}

KeptPage Memory::keep(const CachedSequence& sequence, int group, int page) {
  std::byte* at = sequence.tables[static_cast<size_t>(group)][static_cast<size_t>(page)];
  return at == nullptr ? KeptPage{} : pools_[static_cast<size_t>(group)].keep(at);
}

bool Memory::share(CachedSequence& sequence, const Prefix& prefix) {
  const auto first_page = static_cast<size_t>(sequence.length / kPagePositions);
  const size_t pages = pages_for(prefix.position);
  const auto first_seen = [&](size_t g) {
    return windows_[g] == 0 ? size_t{0} : static_cast<size_t>(std::max(0, prefix.position + 1 - windows_[g]) / kPagePositions);
  };
  for (size_t g = 0; g < windows_.size(); ++g)
    for (size_t i = std::max(first_page, first_seen(g)); i < pages; ++i)
      if (!pools_[g].has(prefix.pages[g][i])) return false;
  sequence.tables.resize(windows_.size());
  for (auto& table : sequence.tables) table.reserve(pages);
  if (has_slabs_ && !copy_slab(prefix.slab, sequence)) return false;
  for (size_t g = 0; g < windows_.size(); ++g) {
    auto& table = sequence.tables[g];
    for (; table.size() > first_page; table.pop_back()) pools_[g].release(table.back());  // reserved, nothing in it yet
    for (size_t i = 0; i < std::min(first_page, first_seen(g)); ++i)
      if (std::byte* unseen = std::exchange(table[i], nullptr)) pools_[g].release(unseen);
    for (size_t i = first_page; i < pages; ++i) {
      const KeptPage page = i < first_seen(g) ? KeptPage{} : prefix.pages[g][i];
      if (page.index >= 0) pools_[g].share(page.index);
      table.push_back(page.index >= 0 ? pools_[g].at(page.index) : nullptr);
    }
  }
  sequence.length = sequence.committed = prefix.position;
  return true;
}

bool Memory::fork(const CachedSequence& from, CachedSequence& to) {
  const auto full = static_cast<size_t>(from.length / kPagePositions);
  const bool has_tail = from.length % kPagePositions != 0;
  const Need copied{.pages = std::vector<int>(windows_.size(), has_tail ? 1 : 0), .slabs = from.slab != nullptr ? 1 : 0};
  if (from.length == 0 || !copied.fits(free())) return false;
  std::vector<std::vector<std::byte*>> tables(windows_.size());
  for (auto& table : tables) table.reserve(full + 1);
  for (size_t g = 0; g < windows_.size(); ++g) {
    for (size_t i = 0; i < full; ++i) {
      std::byte* const page = from.tables[g][i];
      if (page != nullptr) pools_[g].share(page);
      tables[g].push_back(page);
    }
    if (!has_tail) continue;
    tables[g].push_back(pools_[g].take());
    std::memcpy(tables[g].back(), from.tables[g][full], pools_[g].piece_bytes());
  }
  to = {
      .length = from.length, .committed = from.committed, .tables = std::move(tables), .noted = from.noted, .noted_page = from.noted_page};
  if (from.slab != nullptr) {
    to.slab = slabs().take();
    std::memcpy(to.slab, from.slab, slabs().piece_bytes());
  }
  return true;
}

bool Memory::copy_slab(KeptPage from, CachedSequence& to) {
  if (!slabs().has(from)) return false;
  slabs().share(from.index);  // lest the copy takes its place
  const bool has_room = to.slab != nullptr || slabs().free() > 0;
  if (to.slab == nullptr && has_room) to.slab = slabs().take();
  if (has_room) std::memcpy(to.slab, slabs().at(from.index), slabs().piece_bytes());
  slabs().release(slabs().at(from.index));
  return has_room;
}

std::optional<Snapshot> Memory::snapshot(const CachedSequence& sequence) {
  if (!has_slabs_) return Snapshot{sequence.length, {}};
  if (slabs().free() == 0) return std::nullopt;
  std::byte* copy = slabs().take();
  std::memcpy(copy, sequence.slab, slabs().piece_bytes());
  return Snapshot{sequence.length, slabs().keep(copy)};
}

void Memory::let_go(const Snapshot& snapshot) {
  if (has_slabs_) slabs().release(slabs().at(snapshot.slab.index));
}

std::span<const std::byte> Memory::bytes(int group, KeptPage page) const {
  const Pool& pool = pools_[static_cast<size_t>(group)];
  return {pool.at(page.index), pool.piece_bytes()};
}

std::optional<KeptPage> Memory::read(int group, std::span<const std::byte> bytes) {
  Pool& pool = pools_[static_cast<size_t>(group)];
  if (pool.free() == 0) return std::nullopt;
  std::byte* page = pool.take();
  std::ranges::copy(bytes, page);
  const KeptPage kept = pool.keep(page);
  pool.release(page);
  return kept;
}

}  // namespace halfbyte
