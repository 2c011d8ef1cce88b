// Pages of the prefix cache in a folder: they survive the process. A file for each page, which says whose it is, which tokens led to it
// and what its bits depend on.
//
// Nothing in a file is trusted: who looks for a page knows how long its file must be and what it must begin with, all tokens among it, so
// that nothing is parsed; the rest is checked against a checksum. A file that is not so is removed. Files are written beside and renamed,
// so that a writer who is killed leaves whole ones.
#pragma once

#include <cstdint>
#include <filesystem>
#include <map>
#include <span>
#include <string>
#include <string_view>

#include "base/world.h"
#include "halfbyte/token.h"

namespace halfbyte {

// Not thread-safe. Several processes may use one folder; each bounds what it knows of.
class PrefixStore {
 public:
  // Pages of another `identity` are never found. Makes the folder. kIo: it cannot be made or read.
  static Result<PrefixStore> open(const std::filesystem::path& folder, std::string identity, uint64_t most_bytes,
                                  const World& world = this_machine());

  // A page is what a principal's `tokens` lead to, its own at their end. Its bytes come in pieces, always of the same sizes.
  bool has(std::string_view principal, std::span<const Token> tokens) const;
  // Makes room for it, the least recently used pages first, of one age the longest prefixes. False: it was not written.
  bool save(std::string_view principal, std::span<const Token> tokens, std::span<const std::span<const std::byte>> pieces);
  // False: there is no such page, or it was damaged and is removed; what is in `pieces` is then anything.
  bool load(std::string_view principal, std::span<const Token> tokens, std::span<const std::span<std::byte>> pieces);
  // The pages of all prefixes of `tokens` were used, from `page_tokens` tokens on in such steps.
  void touch(std::string_view principal, std::span<const Token> tokens, size_t page_tokens);

  uint64_t bytes() const { return bytes_; }

 private:
  struct Kept {
    uint64_t bytes = 0;
    std::filesystem::file_time_type used;
    size_t tokens = 0;  // of the prefix
  };
  PrefixStore(std::filesystem::path folder, std::string identity, uint64_t most_bytes, const World& world)
      : folder_(std::move(folder)), identity_(std::move(identity)), most_bytes_(most_bytes), world_(&world) {}
  void find_files();
  std::string head(std::string_view principal, std::span<const Token> tokens) const;
  static std::string name(std::string_view head, size_t tokens);
  bool make_room(uint64_t bytes);
  void remove(const std::string& name);

  std::filesystem::path folder_;
  std::string identity_;
  uint64_t most_bytes_;
  const World* world_;
  std::map<std::string, Kept> files_;  // by name
  uint64_t bytes_ = 0;
};

}  // namespace halfbyte
