// What was computed before and still lies in memory, by the tokens that led to it: a sequence that begins alike goes on behind it.
//
// A tree of pages: each stands for 32 tokens after those of its parent. A hash finds candidates, tokens decide. Pages are named, not
// held (engine/memory.h): who ends leaves its pages behind, and what has gone since is found out when it is looked for.
#pragma once

#include <array>
#include <cstdint>
#include <deque>
#include <functional>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "engine/memory.h"
#include "engine/prefix_store.h"
#include "halfbyte/token.h"

namespace halfbyte {

// Not thread-safe. Whose it is (`principal`) is part of what is looked for: nobody is told by a fast answer what others asked.
class PrefixCache {
 public:
  // The sequence's positions are final, `tokens` are theirs, as far as they go: full pages can be found from now on, by this principal.
  // Then as Memory::commit: pages outside a window are still there when they are noted, and stay until their memory is needed.
  void commit(Memory& memory, CachedSequence& sequence, std::string_view principal, std::span<const Token> tokens);

  // Takes over what is known of `tokens`, by whole pages. Returns by how many positions the sequence has become longer.
  int extend(Memory& memory, CachedSequence& sequence, std::string_view principal, std::span<const Token> tokens);

  // So many pages of `tokens` were computed elsewhere. Of each group those from `first[group]` on are read by `read`, if they are not known: the
  // page into the bytes; they can be found until their memory is needed. Requires: memory has no slabs.
  using ReadPage = std::function<Result<void>(size_t group, size_t page, std::span<std::byte> bytes)>;
  Result<void> add(Memory& memory, std::string_view principal, std::span<const Token> tokens, size_t pages, std::span<const size_t> first,
                   const ReadPage& read);

  // From now on pages are also looked for in the store, and saved there when there is time: one by each call. Nothing of a formula that
  // keeps a slab is: a page alone leads nowhere there.
  void keep_in(PrefixStore store) { store_ = std::move(store); }
  bool has_unsaved() const { return !unsaved_.empty(); }
  void save_one(const Memory& memory);  // Requires: has_unsaved()

  size_t pages() const { return pages_.size(); }  // known, gone ones among them

 private:
  using Tokens = std::array<Token, kPagePositions>;
  struct Page {
    uint64_t id = 0, parent = 0;  // never used again; parent 0: the first of a sequence
    std::string principal;        // of the first
    Tokens tokens;
    std::vector<KeptPage> kept;  // by group
    KeptPage slab;               // as it was behind this page
  };

  Page* find(uint64_t parent, std::string_view principal, const Tokens& tokens);
  Page& find_or_add(uint64_t parent, std::string_view principal, const Tokens& tokens);
  void forget_gone(const Memory& memory);
  void read_on(Memory& memory, CachedSequence& sequence, std::string_view principal, std::span<const Token> tokens);

  std::unordered_multimap<uint64_t, Page> pages_;  // by hash
  uint64_t last_id_ = 0;

  // Noted, and not yet in the store.
  struct Unsaved {
    std::string principal;
    std::vector<Token> tokens;  // that led to it, its own at the end
    std::vector<KeptPage> kept;
  };
  static constexpr size_t kMostUnsaved = 4096;  // then the oldest are not saved
  std::optional<PrefixStore> store_;
  std::deque<Unsaved> unsaved_;
};

}  // namespace halfbyte
