#include "formats/safetensors_shards.h"

#include <map>
#include <set>

#include "base/errors.h"
#include "formats/limits.h"

namespace halfbyte {
namespace {

constexpr std::string_view kWhole = "model.safetensors";
constexpr std::string_view kIndex = "model.safetensors.index.json";

using ShardByWeight = std::map<std::string, std::string, std::less<>>;

Result<std::vector<SafetensorsEntry>> open_file(const CheckpointFolder& folder, std::string_view name, StoredTensors& out) {
  HB_TRY_ASSIGN(file, folder.open(name));
  HB_TRY_ASSIGN(entries, parse_safetensors(*file));
  out.files.push_back(std::move(file));
  return entries;
}

Result<ShardByWeight> read_index(const CheckpointFolder& folder, std::string_view name) {
  HB_TRY_ASSIGN(json, folder.json(name, limits::kShardIndexBytes));
  const std::string path = folder.path_of(name);
  if (!json) return not_found("{}: no such file", path);
  const Json* map = json->find("weight_map");
  if (map == nullptr || map->object() == nullptr) return corrupt("{}: weight_map is missing or not an object", path);
  ShardByWeight shards;
  for (const JsonMember& member : *map->object()) {
    const std::string* shard = member.value.text();
    if (shard == nullptr || !shard->ends_with(".safetensors"))
      return corrupt("{}: weight_map: '{}' is not mapped to a .safetensors file", path, escaped(member.key));
    shards.emplace(member.key, *shard);
  }
  return shards;
}

Result<void> open_shard(const CheckpointFolder& folder, const std::string& shard, ShardByWeight& expected, StoredTensors& out) {
  HB_TRY_ASSIGN(entries, open_file(folder, shard, out));
  const auto file = static_cast<uint32_t>(out.files.size() - 1);
  for (SafetensorsEntry& entry : entries) {
    const auto at = expected.find(entry.name);
    if (at == expected.end()) {
      out.warnings.push_back(fmt::format("{}: tensor '{}' is not in the index", folder.path_of(shard), escaped(entry.name)));
      continue;
    }
    if (at->second != shard)
      return corrupt("{}: tensor '{}': the index has it in {}", folder.path_of(shard), escaped(entry.name), escaped(at->second));
    out.tensors.push_back({std::move(entry), file});
  }
  return {};
}

Result<StoredTensors> open_index(const CheckpointFolder& folder, std::string_view name) {
  HB_TRY_ASSIGN(expected, read_index(folder, name));
  std::set<std::string> shards;
  for (const auto& [weight, shard] : expected) shards.insert(shard);
  if (shards.size() > limits::kShards)
    return corrupt("{}: {} shards, at most {} are opened", folder.path_of(name), shards.size(), limits::kShards);
  StoredTensors out;
  for (const std::string& shard : shards) HB_TRY(open_shard(folder, shard, expected, out));
  std::set<std::string_view> found;
  for (const StoredTensor& tensor : out.tensors) found.insert(tensor.entry.name);
  for (const auto& [weight, shard] : expected)
    if (!found.contains(weight)) return corrupt("{}: tensor '{}' is not in {}", folder.path_of(name), escaped(weight), escaped(shard));
  return out;
}

}  // namespace

Result<StoredTensors> open_safetensors(const CheckpointFolder& folder, std::string_view file) {
  if (file.empty()) file = folder.has(kWhole) || !folder.has(kIndex) ? kWhole : kIndex;
  if (file.ends_with(".json")) return open_index(folder, file);
  StoredTensors out;
  HB_TRY_ASSIGN(entries, open_file(folder, file, out));
  for (SafetensorsEntry& entry : entries) out.tensors.push_back({std::move(entry), 0});
  return out;
}

}  // namespace halfbyte
