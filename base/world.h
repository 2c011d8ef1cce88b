// What lies outside the program and can fail or differ: files, memory, time. It enters at the doors (open_checkpoint, load_model,
// Engine::open, replace_file, ...) as a parameter whose default is the machine itself; tests pass one that fails where they choose.
#pragma once

#include <chrono>
#include <filesystem>
#include <memory>
#include <optional>

#include "base/buffer.h"
#include "base/byte_source.h"
#include "base/new_file.h"
#include "halfbyte/result.h"

namespace halfbyte {

// The machine. Thread-safe, and so must be what a test derives from it.
class World {
 public:
  virtual ~World() = default;
  virtual Result<std::unique_ptr<ByteSource>> open(const std::filesystem::path& path) const;  // as File::open
  virtual Result<std::unique_ptr<NewFile>> create(const std::filesystem::path& path) const;   // as NewFile::create
  virtual Result<Buffer> allocate(size_t bytes) const;                                        // as Buffer::allocate
  virtual std::optional<uint64_t> available_memory() const;                                   // MachineFacts::available_bytes
  virtual std::chrono::steady_clock::time_point now() const;
};

const World& this_machine();

}  // namespace halfbyte
