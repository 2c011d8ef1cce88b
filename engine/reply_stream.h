// A reply under way, pulled by its reader instead of pushed at a sink.
#pragma once

#include <chrono>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "halfbyte/engine.h"

namespace halfbyte {

// One reader; cancel() from any thread. The engine runs ahead of the reader by some pieces and then waits for it, while it serves
// others. Keeps the engine alive; destroying a stream cancels its request. Of several choices the first one is read in pieces, and the
// others are there, whole, when all have ended.
class ReplyStream {
 public:
  // The errors are those of Engine::submit.
  static Result<std::unique_ptr<ReplyStream>> start(std::shared_ptr<Engine> engine, Request request);
  ~ReplyStream();
  ReplyStream(const ReplyStream&) = delete;
  ReplyStream& operator=(const ReplyStream&) = delete;

  struct Step {
    enum class Kind { kText, kFinished, kNothingYet } kind;
    std::string text;  // with kText: all that has come since the last step, whole characters, not empty
  };
  // Waits for at most `timeout`, or without one until there is something. After kFinished it is kFinished for ever.
  Step next(std::optional<std::chrono::milliseconds> timeout = {});
  // No text comes after this, only kFinished.
  void cancel();

  struct Choice {
    std::string text;                       // of the first choice nothing: next() has given it
    std::vector<ReplyToken> tokens;         // with Request::logprobs
    std::vector<ReplyToken> prompt_tokens;  // of the first choice, with Request::prompt_logprobs
    std::optional<Event> last;              // usage, reason and error
  };
  // One of each Request::choices. Requires: next() has said kFinished.
  const std::vector<Choice>& choices() const;

 private:
  struct Shared;
  ReplyStream(std::shared_ptr<Engine> engine, std::shared_ptr<Shared> shared, RequestId id)
      : engine_(std::move(engine)), shared_(std::move(shared)), id_(id) {}

  std::shared_ptr<Engine> engine_;
  std::shared_ptr<Shared> shared_;  // also held by the request's sink
  RequestId id_;
};

}  // namespace halfbyte
