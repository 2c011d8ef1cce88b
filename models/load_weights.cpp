#include "models/load_weights.h"

#include <algorithm>
#include <atomic>
#include <cmath>
#include <mutex>
#include <new>
#include <set>

#include "base/checked.h"
#include "base/errors.h"
#include "quant/panel.h"

namespace halfbyte {
namespace {

// A piece is read at once and packed from a buffer that stays in the cache.
constexpr size_t kPieceBytes = size_t{256} << 10;
// A transposed tensor is gathered from every row of the file: larger pieces are fewer and longer reads.
constexpr size_t kTransposedPieceBytes = size_t{4} << 20;

struct Piece {
  const TensorLocation* tensor;
  size_t matrix;        // index in Weights
  uint64_t tensor_row;  // of the first row, in the tensor
  uint32_t first_row, rows;
};

std::string shape_text(const std::vector<uint64_t>& shape) { return fmt::format("[{}]", fmt::join(shape, ", ")); }

// Elements [first, first + n), zero-padded to a multiple of 16.
Result<std::vector<float>> read_vector(const Checkpoint& checkpoint, const TensorLocation& tensor, uint64_t first, uint64_t n) {
  std::vector<std::byte> raw(tensor.bytes);
  HB_TRY(checkpoint.read(tensor, 0, raw));
  std::vector<float> all(tensor.elements());
  tensor.format->decode(raw.data(), tensor.elements() / tensor.format->block_length, all.data());
  for (size_t i = 0; i < all.size(); ++i)
    if (!std::isfinite(all[i]))
      return corrupt("{}: tensor {}: element {} is not finite", checkpoint.metadata.path(), escaped(tensor.name), i);
  std::vector<float> values(round_up(n, 16));
  std::ranges::copy(std::span(all).subspan(first, n), values.begin());
  return values;
}

Result<void> load_piece(const Checkpoint& checkpoint, const Piece& piece, const Matrix& matrix, std::byte* target,
                        std::vector<std::byte>& staging) {
  const size_t row_bytes = matrix.format->row_bytes(matrix.columns);
  const std::span<std::byte> raw(staging.data(), piece.rows * row_bytes);
  HB_TRY(checkpoint.read(*piece.tensor, piece.tensor_row * row_bytes, raw));
  const size_t blocks = raw.size() / matrix.format->block_bytes;
  if (const size_t bad = matrix.format->first_not_finite(raw.data(), blocks); bad < blocks)
    return corrupt("{}: non-finite value in tensor {}, block {}", checkpoint.metadata.path(), escaped(piece.tensor->name),
                   piece.tensor_row * row_bytes / matrix.format->block_bytes + bad);
  if (!matrix.is_panels) {
    std::ranges::copy(raw, target + piece.first_row * matrix.stride);
    return {};
  }
  for (uint32_t r = 0; r < piece.rows; r += kPanelRows)
    matrix.format->panel->pack(raw.data() + r * row_bytes, static_cast<int>(std::min<uint32_t>(kPanelRows, piece.rows - r)), matrix.columns,
                               target + (piece.first_row + r) / kPanelRows * matrix.stride);
  return {};
}

// Tensors without which the logits are the same: the sides of a model that see and hear, which some files have with the text's; what
// embeddings and rankings make of the hidden states; tables of frequencies that are computed.
constexpr std::string_view kBesidePrefixes[] = {"v.", "mm.", "a.", "cls.", "dense_2.", "dense_3."};
constexpr std::string_view kComputedSuffix = ".attn_rot_embd.weight";

// A tensor that the formula does not have is a sign of another formula: the result would be another without it.
Result<void> check_unused(const Checkpoint& checkpoint, const std::set<std::string_view>& used, std::vector<std::string>& warnings) {
  size_t beside = 0;
  std::string_view first;
  for (const TensorLocation& tensor : checkpoint.tensors) {
    const std::string_view name = tensor.name;
    if (used.contains(name)) continue;
    const bool is_beside = std::ranges::any_of(kBesidePrefixes, [&](std::string_view prefix) { return name.starts_with(prefix); });
    if (!is_beside && !name.ends_with(kComputedSuffix)) {
      HB_TRY_ASSIGN(architecture, checkpoint.metadata.text_or("general.architecture", ""));
      return unsupported("{}: tensor {}: this build's formula of {} does not have it", checkpoint.metadata.path(), escaped(name),
                         escaped(architecture));
    }
    if (beside++ == 0) first = name;
  }
  if (beside > 0) warnings.push_back(fmt::format("{} tensors beside the language model are not used, first {}", beside, escaped(first)));
  return {};
}

}  // namespace

Result<Weights> load_weights(const Checkpoint& checkpoint, const WeightList& list, ThreadPool& pool, const World& world,
                             uint64_t most_bytes, std::vector<std::string>& warnings) {
  const std::string& path = checkpoint.metadata.path();
  Weights weights;
  std::vector<Piece> pieces;
  std::set<std::string_view> used;
  size_t bytes = 0, greatest_piece = 0;
  std::vector<size_t> offsets;
  for (const WeightList::Entry& entry : list.entries()) {
    const TensorLocation* tensor = checkpoint.find(entry.name);
    if (tensor == nullptr) {
      if (entry.is_optional) continue;
      return corrupt("{}: tensor {} is missing", path, entry.name);
    }
    if (tensor->shape != entry.shape)
      return corrupt("{}: tensor {}: expected shape {}, found {}", path, entry.name, shape_text(entry.shape), shape_text(tensor->shape));
    used.insert(tensor->name);
    if (entry.vector != nullptr) {
      HB_TRY_ASSIGN(values, read_vector(checkpoint, *tensor, entry.first, entry.rows));
      entry.vector->index = static_cast<int32_t>(weights.vectors.size());
      weights.vectors.push_back(std::move(values));
      continue;
    }
    entry.matrix->index = static_cast<int32_t>(weights.matrices.size());
    Matrix matrix{
        .format = tensor->format, .rows = static_cast<uint32_t>(entry.rows), .columns = static_cast<uint32_t>(entry.shape.back())};
    const size_t row_bytes = matrix.format->row_bytes(matrix.columns);
    matrix.is_panels = matrix.format->panel != nullptr && !entry.is_lookup;
    matrix.stride = matrix.is_panels ? matrix.format->panel->panel_bytes(matrix.columns) : row_bytes;
    offsets.push_back(bytes);
    bytes += round_up(matrix.bytes(), 64);
    const size_t piece_bytes = tensor->turn.kind == Turn::Kind::kTransposed ? kTransposedPieceBytes : kPieceBytes;
    const auto rows_each = static_cast<uint32_t>(std::max<size_t>(kPanelRows, piece_bytes / row_bytes / kPanelRows * kPanelRows));
    for (uint32_t first = 0; first < matrix.rows; first += rows_each) {
      pieces.push_back({tensor, weights.matrices.size(), entry.first + first, first, std::min(rows_each, matrix.rows - first)});
      greatest_piece = std::max(greatest_piece, pieces.back().rows * row_bytes);
    }
    weights.matrices.push_back(matrix);
  }
  HB_TRY(check_unused(checkpoint, used, warnings));

  if (bytes > most_bytes)
    return io_error("{}: the weights need {:.1f} MB of memory, {:.1f} MB may be used", path, static_cast<double>(bytes) / 1e6,
                    static_cast<double>(most_bytes) / 1e6);
  HB_TRY_INTO(weights.storage, world.allocate(bytes));
  for (size_t m = 0; m < weights.matrices.size(); ++m) weights.matrices[m].data = weights.storage.data() + offsets[m];

  // Threads take the next piece in file-list order. Of several failures the first in that order is reported.
  std::atomic<size_t> next{0};
  std::mutex mutex;
  size_t failed_piece = pieces.size();
  Error failure;
  const auto load_pieces = [&] {
    std::vector<std::byte> staging(greatest_piece);
    for (size_t i = next++; i < pieces.size(); i = next++) {
      const Piece& piece = pieces[i];
      const auto loaded =
          load_piece(checkpoint, piece, weights.matrices[piece.matrix], weights.storage.data() + offsets[piece.matrix], staging);
      if (loaded) continue;
      const std::lock_guard lock(mutex);
      if (i < failed_piece) {
        failed_piece = i;
        failure = loaded.error();
      }
      next = pieces.size();
    }
  };
  pool.run([&](int) {
    try {
      load_pieces();
    } catch (const std::bad_alloc&) {
      const std::lock_guard lock(mutex);
      failed_piece = 0;
      failure = out_of_memory();
      next = pieces.size();
    }
  });
  if (failed_piece < pieces.size()) return failure;
  return weights;
}

}  // namespace halfbyte
