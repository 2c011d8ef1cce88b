// A model as values, whichever files it came in: metadata and where each tensor lies, under GGUF's keys and names. Nothing in it has been trusted: every length, offset and
// sum was checked when the Checkpoint was made, so users of this header need not check them again.
#pragma once

#include <cstdint>
#include <filesystem>
#include <map>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "base/world.h"
#include "halfbyte/result.h"
#include "quant/number_format.h"

namespace halfbyte {

// One metadata value. Integers of every width become int64 or uint64, floats double; arrays keep their element kind.
using MetadataValue = std::variant<uint64_t, int64_t, double, bool, std::string, std::vector<uint64_t>, std::vector<int64_t>,
                                   std::vector<double>, std::vector<bool>, std::vector<std::string>>;

// Key -> value. The typed getters say file, key, expected and found when the type is not the one asked for. Where the value is clear they
// take it however it is written: 8.0 for 8, 1 for true, an array of equal values for one, one value for an array of it.
class Metadata {
 public:
  explicit Metadata(std::string path = {}) : path_(std::move(path)) {}
  const std::string& path() const { return path_; }
  bool contains(std::string_view key) const;
  const MetadataValue* find(std::string_view key) const;  // null: absent
  bool insert(std::string key, MetadataValue value);      // false: the key was there already; nothing changed
  const std::map<std::string, MetadataValue, std::less<>>& all() const { return values_; }

  // Required: kCorrupt when absent, of another type, or outside [least, greatest]; kUnsupported when layers differ.
  Result<uint64_t> unsigned_integer(std::string_view key, uint64_t least, uint64_t greatest) const;
  Result<double> positive_float(std::string_view key) const;  // finite and > 0
  Result<std::string> text(std::string_view key) const;
  // Optional: `fallback` when absent; still kCorrupt when present and wrong.
  Result<uint64_t> unsigned_integer_or(std::string_view key, uint64_t least, uint64_t greatest, uint64_t fallback) const;
  Result<double> float_or(std::string_view key, double fallback) const;  // finite
  Result<bool> flag_or(std::string_view key, bool fallback) const;
  Result<std::string> text_or(std::string_view key, std::string fallback) const;
  // Arrays: null or empty when absent; kCorrupt when of another element type.
  Result<const std::vector<std::string>*> strings(std::string_view key) const;
  Result<std::vector<int64_t>> integers(std::string_view key) const;
  Result<std::vector<float>> floats(std::string_view key) const;

 private:
  std::string path_;
  std::map<std::string, MetadataValue, std::less<>> values_;
};

// How a tensor's values come out of the file's bytes, where a checkpoint stores them otherwise than GGUF does.
struct Turn {
  enum class Kind : uint8_t {
    kNone,
    kAdjacentPairs,  // in each head, rows i and i + n/2 become rows 2i and 2i + 1: the pairs that rotary positions turn
    kTransposed,     // rows are the file's columns
    kPlusOne,        // 1 + w, as float32
  };
  Kind kind = Kind::kNone;
  uint64_t heads = 0;                    // kAdjacentPairs
  const NumberFormat* stored = nullptr;  // kPlusOne: the file's format
};

struct TensorLocation {
  std::string name;
  const NumberFormat* format = nullptr;
  std::vector<uint64_t> shape;  // slowest first: {rows, columns}, as the formula writes it (GGUF stores them reversed)
  uint32_t file = 0;            // index into Checkpoint::files, or kComputed
  uint64_t offset = 0;          // absolute byte in that file; of kComputed, in Checkpoint::computed
  uint64_t bytes = 0;
  Turn turn = {};  // what Checkpoint::read does to the file's bytes
  // Of a tensor whose equal pieces stand apart, all of them in order; `file` and `offset` are the first's, and it is not turned.
  struct Piece {
    uint32_t file = 0;
    uint64_t offset = 0;
  };
  std::vector<Piece> pieces = {};
  static constexpr uint32_t kComputed = ~uint32_t{0};
  uint64_t elements() const {
    uint64_t n = 1;
    for (const uint64_t d : shape) n *= d;
    return n;
  }
  uint64_t columns() const { return shape.back(); }
  uint64_t rows() const { return elements() / shape.back(); }
};

// Move-only. Reading tensors is thread-safe.
class Checkpoint {
 public:
  Metadata metadata;
  std::vector<TensorLocation> tensors;  // in file order
  std::vector<std::unique_ptr<const ByteSource>> files;
  std::vector<std::byte> computed;    // data of tensors that stand in no file
  std::vector<std::string> warnings;  // harmless oddities, one line each

  const TensorLocation* find(std::string_view name) const;  // null: absent
  // Bytes [begin, begin + out.size()) of a tensor's data, turned. Of a turned tensor: whole rows (of a vector, whole values).
  Result<void> read(const TensorLocation& tensor, uint64_t begin, std::span<std::byte> out) const;
};

// Opens what `path` is: a Hugging Face checkpoint (its directory, or the .safetensors file or shard index in it), else a GGUF file.
Result<Checkpoint> open_checkpoint(const std::filesystem::path& path, const World& world = this_machine());

// Opens a GGUF file (v2 or v3), or the first file of a sharded one with its siblings, whose general.type is `of_type` (not said: "model").
// formats/gguf.h has the rules and limits.
Result<Checkpoint> open_gguf(const std::filesystem::path& path, const World& world = this_machine(), std::string_view of_type = "model");

}  // namespace halfbyte
