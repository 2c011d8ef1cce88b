// What a model family is: its dimensions, its weights listed once, and its formula. One short file per family.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "formats/checkpoint.h"
#include "halfbyte/result.h"
#include "ops/state_layout.h"
#include "ops/step.h"

namespace halfbyte {

// The numbers most decoders share, checked against the ranges of models/dims.cpp.
struct Dims {
  int layers = 0;
  int model = 0;  // width of the residual stream
  int ffn = 0;
  int heads = 0, kv_heads = 0, head_dim = 0;
  int vocabulary = 0;
  int context = 0;            // positions the model was made for
  int window = 0;             // sliding window of the layers that have one; 0: none
  float eps = 0;              // of the norms
  float attention_scale = 0;  // of the scores: 1 / sqrt(head_dim), unless the file says otherwise
};

// `eps_key` is the name that the family's kind of norm has.
Result<Dims> read_dims(const Metadata& metadata, std::string_view architecture, int vocabulary,
                       std::string_view eps_key = "attention.layer_norm_rms_epsilon");

// Collects the weights of a formula: names, shapes, and where each handle goes. Drives loading, shape checks and printing.
class WeightList {
 public:
  struct Entry {
    std::string name;              // in the file
    std::vector<uint64_t> shape;   // of the tensor: {matrices, rows, columns}, {rows, columns} or {n}
    uint64_t first = 0, rows = 0;  // those of its rows that are meant
    MatrixId* matrix = nullptr;    // one of the two is set
    VectorId* vector = nullptr;
    bool is_optional = false;
    bool is_lookup = false;  // rows are only looked up: needs no panels
  };

  explicit WeightList(const Checkpoint& checkpoint) : checkpoint_(checkpoint) {}
  bool has(std::string_view name) const { return checkpoint_.find(name) != nullptr; }
  void vector(std::string name, VectorId& id, int n);
  void optional_vector(std::string name, VectorId& id, int n);
  void matrix(std::string name, MatrixId& id, int rows, int columns);
  // `count` matrices stored as one tensor.
  void matrices(const std::string& name, std::vector<MatrixId>& ids, int count, int rows, int columns);
  // "NAME.weight", and "NAME.bias" if the file has one.
  void linear(const std::string& name, Linear& linear, int rows, int columns);
  // The same for rows [first, first + rows) of tensors that have `all`: one of several matrices stored as one.
  void linear_rows(const std::string& name, Linear& linear, int first, int rows, int all, int columns);
  // Token embeddings: only looked up when `is_lookup`, else also multiplied (a tied head).
  void table(std::string name, MatrixId& id, int rows, int columns, bool is_lookup);
  const std::vector<Entry>& entries() const { return entries_; }

 private:
  void add(Entry entry);
  const Checkpoint& checkpoint_;
  std::vector<Entry> entries_;
};

// Immutable once its handles are set by loading.
class Formula {
 public:
  explicit Formula(const Dims& dims) : dims_(dims) {}
  virtual ~Formula() = default;
  const Dims& dims() const { return dims_; }
  virtual void weights(WeightList& list) = 0;
  // Tokens -> output() -> logits().
  virtual void forward(Step& step) const = 0;
  // What a sequence keeps between steps.
  virtual void state(StateList& list) const = 0;

 protected:
  Dims dims_;
};

// Makes the formula that general.architecture names. kUnsupported lists the known ones, or names a key that asks for another formula;
// `warnings` gets keys that are not applied.
Result<std::unique_ptr<Formula>> make_formula(const Metadata& metadata, int vocabulary, std::vector<std::string>& warnings);

}  // namespace halfbyte
