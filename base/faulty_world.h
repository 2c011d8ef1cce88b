// The machine, but one call of a chosen kind goes wrong: the n-th. For tests, which try every n until there is no n-th call.
#pragma once

#include <algorithm>
#include <atomic>
#include <utility>

#include "base/errors.h"
#include "base/world.h"

namespace halfbyte {

class FaultyWorld final : public World {
 public:
  enum class Fault {
    kOpen,      // a file cannot be opened
    kRead,      // a read fails half way
    kBytes,     // a read succeeds and gives other bytes
    kAllocate,  // there is no memory
    kCreate,    // the disk is full when a file is to be made,
    kWrite,     // when half of what is written has reached it,
    kSync,      // when the rest is to reach it,
    kPublish,   // when the file is to get its name
  };

  FaultyWorld(Fault fault, int nth) : fault_(fault), nth_(nth) {}
  bool has_failed() const { return calls_ > nth_; }

  Result<std::unique_ptr<ByteSource>> open(const std::filesystem::path& path) const override {
    if (fails(Fault::kOpen)) return io_error("{}: cannot open: a fault", path.string());
    HB_TRY_ASSIGN(file, World::open(path));
    return std::unique_ptr<ByteSource>(std::make_unique<Source>(*this, std::move(file)));
  }
  Result<std::unique_ptr<NewFile>> create(const std::filesystem::path& path) const override {
    if (fails(Fault::kCreate)) return io_error("{}: cannot write beside it: a fault", path.string());
    HB_TRY_ASSIGN(file, World::create(path));
    return std::unique_ptr<NewFile>(std::make_unique<Target>(*this, path.string(), std::move(file)));
  }
  Result<Buffer> allocate(size_t bytes) const override {
    if (fails(Fault::kAllocate)) return io_error("cannot allocate {} bytes of memory: a fault", bytes);
    return World::allocate(bytes);
  }

 private:
  class Source final : public ByteSource {
   public:
    Source(const FaultyWorld& world, std::unique_ptr<ByteSource> file) : world_(world), file_(std::move(file)) {}
    const std::string& path() const override { return file_->path(); }
    uint64_t size() const override { return file_->size(); }
    Result<void> read_at(uint64_t offset, std::span<std::byte> out) const override {
      if (world_.fails(Fault::kRead)) {
        HB_TRY(file_->read_at(offset, out.first(out.size() / 2)));
        return io_error("{}: cannot read at byte {}: a fault", path(), offset + out.size() / 2);
      }
      HB_TRY(file_->read_at(offset, out));
      if (world_.fails(Fault::kBytes)) std::ranges::transform(out, out.begin(), [](std::byte b) { return b ^ std::byte{0x5a}; });
      return {};
    }

   private:
    const FaultyWorld& world_;
    std::unique_ptr<ByteSource> file_;
  };

  class Target final : public NewFile {
   public:
    Target(const FaultyWorld& world, std::string path, std::unique_ptr<NewFile> file)
        : world_(world), path_(std::move(path)), file_(std::move(file)) {}
    Result<void> write(std::string_view bytes) override {
      if (!world_.fails(Fault::kWrite)) return file_->write(bytes);
      HB_TRY(file_->write(bytes.substr(0, bytes.size() / 2)));
      return full();
    }
    Result<void> sync() override { return world_.fails(Fault::kSync) ? full() : file_->sync(); }
    Result<void> publish() override { return world_.fails(Fault::kPublish) ? full() : file_->publish(); }

   private:
    Result<void> full() const { return io_error("{}: cannot be written: a fault", path_); }
    const FaultyWorld& world_;
    std::string path_;
    std::unique_ptr<NewFile> file_;
  };

  bool fails(Fault kind) const { return kind == fault_ && calls_++ == nth_; }

  Fault fault_;
  int nth_;
  mutable std::atomic<int> calls_{0};
};

// `act` in worlds whose first, second, ... call of the kind goes wrong, until there is no such call. Returns how many there were.
template <class Act>
int with_every(FaultyWorld::Fault fault, const Act& act) {
  for (int n = 0;; ++n) {
    const FaultyWorld world(fault, n);
    act(world);
    if (!world.has_failed()) return n;
  }
}

}  // namespace halfbyte
