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

std::string_view name_of(FinishReason reason);  // end, stop, length, ...
// Tokens as results tell them.
std::vector<ScoredToken> scored_tokens(const Engine& engine, const std::vector<ReplyToken>& tokens);
// Counts of all choices together, times of the first. Requires: all have ended.
Usage usage_of_all(const std::vector<ReplyStream::Choice>& choices);

class EngineRequest {
 public:
  // `facts` join the metadata. `watch` runs since the call began. The errors are those of Engine::submit.
  static Result<EngineRequest> start(std::shared_ptr<Engine> engine, Request request, const CompletionOptions& options, Facts facts,
                                     const Stopwatch& watch);

  ReplyStream::Step next(std::optional<std::chrono::milliseconds> timeout);
  void cancel() { reply_->cancel(); }

  // After kFinished: fills the fields that every kind of result has, or says what ended the request. Of several choices the first one
  // has the text that was read.
  template <class AnyResult>
  Result<void> tell(AnyResult& result) const {
    for (const ReplyStream::Choice& choice : reply_->choices())
      if (choice.last->error) return *choice.last->error;
    const Usage usage = usage_of_all(reply_->choices());
    result.prompt_tokens = usage.prompt_tokens;
    result.completion_tokens = usage.completion_tokens;
    result.latency_ms = *latency_ms_;
    result.metadata = facts(usage);
    result.tokens = scored_tokens(*engine_, reply_->choices().front().tokens);
    result.prompt_logprobs = scored_tokens(*engine_, reply_->choices().front().prompt_tokens);
    result.choices.clear();
    if (reply_->choices().size() > 1)
      for (const ReplyStream::Choice& choice : reply_->choices()) result.choices.push_back(told(choice));
    return {};
  }

 private:
  Facts facts(const Usage& usage) const;
  ReplyChoice told(const ReplyStream::Choice& choice) const;

  std::shared_ptr<Engine> engine_;
  Facts facts_;
  Stopwatch watch_;
  std::optional<double> latency_ms_;  // once kFinished was seen
  std::unique_ptr<ReplyStream> reply_;
  std::unique_ptr<std::stop_callback<std::function<void()>>> on_stop_;  // calls reply_: goes first
};

}  // namespace halfbyte
