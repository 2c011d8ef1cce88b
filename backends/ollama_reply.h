// What Ollama answers, whole or line by line.
#pragma once

#include "backends/reply.h"

namespace halfbyte {

// A reply is done when the service says `done` or a `done_reason`. A connection that ends before has cut it off, however cleanly:
// Ollama always says so, and what only looks complete would be taken for the answer.
class OllamaReply final : public Reply {
 public:
  enum class Route { kGenerate, kChat };
  explicit OllamaReply(Route route, const AskedBeside& asked = {}) : Reply(asked), route_(route) {}

  Facts facts() const override;  // the server's own durations too: nanoseconds there, milliseconds here

 private:
  Result<std::string> take(const Json& answer, bool is_whole) override;
  Result<bool> take_line(std::string_view line, bool is_cut, const TextSink& sink) override;
  Result<void> finish(const TextSink& sink) override;
  Result<Turn> response(const Json& answer, bool may_be_silent) const;
  Result<Turn> message(const Json& answer, bool may_be_silent);

  Route route_;
  std::map<std::string, double> durations_ms_;
  bool has_begun_ = false;
};

}  // namespace halfbyte
