#include "measure/serving.h"

#include <algorithm>
#include <chrono>
#include <condition_variable>
#include <deque>
#include <iterator>
#include <mutex>

#include "base/percentile.h"

namespace halfbyte {
namespace {

using namespace std::chrono_literals;

class Clients {
 public:
  Clients(Engine& engine, Load& load, const ServingOptions& options) : engine_(engine), load_(load), options_(options) {}

  std::vector<ServedRequest> serve() {
    std::optional<LoadRequest> next = following();
    std::unique_lock lock(mutex_);
    while (next || active_ > 0) {
      if (next && is_time_for(*next)) {
        lock.unlock();
        ask(std::move(*next));
        next = following();
        lock.lock();
        continue;
      }
      const auto until = next && !options_.clients ? std::min(now() + 0.2, next->due) : now() + 0.2;
      changed_.wait_for(lock, std::chrono::duration<double>(until - now()));
      if (next && options_.seconds > 0 && now() >= options_.seconds) next.reset();
      if (!options_.progress) continue;
      const int asked = static_cast<int>(served_.size()), ended = asked - active_;
      lock.unlock();
      options_.progress(asked, ended);
      lock.lock();
    }
    return {std::make_move_iterator(served_.begin()), std::make_move_iterator(served_.end())};
  }

 private:
  double now() const { return std::chrono::duration<double>(std::chrono::steady_clock::now() - start_).count(); }
  bool is_time_for(const LoadRequest& next) const { return options_.clients ? active_ < *options_.clients : next.due <= now(); }

  std::optional<LoadRequest> following() {
    if (options_.requests > 0 && static_cast<int>(served_.size()) >= options_.requests) return {};
    LoadRequest next = load_.next();
    if (options_.seconds > 0 && (now() >= options_.seconds || next.due >= options_.seconds)) return {};
    return next;
  }

  void ask(LoadRequest next) {
    ServedRequest* const served = &served_.emplace_back();  // a deque's elements stay where they are
    // A request counts from when it was due: what delays the asking is the clients' to suffer.
    served->asked = options_.clients ? now() : next.due;
    {
      const std::lock_guard lock(mutex_);
      ++active_;
    }
    const auto id = engine_.submit(std::move(next.request), [this, served, latest = 0.0](const Event& event) mutable {
      const double at = now();
      if (!event.text.empty() || (event.finished && !served->first && !event.error)) {
        if (served->first)
          served->gaps.push_back(at - latest);
        else
          served->first = at;
        latest = at;
      }
      if (event.finished) {
        served->usage = event.usage;
        served->error = event.error;
        end(*served, at);
      }
      return SinkAnswer::kMore;
    });
    if (id) return;
    served->error = id.error();
    end(*served, now());
  }

  void end(ServedRequest& served, double at) {
    served.ended = at;
    const std::lock_guard lock(mutex_);
    --active_;
    changed_.notify_one();
  }

  Engine& engine_;
  Load& load_;
  const ServingOptions& options_;
  const std::chrono::steady_clock::time_point start_ = std::chrono::steady_clock::now();
  std::deque<ServedRequest> served_;  // grown by the asking thread; each is its sink's until it has ended
  std::mutex mutex_;
  std::condition_variable changed_;
  int active_ = 0;  // under the mutex
};

std::optional<Spread> spread(const std::vector<double>& seconds) {
  if (seconds.empty()) return {};
  const auto ms = [&](double percent) { return percentile(seconds, percent) * 1e3; };
  return Spread{.p50 = ms(50), .p90 = ms(90), .p99 = ms(99), .greatest = ms(100)};
}

}  // namespace

std::vector<ServedRequest> serve(Engine& engine, Load& load, const ServingOptions& options) {
  return Clients(engine, load, options).serve();
}

ServingFigures figures(std::span<const ServedRequest> served) {
  ServingFigures figures{.requests = static_cast<int>(served.size())};
  std::vector<double> queue, first_token, inter_token, request;
  for (const ServedRequest& one : served) {
    figures.seconds = std::max(figures.seconds, one.ended);
    figures.prompt_tokens += static_cast<uint64_t>(one.usage.prompt_tokens);
    figures.cached_tokens += static_cast<uint64_t>(one.usage.cached_tokens);
    figures.generated_tokens += static_cast<uint64_t>(one.usage.completion_tokens);
    if (one.first) first_token.push_back(*one.first - one.asked);
    inter_token.insert(inter_token.end(), one.gaps.begin(), one.gaps.end());
    if (!one.error) {
      queue.push_back(one.usage.queued_ms * 1e-3);
      request.push_back(one.ended - one.asked);
    } else if (one.error->code == Code::kBusy) {
      ++figures.refused;
    } else {
      ++figures.failed;
      if (!figures.first_error) figures.first_error = one.error;
    }
  }
  if (!served.empty()) figures.seconds -= served.front().asked;
  figures.queue = spread(queue);
  figures.first_token = spread(first_token);
  figures.inter_token = spread(inter_token);
  figures.request = spread(request);
  return figures;
}

}  // namespace halfbyte
