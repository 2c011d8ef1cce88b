// Anonymous memory for weights, cache and scratch: 64-byte aligned, zeroed, in huge pages where the system gives them.
#pragma once

#include <cstddef>
#include <span>
#include <utility>

#include "halfbyte/result.h"

namespace halfbyte {

// Owns one mapping. Pages take real memory only when first touched.
class Buffer {
 public:
  Buffer() = default;
  static Result<Buffer> allocate(size_t bytes);  // kIo: no memory; the message says how much was asked for
  Buffer(Buffer&& other) noexcept : data_(std::exchange(other.data_, nullptr)), bytes_(std::exchange(other.bytes_, 0)) {}
  Buffer& operator=(Buffer&& other) noexcept {
    std::swap(data_, other.data_);
    std::swap(bytes_, other.bytes_);
    return *this;
  }
  ~Buffer();

  std::byte* data() { return data_; }
  const std::byte* data() const { return data_; }
  size_t size() const { return bytes_; }
  // Requires: `offset` is inside and a multiple of T's alignment.
  template <class T>
  T* as(size_t offset = 0) {
    return reinterpret_cast<T*>(data_ + offset);
  }
  template <class T>
  const T* as(size_t offset = 0) const {
    return reinterpret_cast<const T*>(data_ + offset);
  }

 private:
  std::byte* data_ = nullptr;
  size_t bytes_ = 0;
};

}  // namespace halfbyte
