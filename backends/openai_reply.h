// What OpenAI-style services answer, whole or event by event.
#pragma once

#include <memory>

#include "backends/reply.h"

namespace halfbyte {

// Tool calls out of the pieces that a stream has of them.
class ToolCallPieces {
 public:
  Result<void> take(const Json& piece, const std::string& path);
  Result<std::vector<ToolCall>> made() const;

 private:
  struct Call {
    std::optional<int> index;
    std::string id, name;
    std::string arguments;
    bool has_arguments = false;
  };
  Result<Call*> call(std::optional<int> index, std::string_view id, std::string_view name);

  std::vector<Call> calls_;
};

// A stream is done with `[DONE]` or a `finish_reason`. An event that no empty line ends counts where its data is whole, which the
// standard would drop: services leave the line out after the last one. An answer that is no stream is read as a whole one.
class OpenAIReply final : public Reply {
 public:
  enum class Route { kChat, kCompletions };
  explicit OpenAIReply(Route route, AskedBeside asked = {});

  Facts facts() const override;
  std::vector<ReplyChoice> choices() const override;

 private:
  Result<std::string> take(const Json& answer, bool is_whole) override;
  Result<bool> take_line(std::string_view line, bool is_cut, const TextSink& sink) override;
  Result<void> finish(const TextSink& sink) override;
  Result<bool> take_event(const ServerSentEvent& event, const TextSink& sink);
  Result<std::string> take_choice(const Json& choice, const std::string& path, bool is_whole);
  Result<void> read_message(const Json& choice, const std::string& path, bool is_whole, Turn& turn);
  Result<bool> has_text(const Json& choice) const;
  Result<void> read_tokens(const Json& choice, const std::string& path);
  Result<void> finish_calls();
  Result<void> finish_others();
  Result<void> refuse_failure() const;

  Route route_;
  ServerSentEvents events_;
  ToolCallPieces pieces_;
  std::vector<std::unique_ptr<OpenAIReply>> others_;  // of several choices all but the first
  std::string model_;
};

}  // namespace halfbyte
