#include "models/architecture.h"

namespace halfbyte {
namespace {

uint64_t extent(int n) { return static_cast<uint64_t>(n); }

}  // namespace

void WeightList::vector(std::string name, VectorId& id, int n) {
  entries_.push_back({.name = std::move(name), .shape = {extent(n)}, .vector = &id});
}

void WeightList::optional_vector(std::string name, VectorId& id, int n) {
  entries_.push_back({.name = std::move(name), .shape = {extent(n)}, .vector = &id, .is_optional = true});
}

void WeightList::matrix(std::string name, MatrixId& id, int rows, int columns) {
  entries_.push_back({
      .name = std::move(name), .shape = {extent(rows), extent(columns)},
           .matrix = &id
  });
}

void WeightList::linear(const std::string& name, Linear& linear, int rows, int columns) {
  matrix(name + ".weight", linear.matrix, rows, columns);
  optional_vector(name + ".bias", linear.bias, rows);
}

void WeightList::table(std::string name, MatrixId& id, int rows, int columns, bool is_lookup) {
  entries_.push_back({
      .name = std::move(name), .shape = {extent(rows), extent(columns)},
           .matrix = &id, .is_lookup = is_lookup
  });
}

}  // namespace halfbyte
