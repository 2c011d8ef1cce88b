// Failed Results as Python exceptions. halfbyte/inference/engine_errors.py has the classes, one per row of base/errors.
#pragma once

#include "halfbyte/result.h"

namespace halfbyte::python {

[[noreturn]] void raise(const Error& error);
[[noreturn]] void raise_closed();
[[noreturn]] void raise_forked(const char* what);
// In a daemon thread while the interpreter exits: SystemExit, which ends a thread without a traceback.
[[noreturn]] void raise_exit();

template <class T>
T take(Result<T> result) {
  if (!result) raise(result.error());
  return std::move(*result);
}

}  // namespace halfbyte::python
