#include "models/formula.h"

namespace halfbyte {
namespace {

uint64_t extent(int n) { return static_cast<uint64_t>(n); }

}  // namespace

void WeightList::add(Entry entry) {
  if (entry.rows == 0) entry.rows = entry.shape[0];
  entries_.push_back(std::move(entry));
}

void WeightList::vector(std::string name, VectorId& id, int n) { add({.name = std::move(name), .shape = {extent(n)}, .vector = &id}); }

void WeightList::optional_vector(std::string name, VectorId& id, int n) {
  add({.name = std::move(name), .shape = {extent(n)}, .vector = &id, .is_optional = true});
}

void WeightList::matrix(std::string name, MatrixId& id, int rows, int columns) {
  add({.name = std::move(name), .shape = {extent(rows), extent(columns)}, .matrix = &id});
}

void WeightList::matrices(const std::string& name, std::vector<MatrixId>& ids, int count, int rows, int columns) {
  ids.resize(static_cast<size_t>(count));
  for (size_t i = 0; i < ids.size(); ++i)
    add({.name = name,
         .shape = {extent(count), extent(rows), extent(columns)},
         .first = i * extent(rows),
         .rows = extent(rows),
         .matrix = &ids[i]});
}

void WeightList::linear(const std::string& name, Linear& linear, int rows, int columns) {
  linear_rows(name, linear, 0, rows, rows, columns);
}

void WeightList::linear_rows(const std::string& name, Linear& linear, int first, int rows, int all, int columns) {
  add({.name = name + ".weight",
       .shape = {extent(all), extent(columns)},
       .first = extent(first),
       .rows = extent(rows),
       .matrix = &linear.matrix});
  add({.name = name + ".bias",
       .shape = {extent(all)},
       .first = extent(first),
       .rows = extent(rows),
       .vector = &linear.bias,
       .is_optional = true});
}

void WeightList::table(std::string name, MatrixId& id, int rows, int columns, bool is_lookup) {
  add({.name = std::move(name), .shape = {extent(rows), extent(columns)}, .matrix = &id, .is_lookup = is_lookup});
}

}  // namespace halfbyte
