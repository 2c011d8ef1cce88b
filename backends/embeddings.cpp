#include "backends/embeddings.h"

#include <cstdint>
#include <cstring>
#include <map>
#include <optional>

#include "backends/answer.h"
#include "base/errors.h"

namespace halfbyte {
namespace {

// The bytes of padded base64; nothing: it is other text.
std::optional<std::string> decoded(std::string_view text) {
  constexpr std::string_view kDigits = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
  if (text.size() % 4 != 0) return std::nullopt;
  const size_t padding = text.ends_with("==") ? 2 : text.ends_with('=') ? 1 : 0;
  std::string bytes;
  bytes.reserve(text.size() / 4 * 3);
  uint32_t bits = 0;
  int count = 0;
  for (const char c : text.substr(0, text.size() - padding)) {
    const size_t digit = kDigits.find(c);
    if (digit == std::string_view::npos) return std::nullopt;
    bits = bits << 6 | static_cast<uint32_t>(digit);
    count += 6;
    if (count < 8) continue;
    count -= 8;
    bytes += static_cast<char>(bits >> count & 0xff);
  }
  return bytes;
}

Result<std::vector<float>> read_base64(std::string_view text, const std::string& path) {
  const auto bytes = decoded(text);
  if (!bytes || bytes->size() % 4 != 0) return corrupt("{}: expected base64 of 32-bit floats, found other text", path);
  std::vector<float> vector(bytes->size() / 4);
  for (size_t i = 0; i < vector.size(); ++i) {
    uint32_t bits = 0;
    for (size_t byte = 4; byte-- > 0;) bits = bits << 8 | static_cast<unsigned char>((*bytes)[i * 4 + byte]);
    std::memcpy(&vector[i], &bits, sizeof bits);
  }
  return vector;
}

Result<std::vector<float>> read_vector(const Json* value, const std::string& path) {
  if (value != nullptr && value->text() != nullptr) return read_base64(*value->text(), path);
  if (value == nullptr || value->array() == nullptr)
    return corrupt("{}: expected a list of numbers, found {}", path, value != nullptr ? found(*value) : "null");
  std::vector<float> vector;
  vector.reserve(value->array()->size());
  for (const Json& part : *value->array()) {
    if (const auto* whole = std::get_if<int64_t>(&part.value))
      vector.push_back(static_cast<float>(*whole));
    else if (const auto* real = std::get_if<double>(&part.value))
      vector.push_back(static_cast<float>(*real));
    else
      return corrupt("{}[{}]: expected a number, found {}", path, vector.size(), found(part));
  }
  return vector;
}

Result<Embeddings> of_count(Embeddings all, size_t count) {
  if (all.size() != count) return corrupt("expected {} embeddings, found {}", count, all.size());
  return all;
}

}  // namespace

Result<void> check_texts(std::span<const std::string> texts) {
  if (texts.empty()) return invalid("texts: expected at least one, found none");
  for (size_t i = 0; i < texts.size(); ++i)
    if (texts[i].empty()) return invalid("texts[{}]: expected text, found an empty string", i);
  return {};
}

Result<Json::Object> wire_texts(std::span<const std::string> texts, const std::string& model, std::optional<Pooling> pooling,
                                std::span<const AdapterUse> adapters, std::string_view service) {
  HB_TRY(check_texts(texts));
  if (pooling) return unsupported("pooling: {} has no such option", service);
  if (!adapters.empty()) return unsupported("adapters: {} has no such option", service);
  Json::Array input;
  for (const std::string& text : texts) input.push_back({text});
  return Json::Object{{"model", {model}}, {"input", {std::move(input)}}};
}

Result<Embeddings> read_ollama_embeddings(const Json& answer, size_t count) {
  HB_TRY_ASSIGN(vectors, list_at(answer, "embeddings", ""));
  Embeddings all;
  for (const Json& value : *vectors) {
    HB_TRY_ASSIGN(vector, read_vector(&value, fmt::format("embeddings[{}]", all.size())));
    all.push_back(std::move(vector));
  }
  return of_count(std::move(all), count);
}

Result<Embeddings> read_openai_embeddings(const Json& answer, size_t count) {
  HB_TRY_ASSIGN(data, list_at(answer, "data", ""));
  std::map<size_t, std::vector<float>> read;
  for (size_t number = 0; number < data->size(); ++number) {
    const Json& value = (*data)[number];
    const std::string path = fmt::format("data[{}]", number);
    if (value.object() == nullptr) return corrupt("{}: expected an object, found {}", path, found(value));
    HB_TRY_ASSIGN(index, count_at(value, "index", path + "."));
    HB_TRY_ASSIGN(vector, read_vector(value.find("embedding"), path + ".embedding"));
    read.try_emplace(index ? static_cast<size_t>(*index) : number, std::move(vector));
  }
  Embeddings all;
  for (size_t i = 0; i < count; ++i)
    if (const auto found = read.find(i); found != read.end()) all.push_back(std::move(found->second));
  return of_count(std::move(all), count);
}

}  // namespace halfbyte
