#include "python/core/interpreter.h"

#include <pthread.h>

#include <atomic>
#include <set>

#include "python/core/errors.h"

namespace halfbyte::python {
namespace {

// Guarded by the GIL, which fork() holds as well: a child finds them whole.
std::set<Held*> held;
bool exiting = false;
unsigned process = 0;  // how many forks this process is away from the one that loaded the module

std::atomic<int> computing = 0;  // threads in WithoutGil

}  // namespace

bool is_exiting() { return exiting; }

WithoutGil::WithoutGil() {
  if (exiting) raise_exit();
  ++computing;
  state_ = PyEval_SaveThread();
}

WithoutGil::~WithoutGil() {
  PyEval_RestoreThread(state_);
  --computing;
  computing.notify_all();
}

Held::Held(const void* owner) : owner_(owner), process_(process) { held.insert(this); }
Held::~Held() { held.erase(this); }

bool Held::is_inherited() const { return process_ != process; }

void Held::check(const char* what) const {
  if (exiting) raise_exit();
  if (is_inherited()) raise_forked(what);
}

void close_owned(const void* owner) {
  for (auto at = held.begin(); at != held.end();) {
    Held* const each = *at;
    if (each->owner_ == owner) each->close();
    at = held.upper_bound(each);  // closing lets other threads run, which may destroy this one and others
  }
}

void close_all() {
  exiting = true;
  for (Held* each : std::set(held))
    if (!each->is_inherited()) each->close();
  PyThreadState* state = PyEval_SaveThread();
  for (int threads = computing; threads > 0; threads = computing) computing.wait(threads);
  PyEval_RestoreThread(state);
}

void watch_forks() {
  pthread_atfork(nullptr, nullptr, [] {
    ++process;
    computing = 0;  // those threads are the parent's
  });
}

}  // namespace halfbyte::python
