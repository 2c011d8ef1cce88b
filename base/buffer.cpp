#include "base/buffer.h"

#include <sys/mman.h>

#include "base/checked.h"
#include "base/errors.h"

namespace halfbyte {
namespace {

constexpr size_t kHugePage = size_t{2} << 20;

}  // namespace

Result<Buffer> Buffer::allocate(size_t bytes) {
  Buffer buffer;
  if (bytes == 0) return buffer;
  // Small buffers do not profit from huge pages and would waste up to 2 MiB of resident memory each.
  const bool huge = bytes >= 4 * kHugePage;
  const size_t length = bytes + (huge ? kHugePage : 0);
  void* raw = ::mmap(nullptr, length, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  if (raw == MAP_FAILED) return io_error("cannot allocate {} bytes of memory", bytes);
  auto* first = static_cast<std::byte*>(raw);
  if (huge) {  // align to a huge page, give the rest back
    const auto address = reinterpret_cast<size_t>(raw);
    const size_t before = round_up(address, kHugePage) - address;
    if (before > 0) ::munmap(first, before);
    first += before;
    const size_t kept = round_up(bytes, 4096);
    if (length - before > kept) ::munmap(first + kept, length - before - kept);
#if defined(MADV_HUGEPAGE)
    ::madvise(first, kept, MADV_HUGEPAGE);
#endif
  }
  buffer.data_ = first;
  buffer.bytes_ = bytes;
  return buffer;
}

Buffer::~Buffer() {
  if (data_ != nullptr) ::munmap(data_, round_up(bytes_, 4096));
}

}  // namespace halfbyte
