// A conversation that the next run goes on with: --session FILE.
#pragma once

#include <filesystem>

#include "cli/conversation.h"
#include "halfbyte/engine.h"

namespace halfbyte {

// What was said before, where there is such a file; a system message that the conversation has stays. Returns how many tokens need not be
// computed again. kCorrupt: it is no conversation's.
Result<int> resume_session(Engine& engine, const std::filesystem::path& file, const std::vector<AdapterUse>& adapters,
                           Conversation& conversation);

// With what the next turn will find computed. Nothing was said: nothing is written.
Result<void> keep_session(Engine& engine, const std::filesystem::path& file, bool parse_special, const std::vector<AdapterUse>& adapters,
                          const Conversation& conversation);

// The messages of a conversation as a session's note, and back. kCorrupt: after a system message questions and answers do not take turns.
std::string note_of(const Conversation& conversation);
Result<void> resume_note(std::string_view note, std::string_view where, Conversation& conversation);

}  // namespace halfbyte
