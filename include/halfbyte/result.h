// Result<T>: a value, or an Error that says what failed and where. No exception crosses a public function of halfbyte.
#pragma once

#include <string>
#include <type_traits>
#include <utility>
#include <variant>

namespace halfbyte {

// What kind of failure this is. The table in base/errors.cpp gives each its name and exit status.
enum class Code {
  kInvalid,      // the caller's argument is wrong
  kCorrupt,      // a file or message contradicts itself or its format
  kUnsupported,  // well-formed, but this build does not do it
  kNotFound,
  kIo,        // the operating system refused
  kBusy,      // full now, may work later
  kTooLong,   // does not fit the context
  kNumeric,   // a computed value is not finite
  kInternal,  // a bug of ours
};

struct Error {
  Code code = Code::kInternal;
  std::string message;  // lower-case; says where, what, expected and found
};

// Say on stderr what was asked of a Result in the wrong state, and abort: a bug of the caller.
[[noreturn]] void stop_without_value(const Error& error);
[[noreturn]] void stop_without_error();

// A value or an Error. Test it (`if (!r)`), then use *r, or r.error(); the other of the two stops the program.
template <class T>
class [[nodiscard]] Result {
 public:
  Result(T value) : state_(std::in_place_index<0>, std::move(value)) {}      // NOLINT: implicit by design
  Result(Error error) : state_(std::in_place_index<1>, std::move(error)) {}  // NOLINT: implicit by design
  explicit operator bool() const { return state_.index() == 0; }
  T& operator*() & { return value(); }
  const T& operator*() const& { return value(); }
  T&& operator*() && { return std::move(value()); }
  T* operator->() { return &value(); }
  const T* operator->() const { return &value(); }
  T& value() { return const_cast<T&>(std::as_const(*this).value()); }
  const T& value() const {
    if (const T* held = std::get_if<0>(&state_)) return *held;
    stop_without_value(error());
  }
  const Error& error() const {
    if (const Error* held = std::get_if<1>(&state_)) return *held;
    stop_without_error();
  }

 private:
  std::variant<T, Error> state_;
};

template <>
class [[nodiscard]] Result<void> {
 public:
  Result() = default;
  Result(Error error) : error_(std::move(error)), failed_(true) {}  // NOLINT: implicit by design
  explicit operator bool() const { return !failed_; }
  const Error& error() const {
    if (!failed_) stop_without_error();
    return error_;
  }

 private:
  Error error_;
  bool failed_ = false;
};

// HB_TRY(expression): returns the error of a failed Result from the calling function.
// HB_TRY_ASSIGN(name, expression): the same, else `auto name` is the value.
// HB_TRY_INTO(place, expression): the same, else the value is moved into `place`, which is any lvalue.
#define HB_CONCAT_(a, b) a##b
#define HB_CONCAT(a, b) HB_CONCAT_(a, b)
#define HB_TRY(...)                                                                              \
  do {                                                                                           \
    if (auto hb_result = (__VA_ARGS__); !hb_result) return ::halfbyte::Error(hb_result.error()); \
  } while (false)
#define HB_TRY_ASSIGN(name, ...)                                                                           \
  auto HB_CONCAT(hb_result_, __LINE__) = (__VA_ARGS__);                                                    \
  if (!HB_CONCAT(hb_result_, __LINE__)) return ::halfbyte::Error(HB_CONCAT(hb_result_, __LINE__).error()); \
  auto name = std::move(*HB_CONCAT(hb_result_, __LINE__))
#define HB_TRY_INTO(place, ...)                                  \
  do {                                                           \
    auto hb_result = (__VA_ARGS__);                              \
    if (!hb_result) return ::halfbyte::Error(hb_result.error()); \
    (place) = std::move(*hb_result);                             \
  } while (false)

}  // namespace halfbyte
