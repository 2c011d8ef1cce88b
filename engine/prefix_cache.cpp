#include "engine/prefix_cache.h"

#include <algorithm>
#include <numeric>

namespace halfbyte {
namespace {

constexpr auto kPage = static_cast<size_t>(kPagePositions);

template <class Tokens>
uint64_t hash_of(uint64_t parent, const Tokens& tokens) {
  uint64_t hash = parent;
  for (const Token token : tokens) {
    hash = (hash ^ static_cast<uint64_t>(token)) * 0x9e3779b97f4a7c15;
    hash ^= hash >> 29;
  }
  return hash;
}

template <class Tokens>
Tokens page_of(std::span<const Token> tokens, size_t page) {
  Tokens out;
  std::ranges::copy(tokens.subspan(page * kPage, kPage), out.begin());
  return out;
}

}  // namespace

PrefixCache::Page* PrefixCache::find(uint64_t parent, std::string_view principal, const Tokens& tokens) {
  const auto [first, last] = pages_.equal_range(hash_of(parent, tokens));
  for (auto it = first; it != last; ++it) {
    Page& page = it->second;
    if (page.parent == parent && page.tokens == tokens && (parent != 0 || page.principal == principal)) return &page;
  }
  return nullptr;
}

PrefixCache::Page& PrefixCache::find_or_add(uint64_t parent, std::string_view principal, const Tokens& tokens) {
  if (Page* known = find(parent, principal, tokens)) return *known;
  Page page{.parent = parent, .tokens = tokens};
  if (parent == 0) page.principal = principal;
  page.id = ++last_id_;
  return pages_.emplace(hash_of(parent, tokens), std::move(page))->second;
}

void PrefixCache::commit(Memory& memory, CachedSequence& sequence, std::string_view principal, std::span<const Token> tokens) {
  const auto full = std::min(static_cast<size_t>(sequence.length), tokens.size()) / kPage;
  for (; sequence.noted < static_cast<int>(full); ++sequence.noted) {
    Page& page = find_or_add(sequence.noted_page, principal, page_of<Tokens>(tokens, static_cast<size_t>(sequence.noted)));
    page.kept.resize(static_cast<size_t>(memory.groups()));
    // The youngest copy stays longest.
    for (int g = 0; g < memory.groups(); ++g)
      if (const KeptPage kept = memory.keep(sequence, g, sequence.noted); kept.index >= 0) page.kept[static_cast<size_t>(g)] = kept;
    if (sequence.slab != nullptr && (sequence.noted + 1) * kPagePositions == sequence.length)
      if (const auto snapshot = memory.snapshot(sequence)) {
        page.slab = snapshot->slab;
        memory.let_go(*snapshot);
      }
    sequence.noted_page = page.id;
    if (store_ && !memory.has_slabs() && std::ranges::all_of(page.kept, [](KeptPage kept) { return kept.index >= 0; })) {
      const auto led_here = tokens.first((static_cast<size_t>(sequence.noted) + 1) * kPage);
      if (unsaved_.size() == kMostUnsaved) unsaved_.pop_front();
      unsaved_.push_back({std::string(principal), {led_here.begin(), led_here.end()}, page.kept});
    }
  }
  memory.commit(sequence);
  forget_gone(memory);
}

int PrefixCache::extend(Memory& memory, CachedSequence& sequence, std::string_view principal, std::span<const Token> tokens) {
  std::vector<const Page*> known;
  for (uint64_t parent = 0; (known.size() + 1) * kPage <= tokens.size(); parent = known.back()->id) {
    const Page* page = find(parent, principal, page_of<Tokens>(tokens, known.size()));
    if (page == nullptr) break;
    known.push_back(page);
  }
  Prefix prefix{.pages = std::vector<std::vector<KeptPage>>(static_cast<size_t>(memory.groups()))};
  for (size_t g = 0; g < prefix.pages.size(); ++g)
    for (const Page* page : known) prefix.pages[g].push_back(page->kept[g]);
  const int before = sequence.length;
  for (size_t n = known.size(); static_cast<int>(n * kPage) > before; --n) {
    prefix.position = static_cast<int>(n * kPage);
    prefix.slab = known[n - 1]->slab;
    if (!memory.share(sequence, prefix)) continue;
    sequence.noted = static_cast<int>(n);
    sequence.noted_page = known[n - 1]->id;
    break;
  }
  if (store_ && !memory.has_slabs()) {
    read_on(memory, sequence, principal, tokens);
    if (sequence.length > before) store_->touch(principal, tokens.first(static_cast<size_t>(sequence.length)), kPage);
  }
  return sequence.length - before;
}

// Page by page behind what was found in memory: each is shared before the next is read, lest that takes its place.
void PrefixCache::read_on(Memory& memory, CachedSequence& sequence, std::string_view principal, std::span<const Token> tokens) {
  const auto groups = static_cast<size_t>(memory.groups());
  std::vector<std::vector<std::byte>> bytes(groups);
  std::vector<std::span<std::byte>> pieces;
  for (size_t g = 0; g < groups; ++g) {
    bytes[g].resize(memory.page_bytes(static_cast<int>(g)));
    pieces.emplace_back(bytes[g]);
  }
  for (auto n = static_cast<size_t>(sequence.length) / kPage;
       static_cast<size_t>(sequence.noted) == n && (n + 1) * kPage <= tokens.size() && memory.free_pages() > 0; ++n) {
    if (!store_->load(principal, tokens.first((n + 1) * kPage), pieces)) return;
    Prefix prefix{.position = static_cast<int>((n + 1) * kPage), .pages = std::vector(groups, std::vector<KeptPage>(n + 1))};
    Page& page = find_or_add(sequence.noted_page, principal, page_of<Tokens>(tokens, n));
    page.kept.resize(groups);
    for (size_t g = 0; g < groups; ++g) {
      const auto read = memory.read(static_cast<int>(g), bytes[g]);
      if (!read) return;
      prefix.pages[g][n] = page.kept[g] = *read;
    }
    if (!memory.share(sequence, prefix)) return;
    ++sequence.noted;
    sequence.noted_page = page.id;
  }
}

Result<void> PrefixCache::add(Memory& memory, std::string_view principal, std::span<const Token> tokens, size_t pages,
                              std::span<const size_t> first, const ReadPage& read) {
  uint64_t parent = 0;
  std::vector<std::byte> bytes;
  for (size_t n = 0; n < pages; ++n) {
    Page& page = find_or_add(parent, principal, page_of<Tokens>(tokens, n));
    page.kept.resize(static_cast<size_t>(memory.groups()));
    for (int g = 0; g < memory.groups(); ++g) {
      const auto group = static_cast<size_t>(g);
      if (n < first[group] || memory.has(g, page.kept[group])) continue;
      bytes.resize(memory.page_bytes(g));
      HB_TRY(read(group, n, bytes));
      const auto kept = memory.read(g, bytes);
      if (!kept) return {};
      page.kept[group] = *kept;
    }
    parent = page.id;
  }
  forget_gone(memory);
  return {};
}

void PrefixCache::save_one(const Memory& memory) {
  const Unsaved page = std::move(unsaved_.front());
  unsaved_.pop_front();
  std::vector<std::span<const std::byte>> pieces;
  for (size_t g = 0; g < page.kept.size(); ++g) {
    if (!memory.has(static_cast<int>(g), page.kept[g])) return;  // its memory was needed
    pieces.push_back(memory.bytes(static_cast<int>(g), page.kept[g]));
  }
  store_->save(page.principal, page.tokens, pieces);
}

// Once in a while: of what memory can hold, half may have gone.
void PrefixCache::forget_gone(const Memory& memory) {
  const std::vector<int>& most = memory.size().pages;
  if (pages_.size() <= 2 * static_cast<size_t>(std::accumulate(most.begin(), most.end(), 16))) return;
  std::erase_if(pages_, [&](const auto& entry) {
    const Page& page = entry.second;
    for (size_t g = 0; g < page.kept.size(); ++g)
      if (memory.has(static_cast<int>(g), page.kept[g])) return false;
    return !memory.has_slab(page.slab);
  });
}

}  // namespace halfbyte
