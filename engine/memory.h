// The memory of sequences: pages of 32 positions and slabs (ops/state_layout.h). The one place that counts who uses them; it knows bytes,
// not what they mean.
//
// A sequence's life in verbs: reserve room, run (engine/runner.h computes into it), commit; or rewind instead, and the tokens were never
// there. Release at the end, or to preempt. Pages that were kept() stay as they are after that until their memory is needed, oldest
// first, so that another sequence may share() them.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include "base/world.h"
#include "ops/state_layout.h"

namespace halfbyte {

// What one sequence keeps. Its memory is Memory's; Memory::release gives it back.
struct CachedSequence {
  int length = 0;                               // positions computed
  int committed = 0;                            // of them: what rewind() cannot take back
  std::vector<std::vector<std::byte*>> tables;  // [group][position / 32]; null: no later position sees it
  std::byte* slab = nullptr;                    // where the formula keeps something of a fixed size
  // What the prefix cache notes: how many of its pages it knows, and the last of them.
  int noted = 0;
  uint64_t noted_page = 0;
};

// So many pages of each group, and slabs.
struct Need {
  std::vector<int> pages;
  int slabs = 0;
  bool fits(const Need& free) const;
  bool operator==(const Need&) const = default;
};

// A page of a group, or a slab, as it was when it was kept. Memory tells whether it still is.
struct KeptPage {
  int32_t index = -1;  // none
  uint32_t version = 0;
};

// What a sequence of `position` positions keeps, a page border: what another may begin with.
struct Prefix {
  int position = 0;
  std::vector<std::vector<KeptPage>> pages;  // [group][position / 32]; those before the window may be none
  KeptPage slab;                             // where the formula has one: its copy at that position
};

// What leads back to a position: a copy of the slab, where the formula has one. Held until Memory::let_go.
struct Snapshot {
  int position = 0;
  KeptPage slab;
};

// Not thread-safe: the engine's thread owns it.
class Memory {
 public:
  // `size`: what there is of everything. Real memory is taken as pages are first used.
  static Result<Memory> create(const StateLayout& layout, const Need& size, const World& world = this_machine());

  int groups() const { return static_cast<int>(windows_.size()); }
  const Need& size() const { return size_; }
  bool has_slabs() const { return has_slabs_; }
  Need free() const;       // kept pages that nobody uses among it
  int free_pages() const;  // of the group that has the fewest
  // What `tokens` more positions of the sequence take beyond what it has.
  Need need(const CachedSequence& sequence, int tokens) const;

  // Room for `tokens` more positions. False: not all of it is free, nothing was taken.
  bool reserve(CachedSequence& sequence, int tokens);
  // Its positions are final: pages that no later position sees are given back.
  void commit(CachedSequence& sequence);
  // As if it had never been longer than `position`, which is not before what is committed. Returns the position reached: where the
  // formula keeps a slab, that of `from`, a snapshot of before; the positions between are to be computed anew.
  int rewind(CachedSequence& sequence, int position, const Snapshot* from = nullptr);
  void release(CachedSequence& sequence);

  // Page `page` of the sequence, full and committed or about to be, stays findable after its last user.
  KeptPage keep(const CachedSequence& sequence, int group, int page);
  bool has(int group, KeptPage page) const { return pools_[static_cast<size_t>(group)].has(page); }
  bool has_slab(KeptPage slab) const { return slabs().has(slab); }
  // The sequence goes on at `prefix.position`. False: something is not as it was kept, or no slab is free; nothing changed.
  // Requires: the sequence ends at a page border before that.
  bool share(CachedSequence& sequence, const Prefix& prefix);

  // `to` becomes what `from` is: it shares full pages, and has a copy of what is written next. False: there is no room for that, and `to` has
  // nothing. Requires: `to` has nothing, and `from` is committed.
  bool fork(const CachedSequence& from, CachedSequence& to);

  // None: no slab is free.
  std::optional<Snapshot> snapshot(const CachedSequence& sequence);
  void let_go(const Snapshot& snapshot);  // its slab stays findable

  size_t page_bytes(int group) const { return pools_[static_cast<size_t>(group)].piece_bytes(); }
  // The bytes of a page that is as it was kept; a page filled with such bytes, used by nobody. None: no page is free.
  std::span<const std::byte> bytes(int group, KeptPage page) const;
  std::optional<KeptPage> read(int group, std::span<const std::byte> bytes);

 private:
  // Equal pieces of one buffer. Free ones wait in a list: the front is used next, what was kept joins at the back.
  class Pool {
   public:
    static Result<Pool> create(size_t piece_bytes, int count, const World& world);
    int free() const { return free_; }
    size_t piece_bytes() const { return piece_bytes_; }
    std::byte* at(int32_t index) { return memory_.data() + static_cast<size_t>(index) * piece_bytes_; }
    const std::byte* at(int32_t index) const { return memory_.data() + static_cast<size_t>(index) * piece_bytes_; }
    std::byte* take();          // Requires: one is free
    void share(int32_t index);  // one user more
    void share(const std::byte* at);
    void release(std::byte* at);   // one less
    KeptPage keep(std::byte* at);  // Requires: it is in use
    bool has(KeptPage page) const;

   private:
    struct Piece {
      int users = 0;
      uint32_t version = 0;  // counts how often it was taken
      bool is_kept = false;
      int32_t before = -1, after = -1;  // in the list; its ends meet in pieces_.back(), which is none
    };
    int32_t index_of(const std::byte* at) const { return static_cast<int32_t>(static_cast<size_t>(at - memory_.data()) / piece_bytes_); }
    Piece& piece(int32_t index) { return pieces_[static_cast<size_t>(index)]; }
    void link(int32_t index, int32_t before);
    void unlink(int32_t index);

    Buffer memory_;
    size_t piece_bytes_ = 0;
    std::vector<Piece> pieces_;
    int free_ = 0;
  };

  bool copy_slab(KeptPage from, CachedSequence& to);  // false: it is not as it was kept, or none is free
  Pool& slabs() { return pools_.back(); }
  const Pool& slabs() const { return pools_.back(); }

  std::vector<int> windows_;  // by group
  std::vector<Pool> pools_;   // by group, then of slabs
  bool has_slabs_ = false;
  Need size_;
};

}  // namespace halfbyte
