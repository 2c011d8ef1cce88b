// How much memory this process occupies now, and giving back what it no longer needs.
#pragma once

#include <cstdint>
#include <optional>

namespace halfbyte {

// Bytes of physical memory in use; nothing where the system does not tell.
std::optional<uint64_t> resident_bytes();

// Returns freed heap to the system where the allocator would keep it. Takes milliseconds: for after a load, not for the token path.
void return_freed_memory();

}  // namespace halfbyte
