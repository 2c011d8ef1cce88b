#include "cli/interrupt.h"

#include <atomic>
#include <cstdlib>

namespace halfbyte {
namespace {

// A signal handler can only reach a global.
std::atomic<int> interrupts{0};
static_assert(std::atomic<int>::is_always_lock_free);

void note_interrupt(int) {
  if (interrupts.fetch_add(1) > 0) std::_Exit(kInterruptedStatus);
}

}  // namespace

InterruptWatch::InterruptWatch() {
  interrupts = 0;
  struct sigaction action{};
  action.sa_handler = note_interrupt;
  action.sa_flags = SA_RESTART;
  sigaction(SIGINT, &action, &before_);
}

InterruptWatch::~InterruptWatch() { sigaction(SIGINT, &before_, nullptr); }

bool InterruptWatch::seen() const { return interrupts > 0; }

}  // namespace halfbyte
