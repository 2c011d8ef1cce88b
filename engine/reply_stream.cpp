#include "engine/reply_stream.h"

#include <algorithm>
#include <condition_variable>
#include <mutex>

namespace halfbyte {
namespace {

constexpr int kMostPieces = 64;  // that the engine is ahead of the reader

}  // namespace

// What the engine's thread and the reader share.
struct ReplyStream::Shared {
  std::mutex mutex;
  std::condition_variable changed;
  std::string text;  // not yet read
  int pieces = 0;    // of it
  bool is_paused = false;
  bool is_cancelled = false;
  std::vector<Choice> choices;
  size_t ended = 0;  // of them

  bool has_ended() const { return ended == choices.size(); }

  SinkAnswer put(const Event& event) {
    const std::lock_guard lock(mutex);
    Choice& choice = choices[static_cast<size_t>(event.choice)];
    if (!is_cancelled) {
      (event.choice == 0 ? text : choice.text) += event.text;
      choice.tokens.insert(choice.tokens.end(), event.tokens.begin(), event.tokens.end());
    }
    if (!event.prompt_tokens.empty()) choice.prompt_tokens = event.prompt_tokens;
    if (event.finished) {
      choice.last = event;
      ++ended;
    }
    changed.notify_all();
    if (event.finished || is_cancelled) return SinkAnswer::kStop;
    if (event.choice > 0) return SinkAnswer::kMore;  // nobody reads it in pieces
    is_paused = ++pieces >= kMostPieces;
    return is_paused ? SinkAnswer::kPause : SinkAnswer::kMore;
  }
};

Result<std::unique_ptr<ReplyStream>> ReplyStream::start(std::shared_ptr<Engine> engine, Request request) {
  auto shared = std::make_shared<Shared>();
  shared->choices.resize(static_cast<size_t>(std::max(request.choices, 0)));
  HB_TRY_ASSIGN(id, engine->submit(std::move(request), [shared](const Event& event) { return shared->put(event); }));
  return std::unique_ptr<ReplyStream>(new ReplyStream(std::move(engine), std::move(shared), id));
}

ReplyStream::~ReplyStream() { cancel(); }

ReplyStream::Step ReplyStream::next(std::optional<std::chrono::milliseconds> timeout) {
  Step step{Step::Kind::kNothingYet, {}};
  bool resumes = false;
  {
    std::unique_lock lock(shared_->mutex);
    const auto has_news = [&] { return !shared_->text.empty() || shared_->has_ended(); };
    if (!timeout)
      shared_->changed.wait(lock, has_news);
    else if (!shared_->changed.wait_for(lock, *timeout, has_news))
      return step;
    step.kind = shared_->text.empty() ? Step::Kind::kFinished : Step::Kind::kText;
    step.text.swap(shared_->text);
    shared_->pieces = 0;
    resumes = std::exchange(shared_->is_paused, false);
  }
  if (resumes) engine_->resume(id_);
  return step;
}

void ReplyStream::cancel() {
  {
    const std::lock_guard lock(shared_->mutex);
    shared_->is_cancelled = true;
    shared_->text.clear();
    if (shared_->has_ended()) return;
  }
  engine_->cancel(id_);
}

// No lock: nothing writes it after the reader has seen kFinished.
const std::vector<ReplyStream::Choice>& ReplyStream::choices() const { return shared_->choices; }

}  // namespace halfbyte
