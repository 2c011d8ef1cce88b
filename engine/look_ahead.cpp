#include "engine/look_ahead.h"

#include <system_error>
#include <utility>

namespace halfbyte {

LookAhead::~LookAhead() {
  if (!thread_.joinable()) return;
  {
    const std::lock_guard lock(mutex_);
    is_stopping_ = true;
  }
  has_work_.notify_one();
  thread_.join();
}

LookAhead::Waiting LookAhead::begin(std::vector<Constraint*> constraints) {
  if (!constraints.empty()) start(std::move(constraints));
  return Waiting(*this);
}

// Without a thread the masks are computed where they are asked for.
void LookAhead::start(std::vector<Constraint*> constraints) {
  if (!thread_.joinable()) {
    try {
      thread_ = std::thread([this] { loop(); });
    } catch (const std::system_error&) {
      return;
    }
  }
  {
    const std::lock_guard lock(mutex_);
    work_ = std::move(constraints);
  }
  has_work_.notify_one();
}

void LookAhead::wait() {
  std::unique_lock lock(mutex_);
  is_done_.wait(lock, [&] { return work_.empty(); });
}

void LookAhead::loop() {
  std::unique_lock lock(mutex_);
  for (;;) {
    has_work_.wait(lock, [&] { return is_stopping_ || !work_.empty(); });
    if (is_stopping_) return;
    const std::vector<Constraint*> mine = work_;
    lock.unlock();
    for (Constraint* constraint : mine) constraint->look_ahead();
    lock.lock();
    work_.clear();
    is_done_.notify_all();
  }
}

}  // namespace halfbyte
