// The files of one checkpoint directory, by name. Nothing outside the directory is opened.
#pragma once

#include <filesystem>
#include <optional>
#include <string>
#include <string_view>

#include "base/world.h"
#include "formats/checkpoint_texts.h"
#include "halfbyte/result.h"

namespace halfbyte {

// `world` must outlive it.
class CheckpointFolder final : public CheckpointTexts {
 public:
  CheckpointFolder(std::filesystem::path path, const World& world) : path_(std::move(path)), world_(world) {}
  const std::filesystem::path& path() const { return path_; }
  bool has(std::string_view name) const;
  // kInvalid: not a plain file name, alone or in additional_chat_templates, or a link that leads out of the directory. In a snapshot of a Hugging Face cache, whose files are
  // links to blobs/, that folder belongs to it.
  Result<std::unique_ptr<ByteSource>> open(std::string_view name) const;
  Result<std::optional<std::string>> text(std::string_view name, uint64_t limit) const override;
  std::string path_of(std::string_view name) const override { return (path_ / name).string(); }
  std::string where() const override { return path_.string(); }

 private:
  std::filesystem::path path_;
  const World& world_;
};

}  // namespace halfbyte
