#include "formats/safetensors.h"

#include <algorithm>
#include <cstring>
#include <optional>

#include "base/checked.h"
#include "base/errors.h"
#include "base/json.h"
#include "formats/limits.h"

namespace halfbyte {
namespace {

constexpr uint64_t kLengthBytes = 8;

struct Dtype {
  std::string_view name;
  uint64_t bits;
};
constexpr Dtype kDtypes[] = {{"F32", 32},    {"F16", 16},    {"BF16", 16},   {"F64", 64}, {"C64", 64}, {"F8_E4M3", 8}, {"F8_E5M2", 8},
                             {"F8_E8M0", 8}, {"F6_E2M3", 6}, {"F6_E3M2", 6}, {"F4", 4},   {"I64", 64}, {"I32", 32},    {"I16", 16},
                             {"I8", 8},      {"U64", 64},    {"U32", 32},    {"U16", 16}, {"U8", 8},   {"BOOL", 8}};

bool may_stand_in_name(char c) { return c > ' ' && c < '\x7f'; }

std::optional<uint64_t> unsigned_integer(const Json& json) {
  if (const auto* u = std::get_if<uint64_t>(&json.value)) return *u;
  if (const auto* i = std::get_if<int64_t>(&json.value); i != nullptr && *i >= 0) return static_cast<uint64_t>(*i);
  return std::nullopt;
}

class SafetensorsParser {
 public:
  explicit SafetensorsParser(const ByteSource& source) : source_(source) {}

  Result<std::vector<SafetensorsEntry>> parse() {
    HB_TRY_ASSIGN(text, header());
    HB_TRY(check_characters(text));
    HB_TRY_ASSIGN(json, parse_json(text, source_.path() + ": header"));
    for (const JsonMember& member : *json.object()) {
      if (member.key == "__metadata__")
        HB_TRY(check_metadata(member.value));
      else
        HB_TRY(entry(member));
    }
    HB_TRY(check_ranges());
    return std::move(out_);
  }

 private:
  template <class... Args>
  Error refuse(fmt::format_string<Args...> text, Args&&... args) const {
    return {Code::kCorrupt, fmt::format("{}: {}", source_.path(), fmt::format(text, std::forward<Args>(args)...))};
  }
  template <class... Args>
  Error refuse_tensor(std::string_view name, fmt::format_string<Args...> text, Args&&... args) const {
    return refuse("tensor '{}': {}", escaped(name), fmt::format(text, std::forward<Args>(args)...));
  }

  Result<std::string> header() {
    if (source_.size() == 0) return refuse("file is empty");
    if (source_.size() < kLengthBytes)
      return refuse("truncated: needs {} bytes for the header's length, has {}", kLengthBytes, source_.size());
    uint64_t length = 0;
    HB_TRY(source_.read_at(0, std::as_writable_bytes(std::span(&length, 1))));
    if (length > limits::kSafetensorsHeader) return refuse("header length {} exceeds the limit of {}", length, limits::kSafetensorsHeader);
    if (length > source_.size() - kLengthBytes)
      return refuse("header of {} bytes, {} left in the file", length, source_.size() - kLengthBytes);
    std::string text;
    while (text.size() < length) {
      const size_t read = text.size();
      text.resize(static_cast<size_t>(std::min<uint64_t>(length, read + limits::kReadStep)));
      HB_TRY(source_.read_at(kLengthBytes + read, std::as_writable_bytes(std::span(text).subspan(read))));
    }
    if (!text.starts_with('{')) return refuse("header must begin with '{{', found '{}'", escaped(text.substr(0, 1)));
    data_ = kLengthBytes + length;
    return text;
  }

  // What the JSON parser need not see: values that no header has, and more of them than any has.
  Result<void> check_characters(std::string_view text) const {
    uint64_t depth = 0, commas = 0;
    bool in_string = false;
    for (size_t at = 0; at < text.size(); ++at) {
      const char c = text[at];
      if (in_string) {
        if (c == '\\')
          ++at;
        else if (c == '"')
          in_string = false;
        continue;
      }
      switch (c) {
        case '"': in_string = true; break;
        case '{':
        case '[':
          if (++depth > limits::kSafetensorsNesting)
            return refuse("header at byte {}: nests deeper than {}", kLengthBytes + at, limits::kSafetensorsNesting);
          break;
        case '}':
        case ']': depth -= depth > 0 ? 1 : 0; break;
        case ',':
          if (++commas > limits::kSafetensorsCommas) return refuse("header has more values than {} tensors need", limits::kTensors);
          break;
        case ':':
        case ' ':
        case '\t':
        case '\r':
        case '\n': break;
        default:
          if (c < '0' || c > '9')
            return refuse("header at byte {}: '{}' outside a string; expected objects, arrays, strings and unsigned integers",
                          kLengthBytes + at, escaped({&c, 1}));
      }
    }
    return {};
  }

  Result<void> check_metadata(const Json& metadata) const {
    if (metadata.object() == nullptr) return refuse("__metadata__ is not an object");
    for (const JsonMember& member : *metadata.object())
      if (member.value.text() == nullptr) return refuse("__metadata__: value of '{}' is not a string", escaped(member.key));
    return {};
  }

  Result<void> entry(const JsonMember& member) {
    const std::string& name = member.key;
    if (name.empty() || name.size() > limits::kSafetensorsNameBytes || !std::ranges::all_of(name, may_stand_in_name))
      return refuse("invalid tensor name '{}'", escaped(name));
    if (member.value.object() == nullptr) return refuse_tensor(name, "not an object");
    if (out_.size() == limits::kTensors) return refuse("more than {} tensors", limits::kTensors);
    for (const JsonMember& field : *member.value.object())
      if (field.key != "dtype" && field.key != "shape" && field.key != "data_offsets")
        return refuse_tensor(name, "unknown field '{}'", escaped(field.key));
    SafetensorsEntry tensor{.name = name, .dtype = {}, .shape = {}};
    HB_TRY_ASSIGN(bits, dtype(name, member.value.find("dtype"), tensor));
    HB_TRY(shape(name, member.value.find("shape"), tensor));
    HB_TRY(data_offsets(name, member.value.find("data_offsets"), bits, tensor));
    out_.push_back(std::move(tensor));
    return {};
  }

  Result<uint64_t> dtype(std::string_view name, const Json* field, SafetensorsEntry& tensor) const {
    if (field == nullptr || field->text() == nullptr) return refuse_tensor(name, "dtype is missing or not a string");
    const auto* row = std::ranges::find(kDtypes, *field->text(), &Dtype::name);
    if (row == std::end(kDtypes)) return refuse_tensor(name, "unknown dtype '{}'", escaped(*field->text()));
    tensor.dtype = row->name;
    return row->bits;
  }

  Result<std::vector<uint64_t>> unsigned_integers(std::string_view name, std::string_view what, const Json* field) const {
    if (field == nullptr || field->array() == nullptr) return refuse_tensor(name, "{} is missing or not an array", what);
    std::vector<uint64_t> out;
    for (const Json& element : *field->array()) {
      const auto number = unsigned_integer(element);
      if (!number) return refuse_tensor(name, "{}[{}] is not an integer from 0 to 2^64 - 1", what, out.size());
      out.push_back(*number);
    }
    return out;
  }

  Result<void> shape(std::string_view name, const Json* field, SafetensorsEntry& tensor) const {
    HB_TRY_ASSIGN(dimensions, unsigned_integers(name, "shape", field));
    if (dimensions.size() > limits::kSafetensorsDimensions)
      return refuse_tensor(name, "{} dimensions, expected at most {}", dimensions.size(), limits::kSafetensorsDimensions);
    tensor.shape = std::move(dimensions);
    return {};
  }

  Result<void> data_offsets(std::string_view name, const Json* field, uint64_t bits, SafetensorsEntry& tensor) const {
    HB_TRY_ASSIGN(range, unsigned_integers(name, "data_offsets", field));
    if (range.size() != 2) return refuse_tensor(name, "data_offsets has {} numbers, expected 2", range.size());
    const uint64_t begin = range[0], end = range[1], data = source_.size() - data_;
    if (begin > end) return refuse_tensor(name, "data_offsets begin at {} and end at {}", begin, end);
    if (end > data) return refuse_tensor(name, "data_offsets end at {}, the file has {} bytes of data", end, data);
    std::optional<uint64_t> size = bits;
    for (const uint64_t dimension : tensor.shape) size = size ? checked_mul(*size, dimension) : size;
    if (!size) return refuse_tensor(name, "byte size overflows: shape [{}]", fmt::join(tensor.shape, ", "));
    if (*size % 8 != 0 || *size / 8 != end - begin)
      return refuse_tensor(name, "shape [{}] of {} takes {} bits, its data_offsets hold {} bytes", fmt::join(tensor.shape, ", "),
                           tensor.dtype, *size, end - begin);
    tensor.offset = data_ + begin;
    tensor.bytes = end - begin;
    return {};
  }

  // The data part is covered exactly once: no place for anything else to hide in.
  Result<void> check_ranges() const {
    std::vector<const SafetensorsEntry*> sorted;
    sorted.reserve(out_.size());
    for (const SafetensorsEntry& tensor : out_) sorted.push_back(&tensor);
    std::ranges::sort(sorted, {}, [](const SafetensorsEntry* t) { return std::pair(t->offset, t->bytes); });
    uint64_t end = data_;
    for (size_t i = 0; i < sorted.size(); ++i) {
      const SafetensorsEntry& tensor = *sorted[i];
      if (tensor.offset < end)
        return refuse("tensors '{}' and '{}' overlap at data byte {}", escaped(sorted[i - 1]->name), escaped(tensor.name),
                      tensor.offset - data_);
      if (tensor.offset > end) return refuse("{} bytes before tensor '{}' belong to none", tensor.offset - end, escaped(tensor.name));
      end = tensor.offset + tensor.bytes;
    }
    if (end != source_.size()) return refuse("{} trailing bytes after the last tensor", source_.size() - end);
    return {};
  }

  const ByteSource& source_;
  uint64_t data_ = 0;  // where data begins
  std::vector<SafetensorsEntry> out_;
};

}  // namespace

Result<std::vector<SafetensorsEntry>> parse_safetensors(const ByteSource& source) { return SafetensorsParser(source).parse(); }

}  // namespace halfbyte
