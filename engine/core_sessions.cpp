// Sessions in the core: what the cache has of a conversation's tokens goes to a file, and comes back from it.
#include "base/errors.h"
#include "engine/core.h"
#include "engine/session_file.h"

namespace halfbyte {

Result<int> EngineCore::save_session(const std::filesystem::path& path, const Session& session, const std::string& owner,
                                     const std::string& identity) {
  Memory& memory = runner_.memory();
  CachedSequence found;  // as a request that begins so finds it
  if (limits_.prefix_cache && !memory.has_slabs()) prefixes_.extend(memory, found, owner, session.tokens);
  const auto pages = static_cast<size_t>(found.length / kPagePositions);
  std::vector<SessionPages> groups;
  for (int g = 0; pages > 0 && g < memory.groups(); ++g) {
    SessionPages& group = groups.emplace_back(SessionPages{.page_bytes = memory.page_bytes(g)});
    const auto& table = found.tables[static_cast<size_t>(g)];
    while (group.first < pages && table[group.first] == nullptr) ++group.first;  // a window has passed them
    for (size_t page = group.first; page < pages; ++page) group.pages.emplace_back(table[page], memory.page_bytes(g));
  }
  const Result<void> written = write_session(world_, path, identity, session, pages, groups);
  const int length = found.length;
  memory.release(found);
  if (!written) return written.error();
  return length;
}

Result<int> EngineCore::load_session(const std::filesystem::path& path, Session& session, const std::string& owner,
                                     const std::string& identity) {
  HB_TRY_ASSIGN(file, SessionFile::open(world_, path));
  const std::vector<Token>& tokens = file.session().tokens;
  if (!tokens.empty())
    if (const auto known = check_tokens("tokens", tokens, model_.formula->dims().vocabulary); !known)
      return corrupt("{}: session: {}", path.string(), known.error().message);
  Memory& memory = runner_.memory();
  bool fits = limits_.prefix_cache && !memory.has_slabs() && file.identity() == identity && file.pages() > 0 &&
              file.pages() <= tokens.size() / kPagePositions && static_cast<int>(file.groups().size()) == memory.groups();
  std::vector<size_t> first;
  for (size_t g = 0; fits && g < file.groups().size(); ++g) {
    const SessionPages& group = file.groups()[g];
    first.push_back(group.first);
    fits = group.page_bytes == memory.page_bytes(static_cast<int>(g)) &&
           file.pages() - group.first <= static_cast<uint64_t>(memory.free().pages[g]);
  }
  int found = 0;
  if (fits) {
    HB_TRY(prefixes_.add(memory, owner, tokens, file.pages(), first,
                         [&](size_t group, size_t page, std::span<std::byte> bytes) { return file.read_page(group, page, bytes); }));
    CachedSequence sequence;
    found = prefixes_.extend(memory, sequence, owner, tokens);
    memory.release(sequence);
  }
  session = std::move(file.session());
  return found;
}

}  // namespace halfbyte
