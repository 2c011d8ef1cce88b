// Bytes that are meant as UTF-8, as a Python str: what is not (a path may be anything) becomes U+FFFD, never an exception.
#pragma once

#include <nanobind/nanobind.h>

#include <string_view>

namespace halfbyte::python {

inline nanobind::str text(std::string_view bytes) {
  PyObject* made = PyUnicode_DecodeUTF8(bytes.data(), static_cast<Py_ssize_t>(bytes.size()), "replace");
  if (!made) throw nanobind::python_error();
  return nanobind::steal<nanobind::str>(made);
}

}  // namespace halfbyte::python
