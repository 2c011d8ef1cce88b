#include "formats/adapter.h"

#include "base/errors.h"
#include "formats/adapter_tensors.h"
#include "formats/known_keys.h"
#include "formats/peft.h"

namespace halfbyte {
namespace {

constexpr KnownKey kAdapterKeys[] = {
    key_read("type"),
    key_read("lora.alpha"),
    key_harmless("lora.task_name"),
    key_harmless("lora.prompt_prefix"),
    key_never("alora.invocation_tokens"),  // applies from these on
};

Result<AdapterCheckpoint> open_gguf_adapter(const std::filesystem::path& path, const AdapterBase& base, const World& world) {
  AdapterCheckpoint out;
  HB_TRY_INTO(out.file, open_gguf(path, world, "adapter"));
  const Metadata& m = out.file.metadata;
  HB_TRY_ASSIGN(kind, m.text("adapter.type"));
  if (kind != "lora") return unsupported("{}: adapter.type is '{}', this build reads lora", m.path(), escaped(kind));
  HB_TRY_ASSIGN(architecture, m.text("general.architecture"));
  if (architecture != base.architecture)
    return unsupported("{}: an adapter of {}, and the model is of {}", m.path(), escaped(architecture), base.architecture);
  const std::span<const KnownKey> tables[] = {kAdapterKeys};
  HB_TRY(check_known_keys(m, "adapter.", tables, out.file.warnings));
  HB_TRY_ASSIGN(alpha, m.float_or("adapter.lora.alpha", 0));

  AdapterTensors tensors(m.path());
  for (TensorLocation& tensor : out.file.tensors) {
    constexpr std::string_view kA = ".lora_a", kB = ".lora_b";
    const std::string name = tensor.name.substr(0, tensor.name.rfind('.'));
    if (tensor.name.ends_with(kA)) {
      // 0, or not said: B A as it is. So llama.cpp has it, which these files are made for.
      const double scale = alpha == 0 ? 1 : alpha / static_cast<double>(tensor.shape.front());
      HB_TRY(tensors.add_a(name, scale, std::move(tensor)));
    } else if (tensor.name.ends_with(kB)) {
      HB_TRY(tensors.add_b(name, std::move(tensor)));
    } else {
      return unsupported("{}: tensor '{}' is no part of a low-rank change, NAME{} or NAME{}", m.path(), escaped(tensor.name), kA, kB);
    }
  }
  out.file.tensors.clear();
  HB_TRY_INTO(out.changes, tensors.take());
  return out;
}

}  // namespace

Result<AdapterCheckpoint> open_adapter(const std::filesystem::path& path, const AdapterBase& base, const World& world) {
  std::error_code error;
  if (std::filesystem::is_directory(path, error)) return open_peft(path, kPeftWeights, base, world);
  const std::string name = path.filename().string();
  if (name.ends_with(".safetensors")) return open_peft(path.has_parent_path() ? path.parent_path() : ".", name, base, world);
  return open_gguf_adapter(path, base, world);
}

}  // namespace halfbyte
