// A model in one GGUF file or in several: siblings named NAME-00001-of-00003.gguf, of which the first has the metadata.
#include <unordered_set>

#include "base/errors.h"
#include "formats/checkpoint.h"
#include "formats/gguf.h"
#include "formats/limits.h"

namespace halfbyte {
namespace {

std::string shard_suffix(uint64_t index, uint64_t count) { return fmt::format("-{:05}-of-{:05}.gguf", index + 1, count); }

struct Shard {
  std::unique_ptr<ByteSource> file;
  GgufFile header;
  uint64_t index = 0;
  uint64_t count = 1;  // files of the model
};

Result<Shard> open_shard(const std::filesystem::path& path, const World& world) {
  HB_TRY_ASSIGN(file, world.open(path));
  HB_TRY_ASSIGN(header, parse_gguf(*file));
  // Some writers put split.count = 0 into a file that is whole.
  HB_TRY_ASSIGN(count, header.metadata.unsigned_integer_or("split.count", 0, limits::kShards, 1));
  HB_TRY_ASSIGN(index, header.metadata.unsigned_integer_or("split.no", 0, limits::kShards, 0));
  return Shard{std::move(file), std::move(header), index, std::max<uint64_t>(count, 1)};
}

// What the siblings of the first file must be called, up to the suffix. The name decides, never a path in the file.
Result<std::string> stem_of_first(const Shard& first) {
  const std::string& path = first.file->path();
  const std::string suffix = shard_suffix(0, first.count);
  if (first.index != 0)
    return invalid("{}: file {} of a model in {} files: open the first one, '...{}'", path, first.index + 1, first.count, suffix);
  if (!path.ends_with(suffix)) return corrupt("{}: split.count is {}, but the file's name does not end in '{}'", path, first.count, suffix);
  return path.substr(0, path.size() - suffix.size());
}

Result<void> append(Shard shard, Checkpoint& model, std::unordered_set<std::string>& names) {
  for (TensorLocation& tensor : shard.header.tensors) {
    if (!names.insert(tensor.name).second)
      return corrupt("{}: tensor '{}' is in an earlier file of the model too", shard.file->path(), tensor.name);
    tensor.file = static_cast<uint32_t>(model.files.size());
    model.tensors.push_back(std::move(tensor));
  }
  for (std::string& warning : shard.header.warnings) model.warnings.push_back(std::move(warning));
  model.files.push_back(std::move(shard.file));
  return {};
}

}  // namespace

Result<Checkpoint> open_gguf(const std::filesystem::path& path, const World& world, std::string_view of_type) {
  HB_TRY_ASSIGN(first, open_shard(path, world));
  const uint64_t count = first.count;
  std::string stem;
  if (count > 1) HB_TRY_INTO(stem, stem_of_first(first));
  Checkpoint model;
  model.metadata = std::move(first.header.metadata);
  // Adapters, importance matrices and projectors of images are GGUF files too.
  HB_TRY_ASSIGN(type, model.metadata.text_or("general.type", "model"));
  if (type != of_type)
    return unsupported("{}: general.type is '{}'; this build opens files of type '{}' here", model.metadata.path(), escaped(type), of_type);
  HB_TRY(model.metadata.text("general.architecture"));

  std::unordered_set<std::string> names;
  HB_TRY(append(std::move(first), model, names));
  for (uint64_t i = 1; i < count; ++i) {
    HB_TRY_ASSIGN(shard, open_shard(stem + shard_suffix(i, count), world));
    if (shard.index != i || shard.count != count)
      return corrupt("{}: expected split.no {} of {}, found {} of {}", shard.file->path(), i, count, shard.index, shard.count);
    HB_TRY(append(std::move(shard), model, names));
  }
  HB_TRY_ASSIGN(expected,
                model.metadata.unsigned_integer_or("split.tensors.count", 0, limits::kShards * limits::kTensors, model.tensors.size()));
  if (expected != model.tensors.size())
    return corrupt("{}: split.tensors.count is {}, its {} files have {} tensors", model.metadata.path(), expected, count,
                   model.tensors.size());
  return model;
}

}  // namespace halfbyte
