#include "base/world.h"

#include "base/file.h"
#include "base/machine_facts.h"

namespace halfbyte {

Result<std::unique_ptr<ByteSource>> World::open(const std::filesystem::path& path) const {
  HB_TRY_ASSIGN(file, File::open(path));
  return std::unique_ptr<ByteSource>(std::make_unique<File>(std::move(file)));
}

Result<std::unique_ptr<NewFile>> World::create(const std::filesystem::path& path) const { return NewFile::create(path); }

Result<Buffer> World::allocate(size_t bytes) const { return Buffer::allocate(bytes); }

std::optional<uint64_t> World::available_memory() const { return machine_facts().available_bytes; }

std::chrono::steady_clock::time_point World::now() const { return std::chrono::steady_clock::now(); }

const World& this_machine() {
  static const World machine;
  return machine;
}

}  // namespace halfbyte
