#include "formats/gguf.h"

#include <algorithm>
#include <cstring>
#include <string_view>
#include <unordered_set>

#include "base/checked.h"
#include "base/errors.h"
#include "formats/header_reader.h"
#include "formats/limits.h"
#include "formats/tensor_ranges.h"

namespace halfbyte {
namespace {

constexpr uint64_t kHeaderBytes = 24;
constexpr uint64_t kLeastEntryBytes = 8 + 1 + 4 + 1;           // key length, key, type, value
constexpr uint64_t kLeastRecordBytes = 8 + 1 + 4 + 8 + 4 + 8;  // name length, name, dimensions, one of them, type, offset
constexpr uint64_t kDefaultAlignment = 32;

// Value types, by their number in the file.
enum ValueType : uint32_t { kU8, kI8, kU16, kI16, kU32, kI32, kF32, kBool, kString, kArray, kU64, kI64, kF64 };
constexpr std::string_view kValueTypes[] = {"u8", "i8", "u16", "i16", "u32", "i32", "f32", "bool", "string", "array", "u64", "i64", "f64"};

bool may_stand_in_key(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' || c == '.' || c == '-';
}

// Printable, and nothing that could be taken for a path.
bool may_stand_in_tensor_name(char c) { return c > ' ' && c < '\x7f' && c != '/' && c != '\\'; }

// Tensor types that exist and that this build cannot decode.
std::string_view name_of_undecoded_type(uint32_t type) {
  struct Row {
    uint32_t type;
    std::string_view name;
  };
  static constexpr Row kRows[] = {{9, "Q8_1"},   {15, "Q8_K"},  {16, "IQ2_XXS"}, {17, "IQ2_XS"}, {18, "IQ3_XXS"}, {19, "IQ1_S"},
                                  {21, "IQ3_S"}, {22, "IQ2_S"}, {24, "I8"},      {25, "I16"},    {26, "I32"},     {27, "I64"},
                                  {28, "F64"},   {29, "IQ1_M"}, {34, "TQ1_0"},   {35, "TQ2_0"},  {40, "NVFP4"},   {41, "Q1_0"}};
  for (const Row& row : kRows)
    if (row.type == type) return row.name;
  return {};
}

class GgufParser {
 public:
  explicit GgufParser(const ByteSource& source) : source_(source), in_(source), out_{Metadata(source.path()), {}, {}} {}

  Result<GgufFile> parse() {
    HB_TRY(header());
    for (uint64_t i = 0; i < entries_; ++i) HB_TRY(entry(i));
    for (uint64_t i = 0; i < tensors_; ++i) HB_TRY(tensor_record(i));
    HB_TRY(place_tensors(source_, in_.position(), alignment_, out_));
    warn_of_quantization_version();
    return std::move(out_);
  }

 private:
  template <class... Args>
  std::string here(fmt::format_string<Args...> text, Args&&... args) const {
    return fmt::format("{}: {} at byte {}: {}", source_.path(), subject_, item_, fmt::format(text, std::forward<Args>(args)...));
  }
  template <class... Args>
  Error corrupt_here(fmt::format_string<Args...> text, Args&&... args) const {
    return {Code::kCorrupt, here(text, std::forward<Args>(args)...)};
  }
  template <class... Args>
  Error unsupported_here(fmt::format_string<Args...> text, Args&&... args) const {
    return {Code::kUnsupported, here(text, std::forward<Args>(args)...)};
  }

  template <class T>
  Result<T> number() {
    item_ = in_.position();
    if (in_.left() < sizeof(T)) return corrupt_here("truncated: needs {} bytes, {} left in the file", sizeof(T), in_.left());
    HB_TRY_ASSIGN(bytes, in_.take(sizeof(T)));
    T value;
    std::memcpy(&value, bytes.data(), sizeof value);
    return value;
  }

  Result<std::string> string(std::string_view what, uint64_t limit) {
    HB_TRY_ASSIGN(length, number<uint64_t>());
    if (length > limit) return corrupt_here("{} length {} exceeds the limit of {}", what, length, limit);
    if (length > in_.left()) {
      const uint64_t past = length - in_.left();
      return corrupt_here("{} of {} bytes runs {} byte{} past the end of the file", what, length, past, past == 1 ? "" : "s");
    }
    std::string text;
    for (uint64_t left = length; left > 0;) {
      const auto step = static_cast<size_t>(std::min<uint64_t>(left, limits::kReadStep));
      HB_TRY_ASSIGN(bytes, in_.take(step));
      text.append(reinterpret_cast<const char*>(bytes.data()), step);
      left -= step;
    }
    return text;
  }

  Result<void> header() {
    const auto& path = source_.path();
    if (source_.size() == 0) return corrupt("{}: file is empty", path);
    if (source_.size() < kHeaderBytes) return corrupt("{}: truncated header: need {} bytes, have {}", path, kHeaderBytes, source_.size());
    HB_TRY_ASSIGN(magic, in_.take(4));
    const std::string_view found(reinterpret_cast<const char*>(magic.data()), magic.size());
    if (found != "GGUF") return corrupt("{}: not a GGUF file: expected it to begin with 'GGUF', found '{}'", path, escaped(found));
    HB_TRY_ASSIGN(version, number<uint32_t>());
    if (version == 0x02000000 || version == 0x03000000)
      return unsupported("{}: big-endian GGUF file, this build reads little-endian ones", path);
    if (version < 2) return unsupported("{}: GGUF version {} is too old, this build reads 2 and 3", path, version);
    if (version > 3) return unsupported("{}: GGUF version {} is newer than supported, this build reads 2 and 3", path, version);
    HB_TRY(count("tensor", limits::kTensors, kLeastRecordBytes, tensors_));
    HB_TRY(count("metadata entry", limits::kMetadataEntries, kLeastEntryBytes, entries_));
    return {};
  }

  Result<void> count(std::string_view what, uint64_t limit, uint64_t least_bytes, uint64_t& out) {
    HB_TRY_ASSIGN(n, number<uint64_t>());
    if (n > limit) return corrupt_here("{} count {} exceeds the limit of {}", what, n, limit);
    if (n * least_bytes > in_.left()) return corrupt_here("{} count {}: more entries than the {} bytes left can hold", what, n, in_.left());
    out = n;
    return {};
  }

  Result<void> entry(uint64_t index) {
    subject_ = fmt::format("metadata entry {}", index);
    HB_TRY_ASSIGN(key, string("key", limits::kKeyBytes));
    if (key.empty()) return corrupt_here("empty key");
    if (!std::ranges::all_of(key, may_stand_in_key)) return corrupt_here("key '{}' has a byte that is not allowed", escaped(key));
    subject_ = fmt::format("key '{}'", escaped(key));
    HB_TRY(charge(key.size()));
    HB_TRY_ASSIGN(type, number<uint32_t>());
    if (key == "general.alignment") {
      HB_TRY(alignment(type));
      out_.metadata.insert(std::move(key), alignment_);
      return {};
    }
    HB_TRY_ASSIGN(value, type == kArray ? array() : scalar(type));
    if (!out_.metadata.insert(std::move(key), std::move(value))) return corrupt_here("duplicate key");
    return {};
  }

  Result<void> alignment(uint32_t type) {
    if (out_.metadata.contains("general.alignment")) return corrupt_here("duplicate key");
    if (type != kU32)
      return corrupt_here("expected type u32, found {}", type < std::size(kValueTypes) ? kValueTypes[type] : "an unknown type");
    HB_TRY_ASSIGN(bytes, number<uint32_t>());
    if (bytes < limits::kLeastAlignment || bytes > limits::kGreatestAlignment || !std::has_single_bit(bytes))
      return corrupt_here("alignment {} is not allowed: expected a power of two from {} to {}", bytes, limits::kLeastAlignment,
                          limits::kGreatestAlignment);
    alignment_ = bytes;
    return {};
  }

  // All metadata together has one budget, so that many small values cannot do what one large value may not.
  Result<void> charge(uint64_t bytes) {
    metadata_memory_ += bytes;  // cannot wrap: each charge is at most 2^30
    if (metadata_memory_ > limits::kMetadataMemory)
      return corrupt_here("all metadata together exceeds the limit of {} bytes", limits::kMetadataMemory);
    return {};
  }

  // Calls visit<in the file, in memory>() for a numeric type.
  template <class Visit>
  Result<MetadataValue> with_number_type(uint32_t type, Visit&& visit) {
    switch (type) {
      case kU8: return visit.template operator()<uint8_t, uint64_t>();
      case kI8: return visit.template operator()<int8_t, int64_t>();
      case kU16: return visit.template operator()<uint16_t, uint64_t>();
      case kI16: return visit.template operator()<int16_t, int64_t>();
      case kU32: return visit.template operator()<uint32_t, uint64_t>();
      case kI32: return visit.template operator()<int32_t, int64_t>();
      case kF32: return visit.template operator()<float, double>();
      case kU64: return visit.template operator()<uint64_t, uint64_t>();
      case kI64: return visit.template operator()<int64_t, int64_t>();
      case kF64: return visit.template operator()<double, double>();
      default: return unsupported_here("unknown value type {}", type);
    }
  }

  Result<MetadataValue> scalar(uint32_t type) {
    if (type == kString) {
      HB_TRY_ASSIGN(text, string("string", limits::kStringBytes));
      HB_TRY(charge(sizeof(std::string) + text.size()));
      return MetadataValue(std::move(text));
    }
    HB_TRY(charge(sizeof(uint64_t)));
    if (type == kBool) {
      HB_TRY_ASSIGN(byte, number<uint8_t>());
      if (byte > 1) return corrupt_here("bool must be 0 or 1, found {}", byte);
      return MetadataValue(byte == 1);
    }
    return with_number_type(type, [&]<class InFile, class InMemory>() -> Result<MetadataValue> {
      HB_TRY_ASSIGN(value, number<InFile>());
      return MetadataValue(static_cast<InMemory>(value));
    });
  }

  Result<MetadataValue> array() {
    HB_TRY_ASSIGN(type, number<uint32_t>());
    if (type == kArray) return unsupported_here("nested array is not supported");
    HB_TRY_ASSIGN(length, number<uint64_t>());
    if (length > limits::kArrayElements) return corrupt_here("array length {} exceeds the limit of {}", length, limits::kArrayElements);
    if (type == kString) return strings(length);
    if (type == kBool) return flags(length);
    return with_number_type(type, [&]<class InFile, class InMemory>() { return numbers<InFile, InMemory>(length); });
  }

  Result<void> room_for(uint64_t length, uint64_t least_bytes) const {
    if (length * least_bytes <= in_.left()) return {};
    return corrupt_here("array of {} elements needs {} bytes, {} left in the file", length, length * least_bytes, in_.left());
  }

  // Calls visit(value) for each element, as InFile.
  template <class InFile, class Visit>
  Result<void> each(uint64_t length, Visit&& visit) {
    HB_TRY(room_for(length, sizeof(InFile)));
    while (length > 0) {
      const uint64_t n = std::min<uint64_t>(length, limits::kReadStep / sizeof(InFile));
      item_ = in_.position();
      HB_TRY_ASSIGN(bytes, in_.take(static_cast<size_t>(n) * sizeof(InFile)));
      for (size_t at = 0; at < bytes.size(); at += sizeof(InFile), item_ += sizeof(InFile)) {
        InFile value;
        std::memcpy(&value, bytes.data() + at, sizeof value);
        HB_TRY(visit(value));
      }
      length -= n;
    }
    return {};
  }

  template <class InFile, class InMemory>
  Result<MetadataValue> numbers(uint64_t length) {
    HB_TRY(charge(length * sizeof(InMemory)));
    std::vector<InMemory> values;
    HB_TRY(each<InFile>(length, [&](InFile value) -> Result<void> {
      values.push_back(static_cast<InMemory>(value));
      return {};
    }));
    return MetadataValue(std::move(values));
  }

  Result<MetadataValue> flags(uint64_t length) {
    HB_TRY(charge(length));
    std::vector<bool> values;
    HB_TRY(each<uint8_t>(length, [&](uint8_t byte) -> Result<void> {
      if (byte > 1) return corrupt_here("bool must be 0 or 1, found {}", byte);
      values.push_back(byte == 1);
      return {};
    }));
    return MetadataValue(std::move(values));
  }

  Result<MetadataValue> strings(uint64_t length) {
    HB_TRY(room_for(length, sizeof(uint64_t)));
    std::vector<std::string> values;
    for (uint64_t i = 0; i < length; ++i) {
      HB_TRY_ASSIGN(text, string("string", limits::kStringBytes));
      HB_TRY(charge(sizeof(std::string) + text.size()));
      values.push_back(std::move(text));
    }
    return MetadataValue(std::move(values));
  }

  Result<void> tensor_record(uint64_t index) {
    subject_ = fmt::format("tensor {}", index);
    TensorLocation tensor;
    HB_TRY_ASSIGN(name, string("tensor name", limits::kTensorNameBytes));
    if (name.empty() || !std::ranges::all_of(name, may_stand_in_tensor_name))
      return corrupt_here("invalid tensor name '{}'", escaped(name));
    subject_ = fmt::format("tensor '{}'", escaped(name));
    if (!names_.insert(name).second) return corrupt_here("duplicate tensor");
    tensor.name = std::move(name);
    HB_TRY(dimensions(tensor));
    HB_TRY(format(tensor));
    HB_TRY_ASSIGN(offset, number<uint64_t>());
    if (offset % alignment_ != 0) return corrupt_here("offset {} is not aligned to {}", offset, alignment_);
    tensor.offset = offset;  // in the data part; place_tensors makes it absolute
    out_.tensors.push_back(std::move(tensor));
    return {};
  }

  Result<void> dimensions(TensorLocation& tensor) {
    HB_TRY_ASSIGN(n, number<uint32_t>());
    if (n < 1 || n > limits::kDimensions) return corrupt_here("{} dimensions, expected 1 to {}", n, limits::kDimensions);
    uint64_t elements = 1;
    for (uint32_t i = 0; i < n; ++i) {
      HB_TRY_ASSIGN(dimension, number<uint64_t>());
      if (dimension == 0) return corrupt_here("zero dimension");
      if (dimension > limits::kDimension) return corrupt_here("dimension {} exceeds the limit of {}", dimension, limits::kDimension);
      const auto product = checked_mul(elements, dimension);
      if (!product) return corrupt_here("element count overflows: {} x {}", elements, dimension);
      elements = *product;
      tensor.shape.push_back(dimension);
    }
    std::ranges::reverse(tensor.shape);  // the file has the fastest first
    return {};
  }

  Result<void> format(TensorLocation& tensor) {
    HB_TRY_ASSIGN(type, number<uint32_t>());
    tensor.format = find_number_format(type);
    if (tensor.format == nullptr) {
      if (is_removed_type(type)) return unsupported_here("number format {} was removed from GGUF", type);
      if (const auto name = name_of_undecoded_type(type); !name.empty())
        return unsupported_here("number format {} is not supported by this build", name);
      return unsupported_here("unknown number format {}", type);
    }
    const NumberFormat& format = *tensor.format;
    if (tensor.columns() % format.block_length != 0)
      return corrupt_here("row of {} is not a multiple of the {} block of {}", tensor.columns(), format.name, format.block_length);
    const auto bytes = checked_mul(tensor.elements() / format.block_length, format.block_bytes);
    if (!bytes)
      return corrupt_here("byte size overflows: {} {} blocks of {} bytes", tensor.elements() / format.block_length, format.name,
                          format.block_bytes);
    tensor.bytes = *bytes;
    return {};
  }

  void warn_of_quantization_version() {
    const bool quantized = std::ranges::any_of(out_.tensors, [](const TensorLocation& t) { return t.format->block_length > 1; });
    if (quantized && !out_.metadata.contains("general.quantization_version"))
      out_.warnings.push_back(fmt::format("{}: key 'general.quantization_version' is missing", source_.path()));
  }

  const ByteSource& source_;
  HeaderReader in_;
  GgufFile out_;
  std::string subject_ = "header";  // what is being read, and
  uint64_t item_ = 0;               // where it begins: for messages
  uint64_t tensors_ = 0;
  uint64_t entries_ = 0;
  uint64_t alignment_ = kDefaultAlignment;
  uint64_t metadata_memory_ = 0;
  std::unordered_set<std::string> names_;
};

}  // namespace

Result<GgufFile> parse_gguf(const ByteSource& source) { return GgufParser(source).parse(); }

}  // namespace halfbyte
