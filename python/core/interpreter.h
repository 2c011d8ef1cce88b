// What the interpreter asks of objects with threads behind them: the GIL is free while they compute, they are gone before the
// interpreter is, and a forked child, which has none of the threads, does not touch them.
#pragma once

#include <nanobind/nanobind.h>

#include <memory>

namespace halfbyte::python {

// The GIL is released for the life of this. close_all() waits until nobody is in here: a thread that asks for the GIL of a finalized
// interpreter is ended by force, in the middle of C++. Raises SystemExit when the interpreter is about to exit.
class WithoutGil {
 public:
  WithoutGil();
  ~WithoutGil();
  WithoutGil(const WithoutGil&) = delete;
  WithoutGil& operator=(const WithoutGil&) = delete;

 private:
  PyThreadState* state_;
};

// An object that Python holds and that may have threads at work. Made, closed and destroyed with the GIL.
class Held {
 public:
  // `owner`: closing that closes this.
  explicit Held(const void* owner);
  virtual ~Held();
  Held(const Held&) = delete;
  Held& operator=(const Held&) = delete;
  virtual void close() = 0;

 protected:
  // Raises SystemExit when the interpreter is about to exit, ForkedError in a forked child. `what` names this in the message.
  void check(const char* what) const;
  // This process was forked from the one that made this: its threads are not here, and its locks may be held for ever.
  bool is_inherited() const;

 private:
  friend void close_owned(const void* owner);
  friend void close_all();
  const void* owner_;
  unsigned process_;
};

void close_owned(const void* owner);
// For atexit: closes all that this process holds, and waits until no thread computes. Nothing starts after that.
void close_all();
bool is_exiting();
void watch_forks();

// Destroys what `held` refers to, without the GIL: that may take as long as a step of the engine.
template <class T>
void let_go(std::shared_ptr<T>& held) {
  if (!held) return;
  if (is_exiting()) return held.reset();
  auto last = std::move(held);
  const WithoutGil without_gil;
  last.reset();
}

}  // namespace halfbyte::python
