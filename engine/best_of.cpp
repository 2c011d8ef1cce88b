#include "engine/best_of.h"

#include <algorithm>
#include <iterator>
#include <limits>
#include <memory>
#include <new>
#include <numeric>
#include <utility>

#include "base/errors.h"

namespace halfbyte {
namespace {

class BestOf {
 public:
  BestOf(int made, int told, bool tells_tokens, TokenSink sink)
      : replies_(static_cast<size_t>(made)),
        order_(replies_.size()),
        told_(static_cast<size_t>(told)),
        tells_tokens_(tells_tokens),
        sink_(std::move(sink)) {
    std::iota(order_.begin(), order_.end(), size_t{0});
  }

  SinkAnswer take(const Event& event) {
    Event& reply = replies_[static_cast<size_t>(event.choice)];
    try {
      add(reply, event);
    } catch (const std::bad_alloc&) {
      if (!event.finished) throw;
      reply.finished = FinishReason::kFailed;  // the last event must arrive all the same
      reply.error = out_of_memory();
    }
    if (event.finished && ++finished_ == replies_.size()) tell();
    return SinkAnswer::kMore;
  }

 private:
  void add(Event& reply, const Event& event) const {
    reply.text += event.text;
    if (tells_tokens_) reply.tokens.insert(reply.tokens.end(), event.tokens.begin(), event.tokens.end());
    reply.prompt_tokens.insert(reply.prompt_tokens.end(), event.prompt_tokens.begin(), event.prompt_tokens.end());
    if (!event.finished) return;
    reply.finished = event.finished;
    reply.usage = event.usage;
    reply.cumulative_logprob = event.cumulative_logprob;
    reply.error = event.error;
    reply.warning = event.warning;
  }

  // Of the log-probability per token; what failed or has no token comes last.
  static double score(const Event& reply) {
    if (reply.error || reply.usage.completion_tokens == 0) return -std::numeric_limits<double>::infinity();
    return *reply.cumulative_logprob / reply.usage.completion_tokens;
  }

  void tell() {
    std::ranges::sort(order_, [&](size_t a, size_t b) {
      const double of_a = score(replies_[a]), of_b = score(replies_[b]);
      return of_a != of_b ? of_a > of_b : a < b;
    });
    replies_[order_.front()].prompt_tokens.swap(replies_.front().prompt_tokens);
    for (size_t i = 0; i < told_; ++i) {
      Event& reply = replies_[order_[i]];
      reply.choice = static_cast<int>(i);
      sink_(reply);
    }
  }

  std::vector<Event> replies_;
  std::vector<size_t> order_;
  size_t told_, finished_ = 0;
  bool tells_tokens_;
  TokenSink sink_;
};

}  // namespace

TokenSink best_of(Request& request, TokenSink sink) {
  auto best = std::make_shared<BestOf>(*request.best_of, request.choices, request.logprobs.has_value(), std::move(sink));
  request.choices = *std::exchange(request.best_of, std::nullopt);
  request.logprobs = request.logprobs.value_or(0);
  return [best](const Event& event) { return best->take(event); };
}

}  // namespace halfbyte
