#include "cli/session.h"

#include <system_error>

#include "base/errors.h"
#include "base/json.h"
#include "base/json_writer.h"
#include "text/conversation.h"

namespace halfbyte {

std::string note_of(const Conversation& conversation) {
  JsonWriter json;
  json.begin_object().key("messages").begin_array();
  for (const Message& message : conversation.messages())
    json.begin_object().member("role", message.role).member("content", message.content).end_object();
  return json.end_array().end_object().take();
}

Result<void> resume_note(std::string_view note, std::string_view where, Conversation& conversation) {
  HB_TRY_ASSIGN(json, parse_json(note, where));
  const auto wrong = [&](std::string_view what) { return corrupt("{}: session: {}", where, what); };
  const Json* const list = json.find("messages");
  if (list == nullptr || list->array() == nullptr) return wrong("no list of messages");
  Conversation found(conversation.system());
  bool asks = true;  // next
  for (size_t i = 0; i < list->array()->size(); ++i) {
    const Json& message = (*list->array())[i];
    const Json *const role = message.find("role"), *const content = message.find("content");
    if (role == nullptr || role->text() == nullptr || content == nullptr || content->text() == nullptr)
      return wrong(fmt::format("message {} has no role and content", i));
    if (i == 0 && *role->text() == "system") {
      if (found.system().empty()) found.set_system(*content->text());
      continue;
    }
    if (*role->text() != (asks ? "user" : "assistant"))
      return wrong(fmt::format("message {} is of {}, expected {}", i, *role->text(), asks ? "user" : "assistant"));
    if (asks)
      found.ask(*content->text());
    else
      found.answer(*content->text());
    asks = !asks;
  }
  if (!asks) return wrong("the last question has no answer");
  conversation = std::move(found);
  return {};
}

Result<int> resume_session(Engine& engine, const std::filesystem::path& file, const std::vector<AdapterUse>& adapters,
                           Conversation& conversation) {
  std::error_code odd;
  if (!std::filesystem::exists(file, odd) && !odd) return 0;
  Session session;
  HB_TRY_ASSIGN(known, engine.load_session(file, session, {}, adapters));
  HB_TRY(resume_note(session.note, file.string(), conversation));
  return known;
}

Result<void> keep_session(Engine& engine, const std::filesystem::path& file, bool parse_special, const std::vector<AdapterUse>& adapters,
                          const Conversation& conversation) {
  const std::vector<Message> messages = conversation.messages();
  if (messages.empty() || messages.back().role != "assistant") return {};
  HB_TRY_ASSIGN(prompt, engine.conversation().prompt(messages, {.parse_special = parse_special}));
  HB_TRY(engine.save_session(file, {.tokens = std::move(prompt.tokens), .note = note_of(conversation)}, {}, adapters));
  return {};
}

}  // namespace halfbyte
