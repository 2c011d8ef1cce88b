// One request to the engine, and what is told about it in the end.
#pragma once

#include <chrono>
#include <functional>
#include <memory>
#include <optional>
#include <stop_token>
#include <vector>

#include "backends/stopwatch.h"
#include "engine/reply_stream.h"
#include "halfbyte/backend.h"

namespace halfbyte {

class EngineRequest {
 public:
  // `facts` join the metadata. `watch` runs since the call began. The errors are those of Engine::submit.
  static Result<EngineRequest> start(std::shared_ptr<Engine> engine, Request request, const CompletionOptions& options, Facts facts,
                                     const Stopwatch& watch);

  ReplyStream::Step next(std::optional<std::chrono::milliseconds> timeout);
  void cancel() { reply_->cancel(); }

  // After kFinished: fills the fields that every kind of result has, or says what ended the request.
  template <class AnyResult>
  Result<void> tell(AnyResult& result) const {
    const Event& last = reply_->last();
    if (last.error) return *last.error;
    result.prompt_tokens = last.usage.prompt_tokens;
    result.completion_tokens = last.usage.completion_tokens;
    result.latency_ms = *latency_ms_;
    result.metadata = facts(last);
    return {};
  }

 private:
  Facts facts(const Event& last) const;

  Facts facts_;
  Stopwatch watch_;
  std::optional<double> latency_ms_;  // once kFinished was seen
  std::unique_ptr<ReplyStream> reply_;
  std::unique_ptr<std::stop_callback<std::function<void()>>> on_stop_;  // calls reply_: goes first
};

}  // namespace halfbyte
