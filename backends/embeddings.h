// Embeddings as services answer them. Read as answer.h says; `count`: of texts. The Python package reads the same way (_embeddings.py).
#pragma once

#include <cstddef>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/json.h"
#include "halfbyte/adapter_use.h"
#include "halfbyte/pooling.h"

namespace halfbyte {

using Embeddings = std::vector<std::vector<float>>;

Result<void> check_texts(std::span<const std::string> texts);  // kInvalid: none, or an empty one

// What both services ask with. kUnsupported: a pooling, which is the service's own, or adapters.
Result<Json::Object> wire_texts(std::span<const std::string> texts, const std::string& model, std::optional<Pooling> pooling,
                                std::span<const AdapterUse> adapters, std::string_view service);

// {embeddings: [[number, ...], ...]}.
Result<Embeddings> read_ollama_embeddings(const Json& answer, size_t count);
// {data: [{index, embedding}]}: numbers, or base64 of float32 in little-endian order. In order where there is no index.
Result<Embeddings> read_openai_embeddings(const Json& answer, size_t count);

}  // namespace halfbyte
