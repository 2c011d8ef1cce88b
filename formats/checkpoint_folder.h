// The files of one checkpoint directory, by name. Nothing outside the directory is opened.
#pragma once

#include <filesystem>
#include <optional>
#include <string>
#include <string_view>

#include "base/json.h"
#include "base/world.h"
#include "halfbyte/result.h"

namespace halfbyte {

// `world` must outlive it.
class CheckpointFolder {
 public:
  CheckpointFolder(std::filesystem::path path, const World& world) : path_(std::move(path)), world_(world) {}
  const std::filesystem::path& path() const { return path_; }
  bool has(std::string_view name) const;
  // kInvalid: not a plain file name, or a link that leads out of the directory. In a snapshot of a Hugging Face cache, whose files are
  // links to blobs/, that folder belongs to it.
  Result<std::unique_ptr<ByteSource>> open(std::string_view name) const;
  // The whole of a file of at most `limit` bytes; nothing when it is not there.
  Result<std::optional<std::string>> text(std::string_view name, uint64_t limit) const;
  Result<std::optional<Json>> json(std::string_view name, uint64_t limit) const;
  std::string path_of(std::string_view name) const { return (path_ / name).string(); }

 private:
  std::filesystem::path path_;
  const World& world_;
};

}  // namespace halfbyte
