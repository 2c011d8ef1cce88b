#include "cli/model_facts.h"

#include <fmt/format.h>

#include <algorithm>
#include <limits>

namespace halfbyte {
namespace {

struct DimensionKey {
  std::string_view name, label, key;  // key: after "<architecture>."
};
constexpr DimensionKey kDimensions[] = {
    {"context_length", "context", "context_length"},
    {"embedding_length", "embedding", "embedding_length"},
    {"layers", "layers", "block_count"},
    {"heads", "heads", "attention.head_count"},
    {"kv_heads", "kv heads", "attention.head_count_kv"},
    {"head_length", "head length", "attention.key_length"},
    {"feed_forward_length", "feed forward", "feed_forward_length"},
    {"expert_count", "experts", "expert_count"},
    {"expert_used_count", "experts used", "expert_used_count"},
    {"expert_feed_forward_length", "expert forward", "expert_feed_forward_length"},
    {"sliding_window", "sliding window", "attention.sliding_window"},
};

std::string text_or_empty(const Metadata& metadata, std::string_view key) {
  const MetadataValue* value = metadata.find(key);
  const auto* text = value == nullptr ? nullptr : std::get_if<std::string>(value);
  return text == nullptr ? std::string{} : *text;
}

std::vector<int64_t> integers_or_none(const Metadata& metadata, std::string_view key) {
  const auto list = metadata.integers(key);
  if (list) return *list;
  constexpr uint64_t kMost = std::numeric_limits<int64_t>::max();
  const auto one = metadata.unsigned_integer(key, 0, kMost);
  if (one) return {static_cast<int64_t>(*one)};
  return {};
}

void add(TypeShare& share, const TensorLocation& tensor) {
  ++share.tensors;
  share.weights += tensor.elements();
  share.bytes += tensor.bytes;
}

std::string scaled(uint64_t n, std::string_view unit) {
  constexpr std::string_view kPrefixes[] = {"", " k", " M", " G", " T"};
  double value = static_cast<double>(n);
  size_t prefix = 0;
  for (; value >= 1000 && prefix + 1 < std::size(kPrefixes); ++prefix) value /= 1000;
  return prefix == 0 ? fmt::format("{}{}{}", n, unit.empty() ? "" : " ", unit) : fmt::format("{:.1f}{}{}", value, kPrefixes[prefix], unit);
}

std::string joined(const std::vector<int64_t>& values) {
  const auto [least, greatest] = std::minmax_element(values.begin(), values.end());
  return *least == *greatest ? fmt::format("{}", *least) : fmt::format("{} to {}, by layer", *least, *greatest);
}

}  // namespace

ModelFacts gather_facts(const Checkpoint& file) {
  const Metadata& metadata = file.metadata;
  ModelFacts facts{.architecture = text_or_empty(metadata, "general.architecture"),
                   .name = text_or_empty(metadata, "general.name"),
                   .license = text_or_empty(metadata, "general.license"),
                   .tokenizer = text_or_empty(metadata, "tokenizer.ggml.model"),
                   .pre_tokenizer = text_or_empty(metadata, "tokenizer.ggml.pre"),
                   .chat_template = text_or_empty(metadata, "tokenizer.chat_template"),
                   .dimensions = {},
                   .all = {},
                   .types = {},
                   .warnings = file.warnings};
  for (const DimensionKey& d : kDimensions)
    if (auto values = integers_or_none(metadata, fmt::format("{}.{}", facts.architecture, d.key)); !values.empty())
      facts.dimensions.push_back({d.name, d.label, std::move(values)});
  if (const auto tokens = metadata.strings("tokenizer.ggml.tokens"); tokens && *tokens != nullptr)
    facts.vocabulary = (*tokens)->size();
  else if (const auto rows = metadata.unsigned_integer_or(facts.architecture + ".vocab_size", 0, UINT32_MAX, 0); rows && *rows > 0)
    facts.vocabulary = *rows;
  if (facts.tokenizer.empty() && metadata.contains("tokenizer.huggingface.json")) facts.tokenizer = "tokenizer.json";
  for (const auto& f : file.files) facts.file_bytes += f->size();

  for (const TensorLocation& tensor : file.tensors) {
    const auto same_type = [&](const TypeShare& share) { return share.type == tensor.format->name; };
    auto share = std::ranges::find_if(facts.types, same_type);
    if (share == facts.types.end()) share = facts.types.insert(share, TypeShare{.type = tensor.format->name});
    add(*share, tensor);
    add(facts.all, tensor);
  }
  std::ranges::sort(facts.types, std::greater{}, &TypeShare::bytes);
  return facts;
}

std::string facts_text(const ModelFacts& facts) {
  std::string out;
  const auto line = [&](std::string_view label, std::string_view value) {  // a name with a newline could pose as other lines
    if (!value.empty()) out += fmt::format("{:<16} {}\n", label, value.substr(0, value.find('\n')));
  };
  line("architecture", facts.architecture);
  line("name", facts.name);
  line("license", facts.license);
  if (facts.all.tensors > 0) line("parameters", scaled(facts.all.weights, ""));
  line("file size", scaled(facts.file_bytes, "B"));
  if (facts.all.weights > 0) line("bits per weight", fmt::format("{:.2f}", facts.all.bits_per_weight()));
  for (const Dimension& d : facts.dimensions) line(d.label, joined(d.values));
  line("vocabulary", facts.vocabulary > 0 ? fmt::format("{}", facts.vocabulary) : "");
  line("tokenizer", facts.pre_tokenizer.empty() ? facts.tokenizer : fmt::format("{} ({})", facts.tokenizer, facts.pre_tokenizer));
  for (const std::string& warning : facts.warnings) line("warning", warning);

  if (!facts.types.empty()) {
    out += fmt::format("\n{:<10} {:>8} {:>10} {:>10} {:>12}\n", "type", "tensors", "weights", "bytes", "bits/weight");
    for (const TypeShare& share : facts.types)
      out += fmt::format("{:<10} {:>8} {:>10} {:>10} {:>12.2f}\n", share.type, share.tensors, scaled(share.weights, ""),
                         scaled(share.bytes, "B"), share.bits_per_weight());
  }
  return out;
}

}  // namespace halfbyte
