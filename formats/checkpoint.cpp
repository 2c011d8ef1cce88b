#include "formats/checkpoint.h"

#include <algorithm>

#include "base/errors.h"
#include "formats/hugging_face.h"
#include "formats/turn.h"

namespace halfbyte {

const TensorLocation* Checkpoint::find(std::string_view name) const {
  for (const TensorLocation& tensor : tensors)
    if (tensor.name == name) return &tensor;
  return nullptr;
}

Result<void> Checkpoint::read(const TensorLocation& tensor, uint64_t begin, std::span<std::byte> out) const {
  if (begin > tensor.bytes || out.size() > tensor.bytes - begin)
    return internal("tensor '{}': bytes {} to {} asked for, it has {}", tensor.name, begin, begin + out.size(), tensor.bytes);
  if (tensor.file == TensorLocation::kComputed) {
    std::ranges::copy(std::span(computed).subspan(static_cast<size_t>(tensor.offset + begin), out.size()), out.begin());
    return {};
  }
  if (!tensor.pieces.empty()) {
    const uint64_t each = tensor.bytes / tensor.pieces.size();
    while (!out.empty()) {
      const TensorLocation::Piece& piece = tensor.pieces[static_cast<size_t>(begin / each)];
      const size_t count = std::min<size_t>(out.size(), static_cast<size_t>(each - begin % each));
      HB_TRY(files[piece.file]->read_at(piece.offset + begin % each, out.first(count)));
      out = out.subspan(count);
      begin += count;
    }
    return {};
  }
  if (tensor.turn.kind == Turn::Kind::kNone) return files[tensor.file]->read_at(tensor.offset + begin, out);
  return read_turned(*files[tensor.file], tensor, begin, out);
}

Result<Checkpoint> open_checkpoint(const std::filesystem::path& path, const World& world) {
  std::error_code error;
  if (std::filesystem::is_directory(path, error)) return open_hugging_face(path, {}, world);
  const std::string name = path.filename().string();
  if (!name.ends_with(".safetensors") && !name.ends_with(".safetensors.index.json")) return open_gguf(path, world);
  return open_hugging_face(path.has_parent_path() ? path.parent_path() : ".", name, world);
}

}  // namespace halfbyte
