#include "python/core/errors.h"

#include "base/errors.h"
#include "python/core/text.h"

namespace halfbyte::python {
namespace {

// `row`: the name of a code in base/errors, or one that only Python has.
[[noreturn]] void raise_row(std::string_view name, std::string_view message) {
  const nanobind::object rows = nanobind::module_::import_("halfbyte.inference.engine_errors").attr("EXCEPTIONS");
  PyErr_SetObject(nanobind::object(rows[text(name)]).ptr(), text(message).ptr());
  throw nanobind::python_error();
}

}  // namespace

void raise(const Error& error) { raise_row(row(error.code).name, error.message); }

void raise_closed() { raise_row("closed", "the engine is closed"); }

void raise_forked(const char* what) {
  raise_row("forked", fmt::format("this {} belongs to the process that forked this one: open the model here, or start processes with "
                                  "multiprocessing's \"spawn\"",
                                  what));
}

void raise_exit() {
  PyErr_SetNone(PyExc_SystemExit);
  throw nanobind::python_error();
}

}  // namespace halfbyte::python
