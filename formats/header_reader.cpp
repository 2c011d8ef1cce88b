#include "formats/header_reader.h"

#include <algorithm>

#include "formats/limits.h"

namespace halfbyte {

Result<void> HeaderReader::refill() {
  // What is left of the buffer moves to its front; the rest of a step is read behind it.
  const auto kept = static_cast<std::ptrdiff_t>(next_);
  std::copy(buffer_.begin() + kept, buffer_.begin() + static_cast<std::ptrdiff_t>(end_), buffer_.begin());
  end_ -= next_;
  next_ = 0;
  const uint64_t wanted = std::min<uint64_t>(limits::kReadStep, left());
  buffer_.resize(static_cast<size_t>(wanted));
  HB_TRY(source_.read_at(position_ + end_, std::span(buffer_).subspan(end_)));
  end_ = buffer_.size();
  return {};
}

}  // namespace halfbyte
