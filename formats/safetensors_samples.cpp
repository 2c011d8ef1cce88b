#include "formats/safetensors_samples.h"

#include <cstdint>

#include "formats/gguf_bytes.h"

namespace halfbyte {
namespace {

using gguf_bytes::u64;

std::string zeros(size_t n) { return std::string(n, '\0'); }

// A header with one tensor of these fields, and 32 bytes of data.
std::string one(std::string_view fields) { return safetensors_file("{\"a\":{" + std::string(fields) + "}}", zeros(32)); }
std::string with_shape(std::string_view shape) {
  return one("\"dtype\":\"F32\",\"shape\":" + std::string(shape) + ",\"data_offsets\":[0,32]");
}
std::string with_offsets(std::string_view offsets) {
  return one("\"dtype\":\"F32\",\"shape\":[8],\"data_offsets\":" + std::string(offsets));
}
std::string tensor(std::string_view name, size_t begin, size_t end) {
  return "\"" + std::string(name) + "\":{\"dtype\":\"U8\",\"shape\":[" + std::to_string(end - begin) + "],\"data_offsets\":[" +
         std::to_string(begin) + "," + std::to_string(end) + "]}";
}

}  // namespace

std::string safetensors_file(std::string_view header, std::string_view data) {
  return u64(header.size()) + std::string(header) + std::string(data);
}

std::vector<GoodSafetensors> good_safetensors_samples() {
  return {
      {"no tensors", safetensors_file("{}")},
      {"metadata and blanks at the end", safetensors_file(R"({"__metadata__":{"format":"pt"},)" + tensor("a", 0, 4) + "}   ", zeros(4))},
      {"two tensors, last one first", safetensors_file("{" + tensor("b", 8, 20) + "," + tensor("a", 0, 8) + "}", zeros(20))},
      {"one value and none",
       safetensors_file(R"({"x":{"dtype":"F16","shape":[],"data_offsets":[0,2]},"y":{"dtype":"I64","shape":[3,0],"data_offsets":[2,2]}})",
                        zeros(2))},
      {"four bits a value", safetensors_file(R"({"x":{"dtype":"F4","shape":[2,3],"data_offsets":[0,3]}})", zeros(3))},
      {"escapes in a name", safetensors_file("{" + tensor("\\u0061.w", 0, 1) + "}", zeros(1))},
  };
}

std::vector<MalformedSafetensors> malformed_safetensors_samples() {
  const std::string a = tensor("a", 0, 32);
  std::string deep(100'000, '[');
  std::string many = "{";
  while (many.size() < 16'000'000) many += "\"\":0,";
  return {
      // Length of the header.
      {"no bytes", "", "file is empty"},
      {"7 bytes", zeros(7), "truncated: needs 8 bytes for the header's length, has 7"},
      {"length 2^64 - 1", u64(~uint64_t{0}) + "{}", "header length 18446744073709551615 exceeds the limit of 100000000"},
      {"length 100,000,001", u64(100'000'001) + "{}", "header length 100000001 exceeds the limit of 100000000"},
      {"length one past the end", u64(3) + "{}", "header of 3 bytes, 2 left in the file"},
      {"length 0", u64(0) + "{}", "header must begin with '{', found ''"},

      // JSON.
      {"blank first", safetensors_file(" {}"), "header must begin with '{', found ' '"},
      {"a GGUF file", "GGUF" + zeros(20), "header length 1179993927 exceeds the limit of 100000000"},
      {"bad UTF-8", safetensors_file("{\"\xff\":0}"), "header: not valid JSON at byte 2: syntax error"},
      {"text after the JSON", safetensors_file("{}{}"), "header: not valid JSON: more text after the value, at byte 2"},
      {"JSON cut off", safetensors_file("{\"a\":"), "header: not valid JSON at byte 5: incomplete JSON"},
      {"nested 100,000 deep", safetensors_file("{\"a\":" + deep), "header at byte 16: nests deeper than 4"},
      {"more values than any model has", safetensors_file(many), "header has more values than 131072 tensors need"},
      {"tensor twice", safetensors_file("{" + a + "," + a + "}", zeros(32)), "header: not valid JSON: duplicate key 'a' before byte 57"},
      {"tensor twice, once escaped", safetensors_file("{" + a + "," + tensor("\\u0061", 0, 32) + "}", zeros(32)),
       "header: not valid JSON: duplicate key 'a' before byte 62"},
      {"null", safetensors_file("{\"a\":null}"),
       "header at byte 13: 'n' outside a string; expected objects, arrays, strings and unsigned integers"},
      {"a comment", safetensors_file("{/**/}"),
       "header at byte 9: '/' outside a string; expected objects, arrays, strings and unsigned integers"},

      // Metadata.
      {"metadata that is no object", safetensors_file(R"({"__metadata__":"x"})"), "__metadata__ is not an object"},
      {"metadata with an object", safetensors_file(R"({"__metadata__":{"x":{}}})"), "__metadata__: value of 'x' is not a string"},

      // Fields.
      {"empty name", safetensors_file("{" + tensor("", 0, 32) + "}", zeros(32)), "invalid tensor name ''"},
      {"name with NUL", safetensors_file("{" + tensor("a\\u0000", 0, 32) + "}", zeros(32)), "invalid tensor name 'a\\x00'"},
      {"tensor that is no object", safetensors_file("{\"a\":[]}"), "tensor 'a': not an object"},
      {"no dtype", one(R"("shape":[8],"data_offsets":[0,32])"), "tensor 'a': dtype is missing or not a string"},
      {"dtype F99", one(R"("dtype":"F99","shape":[8],"data_offsets":[0,32])"), "tensor 'a': unknown dtype 'F99'"},
      {"no shape", one(R"("dtype":"F32","data_offsets":[0,32])"), "tensor 'a': shape is missing or not an array"},
      {"no offsets", one(R"("dtype":"F32","shape":[8])"), "tensor 'a': data_offsets is missing or not an array"},
      {"another field", one(R"("dtype":"F32","shape":[8],"data_offsets":[0,32],"x":0)"), "tensor 'a': unknown field 'x'"},
      {"dimension -1", with_shape("[-1]"),
       "header at byte 37: '-' outside a string; expected objects, arrays, strings and unsigned integers"},
      {"dimension 8.0", with_shape("[8.0]"),
       "header at byte 38: '.' outside a string; expected objects, arrays, strings and unsigned integers"},
      {"dimension 8e0", with_shape("[8e0]"),
       "header at byte 38: 'e' outside a string; expected objects, arrays, strings and unsigned integers"},
      {"dimension 2^64", with_shape("[18446744073709551616]"), "tensor 'a': shape[0] is not an integer from 0 to 2^64 - 1"},
      {"dimension as text", with_shape("[\"8\"]"), "tensor 'a': shape[0] is not an integer from 0 to 2^64 - 1"},
      {"9 dimensions", with_shape("[8,1,1,1,1,1,1,1,1]"), "tensor 'a': 9 dimensions, expected at most 8"},
      {"2^32 x 2^32 values", with_shape("[4294967296,4294967296]"), "tensor 'a': byte size overflows: shape [4294967296, 4294967296]"},
      {"2^62 floats", with_shape("[4611686018427387904]"), "tensor 'a': byte size overflows: shape [4611686018427387904]"},
      {"size not that of the shape", with_shape("[7]"), "tensor 'a': shape [7] of F32 takes 224 bits, its data_offsets hold 32 bytes"},
      {"half a byte", one(R"("dtype":"F4","shape":[63],"data_offsets":[0,32])"),
       "tensor 'a': shape [63] of F4 takes 252 bits, its data_offsets hold 32 bytes"},

      // Data.
      {"one offset", with_offsets("[32]"), "tensor 'a': data_offsets has 1 numbers, expected 2"},
      {"begin after end", with_offsets("[32,0]"), "tensor 'a': data_offsets begin at 32 and end at 0"},
      {"end past the data", with_offsets("[1,33]"), "tensor 'a': data_offsets end at 33, the file has 32 bytes of data"},
      {"hole", safetensors_file("{" + tensor("a", 0, 8) + "," + tensor("b", 9, 32) + "}", zeros(32)),
       "1 bytes before tensor 'b' belong to none"},
      {"hole at the beginning", safetensors_file("{" + tensor("a", 1, 32) + "}", zeros(32)), "1 bytes before tensor 'a' belong to none"},
      {"overlap", safetensors_file("{" + tensor("a", 0, 9) + "," + tensor("b", 8, 32) + "}", zeros(32)),
       "tensors 'a' and 'b' overlap at data byte 8"},
      {"trailing data", safetensors_file("{" + tensor("a", 0, 8) + "}", zeros(9)), "1 trailing bytes after the last tensor"},
  };
}

}  // namespace halfbyte
