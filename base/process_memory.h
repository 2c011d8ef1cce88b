// How much memory this process occupies now.
#pragma once

#include <cstdint>
#include <optional>

namespace halfbyte {

// Bytes of physical memory in use; nothing where the system does not tell.
std::optional<uint64_t> resident_bytes();

}  // namespace halfbyte
