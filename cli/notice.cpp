#include "cli/notice.h"

#include <chrono>

#include "cli/output.h"

namespace halfbyte {

Notice::Notice(std::string text) {
  if (stderr_is_terminal()) thread_ = std::thread([this, text = std::move(text)] { wait_and_show(text); });
}

Notice::~Notice() {
  if (!thread_.joinable()) return;
  {
    const std::lock_guard lock(mutex_);
    is_over_ = true;
  }
  over_changed_.notify_one();
  thread_.join();
}

void Notice::wait_and_show(const std::string& text) {
  std::unique_lock lock(mutex_);
  if (over_changed_.wait_for(lock, std::chrono::seconds(1), [&] { return is_over_; })) return;
  print_status(text);
  over_changed_.wait(lock, [&] { return is_over_; });
  print_status({});
}

}  // namespace halfbyte
