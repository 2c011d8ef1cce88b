// A line on the terminal for what takes longer than a person waits in silence.
#pragma once

#include <condition_variable>
#include <mutex>
#include <string>
#include <thread>

namespace halfbyte {

// Shows `text` on stderr when it has existed for a second, and takes it away at its end. Only on a terminal.
class Notice {
 public:
  explicit Notice(std::string text);
  ~Notice();
  Notice(const Notice&) = delete;
  Notice& operator=(const Notice&) = delete;

 private:
  void wait_and_show(const std::string& text);

  std::mutex mutex_;
  std::condition_variable over_changed_;
  bool is_over_ = false;
  std::thread thread_;  // none when stderr is no terminal
};

}  // namespace halfbyte
