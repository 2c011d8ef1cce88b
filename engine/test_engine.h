// An engine with a tiny model, and readers of its events, for tests.
#pragma once

#include <gtest/gtest.h>

#include <condition_variable>
#include <mutex>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "halfbyte/engine.h"
#include "models/tiny_model.h"

namespace halfbyte {

inline Engine open(const TinyModelFile& file, EngineOptions options = {}) {
  if (options.threads == 0) options.threads = 2;
  auto engine = Engine::open(file.path(), options);
  EXPECT_TRUE(engine) << engine.error().message;
  return std::move(*engine);
}

inline Request request_of(std::vector<Token> prompt, int max_tokens, uint64_t seed = 1) {
  return {.prompt = std::move(prompt), .max_tokens = max_tokens, .sampling = {.temperature = 1, .seed = seed}, .ignore_eos = true};
}

// Collects the events of one request from the engine's thread.
class Listener {
 public:
  TokenSink sink(SinkAnswer answer = SinkAnswer::kMore) {
    return [this, answer](const Event& event) {
      const std::lock_guard lock(mutex_);
      text_ += event.text;
      ++events_;
      if (event.finished) reason_ = event.finished;
      changed_.notify_all();
      return answer;
    };
  }
  FinishReason wait() {
    std::unique_lock lock(mutex_);
    changed_.wait(lock, [&] { return reason_.has_value(); });
    return *reason_;
  }
  void wait_for_text() {
    std::unique_lock lock(mutex_);
    changed_.wait(lock, [&] { return events_ > 0; });
  }
  std::string text() {
    const std::lock_guard lock(mutex_);
    return text_;
  }
  int events() {
    const std::lock_guard lock(mutex_);
    return events_;
  }

 private:
  std::mutex mutex_;
  std::condition_variable changed_;
  std::string text_;
  int events_ = 0;
  std::optional<FinishReason> reason_;
};

// A reply with what its events told.
struct Told {
  std::string text;
  FinishReason reason = FinishReason::kEnd;
  Usage usage;
  std::vector<ReplyToken> tokens, prompt_tokens;
  double sum = 0;
};

inline Told told(Engine& engine, const Request& request) {
  Told all;
  const auto reply = engine.complete(request, [&](const Event& event) {
    all.tokens.insert(all.tokens.end(), event.tokens.begin(), event.tokens.end());
    all.prompt_tokens.insert(all.prompt_tokens.end(), event.prompt_tokens.begin(), event.prompt_tokens.end());
    return SinkAnswer::kMore;
  });
  EXPECT_TRUE(reply) << reply.error().message;
  if (!reply) return all;
  all.text = reply->text;
  all.reason = reply->reason;
  all.usage = reply->usage;
  all.sum = reply->cumulative_logprob.value_or(0);
  return all;
}

inline std::vector<Token> tokens_of(const std::vector<ReplyToken>& told) {
  std::vector<Token> tokens;
  for (const ReplyToken& each : told) tokens.push_back(each.chosen.token);
  return tokens;
}

inline std::vector<double> values_of(const std::vector<ReplyToken>& told) {
  std::vector<double> values;
  for (const ReplyToken& each : told) values.push_back(each.chosen.log_probability);
  return values;
}

}  // namespace halfbyte
