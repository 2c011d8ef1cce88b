#include "cli/reply.h"

#include <fmt/format.h>

#include <chrono>
#include <condition_variable>
#include <mutex>

namespace halfbyte {
namespace {

constexpr std::chrono::milliseconds kInterruptPoll{20};  // a signal handler cannot wake a condition variable

double per_second(int tokens, double ms) { return ms > 0 ? tokens * 1000.0 / ms : 0; }

}  // namespace

Result<Engine::Reply> stream_reply(Engine& engine, Request request, std::optional<ReplyParser> reader, const InterruptWatch& interrupt,
                                   ReplyPrinter& printer) {
  std::mutex mutex;
  std::condition_variable ended;
  Engine::Reply reply;
  std::optional<Error> error;
  bool is_over = false;

  HB_TRY_ASSIGN(id, engine.submit(std::move(request), [&](const Event& event) {
    ReplyParser::Delta said{.content = event.text, .thinking = {}};
    if (reader) {
      said = reader->push(event.text);
      if (event.finished) {
        const ReplyParser::Delta rest = reader->finish();
        said.thinking += rest.thinking;
        said.content += rest.content;
      }
    }
    printer.put(Part::kThought, said.thinking);
    printer.put(Part::kAnswer, said.content);
    if (event.finished) printer.close();
    const std::lock_guard lock(mutex);
    reply.text += said.content;
    if (event.finished) {
      reply.reason = *event.finished;
      reply.usage = event.usage;
      reply.warning = event.warning;
      error = event.error;
      is_over = true;
      ended.notify_one();
    }
    return SinkAnswer::kMore;
  }));
  std::unique_lock lock(mutex);
  while (!is_over) {
    ended.wait_for(lock, kInterruptPoll);
    if (!interrupt.seen() || is_over) continue;
    lock.unlock();
    engine.cancel(id);  // again at every poll: harmless
    lock.lock();
  }
  if (error) return *error;
  return reply;
}

std::string usage_text(const Usage& usage) {
  const int steps = std::max(0, usage.completion_tokens - 1);  // the first token comes with the prompt
  const int computed = usage.prompt_tokens - usage.cached_tokens;
  const std::string cached = usage.cached_tokens > 0 ? fmt::format(", {} more known from before", usage.cached_tokens) : "";
  std::string text =
      fmt::format("prompt      {:>6} tokens {:>9.1f} ms {:>9.1f} tokens/s{}\ngeneration  {:>6} tokens {:>9.1f} ms {:>9.1f} tokens/s\n",
                  computed, usage.prompt_ms, per_second(computed, usage.prompt_ms), cached, usage.completion_tokens, usage.generation_ms,
                  per_second(steps, usage.generation_ms));
  if (usage.inter_token_ms > 0) text += fmt::format("longest between two tokens {:>8.1f} ms\n", usage.inter_token_ms);
  if (usage.drafted_tokens > 0) text += fmt::format("guessed     {:>6} tokens, {} right\n", usage.drafted_tokens, usage.accepted_tokens);
  return text;
}

}  // namespace halfbyte
