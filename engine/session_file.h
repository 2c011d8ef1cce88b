// A conversation in a file: its tokens, a note of whoever saved it, and the pages that were computed for them.
//
//     "halfbyte session 1\n"
//     five numbers of 8 bytes: the bytes of identity and note, tokens, pages, layer groups; two for each group: its first page here, bytes of a page
//     identity, note, tokens, the pages of the first group, those of the next, ...; a checksum of all that
//
// Nothing in it is trusted: every length is checked against the file's before memory is taken, and the checksum before anything is used.
#pragma once

#include <filesystem>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "base/world.h"
#include "halfbyte/engine.h"

namespace halfbyte {

// Of one layer group: its pages from `first` on, those before which a window has passed.
struct SessionPages {
  uint64_t first = 0;
  uint64_t page_bytes = 0;
  std::vector<std::span<const std::byte>> pages;  // to be written
};

// `pages`: the length of the tokens' computed beginning, of every group. In the place of what was there; a file is whole or not there.
Result<void> write_session(const World& world, const std::filesystem::path& path, const std::string& identity, const Session& session,
                           uint64_t pages, std::span<const SessionPages> groups);

class SessionFile {
 public:
  // Reads all of it once. kCorrupt: it is no session, or not as it was written.
  static Result<SessionFile> open(const World& world, const std::filesystem::path& path);

  const std::string& identity() const { return identity_; }  // what the bits of the pages depend on
  Session& session() { return session_; }
  uint64_t pages() const { return pages_; }
  const std::vector<SessionPages>& groups() const { return groups_; }
  // Requires: groups()[group].first <= page < pages(), and so many bytes.
  Result<void> read_page(size_t group, uint64_t page, std::span<std::byte> bytes) const;

 private:
  std::unique_ptr<ByteSource> file_;
  std::string identity_;
  Session session_;
  uint64_t pages_ = 0;
  std::vector<SessionPages> groups_;
  std::vector<uint64_t> begins_;  // of the groups' pages in the file
};

}  // namespace halfbyte
