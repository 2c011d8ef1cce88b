#include "backends/scripted_model.h"

#include <algorithm>
#include <cstring>

#include "formats/gguf_bytes.h"
#include "text/byte_level.h"

namespace halfbyte {
namespace {

constexpr uint32_t kString = 8, kI32 = 5, kNormal = 1, kControl = 3;
constexpr int kFirstPiece = 128;  // its token: those of bytes that ASCII has not

// token embedding: dimension i + 1 for piece i, 0 for all others. Head: the token after dimension i is piece i, after the last the end.
std::string rows(int pieces, int width, bool is_head) {
  std::vector<float> values(static_cast<size_t>(TinyModel::kVocabulary * width));
  const auto set = [&](int token, int dimension) { values[static_cast<size_t>(token * width + dimension)] = 1; };
  for (int token = 0; token < TinyModel::kVocabulary; ++token)
    if (!is_head && (token < kFirstPiece || token >= kFirstPiece + pieces)) set(token, 0);
  for (int i = 0; i < pieces; ++i) set(kFirstPiece + i, is_head ? i : i + 1);
  if (is_head) set(TinyModel::kEndToken, pieces);
  return {reinterpret_cast<const char*>(values.data()), values.size() * sizeof(float)};
}

}  // namespace

TinyModel scripted_model(const std::vector<std::string>& pieces, const std::string& chat_template) {
  TinyModel model;
  const int width = model.width, count = static_cast<int>(pieces.size());
  model.change_entries = [=](auto& entries) {
    std::string tokens, types;
    for (int id = 0; id < TinyModel::kVocabulary; ++id) {
      const bool is_piece = id >= kFirstPiece && id < kFirstPiece + count;
      const std::string piece = is_piece ? pieces[static_cast<size_t>(id - kFirstPiece)] : "";
      const bool is_control = piece.size() > 2 && piece.starts_with('[') && piece.ends_with(']');
      std::string text;
      if (is_control)
        text = piece;
      else if (id == TinyModel::kEndToken)
        text = "<|end|>";
      else if (id == 256)
        text = "ab";
      else
        append_byte_level(is_piece ? piece : std::string(1, static_cast<char>(id)), text);
      tokens += gguf_bytes::text(text);
      types += gguf_bytes::raw(is_control || id == TinyModel::kEndToken ? kControl : kNormal);
    }
    for (auto& [key, bytes] : entries) {
      if (key == "tokenizer.ggml.tokens") bytes = gguf_bytes::array_entry(key, kString, TinyModel::kVocabulary, tokens);
      if (key == "tokenizer.ggml.token_type") bytes = gguf_bytes::array_entry(key, kI32, TinyModel::kVocabulary, types);
    }
    if (!chat_template.empty())
      entries.emplace_back("tokenizer.chat_template", gguf_bytes::text_entry("tokenizer.chat_template", chat_template));
  };
  model.change_tensors = [=](auto& tensors) {
    for (auto& tensor : tensors) {
      if (tensor.is_matrix) std::ranges::fill(tensor.data, '\0');  // the layers add nothing
      if (tensor.name == "token_embd.weight") tensor.data = rows(count, width, false);
    }
    const auto vocabulary = static_cast<uint64_t>(TinyModel::kVocabulary);
    tensors.push_back({"output.weight", {vocabulary, static_cast<uint64_t>(width)}, rows(count, width, true), true});
  };
  return model;
}

}  // namespace halfbyte
