// Ctrl-C while a reply is made: noticed instead of ending the program.
#pragma once

#include <csignal>

namespace halfbyte {

constexpr int kInterruptedStatus = 130;  // what shells report for a program ended by Ctrl-C

// As long as one exists, the first Ctrl-C is only noted; a second one ends the program. At most one at a time.
class InterruptWatch {
 public:
  InterruptWatch();
  ~InterruptWatch();
  InterruptWatch(const InterruptWatch&) = delete;
  InterruptWatch& operator=(const InterruptWatch&) = delete;

  bool seen() const;

 private:
  struct sigaction before_;
};

}  // namespace halfbyte
