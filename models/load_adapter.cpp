#include "models/load_adapter.h"

#include <algorithm>
#include <cmath>
#include <new>
#include <set>

#include "base/checked.h"
#include "base/errors.h"
#include "base/fingerprint.h"
#include "formats/adapter.h"
#include "quant/panel.h"

namespace halfbyte {
namespace {

// The matrices that a formula multiplies whole rows of a step by.
std::set<int32_t> adaptable(const Model& model) {
  Step record(model.weights);
  model.formula->forward(record);
  std::set<int32_t> out;
  for (const Step::Node& node : record.nodes())
    if (node.op == Step::Op::kLinear) out.insert(node.linear.matrix.index);
  return out;
}

class AdapterLoader {
 public:
  AdapterLoader(const AdapterCheckpoint& stored, const Model& model, const World& world)
      : stored_(stored), path_(stored.file.metadata.path()), model_(model), world_(world) {}

  Result<Adapter> load() {
    HB_TRY(match());
    size_t bytes = 0;
    for (const Part& part : parts_) bytes += part.bytes();
    HB_TRY_INTO(out_.storage, world_.allocate(bytes));
    std::byte* at = out_.storage.data();
    for (const Part& part : parts_) {
      HB_TRY(read(part, at));
      at += part.bytes();
    }
    Fingerprint all;
    all.add(std::span<const std::byte>(out_.storage.data(), bytes));
    for (const int32_t index : out_.by_matrix) all.add(index);
    for (const LowRank& change : out_.changes) all.add(change.scale).add(change.a.rows);
    out_.identity = all.value();
    return std::move(out_);
  }

 private:
  // Rows of a tensor that become a matrix of the adapter.
  struct Part {
    const TensorLocation* tensor;
    uint64_t first, rows;
    std::vector<Matrix*> targets;
    size_t bytes() const { return targets.front()->bytes(); }
  };

  static Matrix panels_of(uint64_t rows, uint64_t columns) {
    const NumberFormat* f32 = find_number_format("F32");
    return {.format = f32,
            .rows = static_cast<uint32_t>(rows),
            .columns = static_cast<uint32_t>(columns),
            .is_panels = true,
            .stride = f32->panel->panel_bytes(columns)};
  }

  Result<void> match() {
    const std::set<int32_t> can_change = adaptable(model_);
    out_.by_matrix.assign(model_.weights.matrices.size(), -1);
    struct Found {
      const LowRankTensors* change;
      const Model::NamedMatrix* matrix;
    };
    std::vector<Found> found;
    for (const LowRankTensors& change : stored_.changes) {
      const size_t before = found.size();
      for (const Model::NamedMatrix& matrix : model_.matrices)
        if (matrix.name == change.name) found.push_back({&change, &matrix});
      if (found.size() == before) return unsupported("{}: the model has no matrix {}", path_, escaped(change.name));
      const Model::NamedMatrix& matrix = *found.back().matrix;
      if (!can_change.contains(matrix.id.index))
        return unsupported("{}: {} is changed; this build applies adapters to the linear layers of attention and feed-forward parts", path_,
                           change.name);
      const uint64_t columns = model_.weights[matrix.id].columns, rank = change.a.shape[0];
      if (change.a.shape[1] != columns || change.b.shape[0] != matrix.all_rows)
        return corrupt("{}: {}: expected A of [{}, {}] and B of [{}, {}], found [{}] and [{}]", path_, change.name, rank, columns,
                       matrix.all_rows, rank, fmt::join(change.a.shape, ", "), fmt::join(change.b.shape, ", "));
      if (!std::isfinite(static_cast<float>(change.scale))) return corrupt("{}: {}: the scale is not finite", path_, change.name);
      out_.rank = std::max(out_.rank, static_cast<int>(round_up(rank, kPanelRows)));
    }
    out_.changes.resize(found.size());
    size_t of_a = 0;  // the latest part that is an A
    for (size_t i = 0; i < found.size(); ++i) {
      const auto& [change, matrix] = found[i];
      LowRank& target = out_.changes[i];
      const Matrix& base = model_.weights[matrix->id];
      const uint64_t rank = change->a.shape[0];
      out_.by_matrix[static_cast<size_t>(matrix->id.index)] = static_cast<int32_t>(i);
      target = {.a = panels_of(rank, base.columns), .b = panels_of(base.rows, rank), .scale = static_cast<float>(change->scale)};
      if (i > 0 && found[i - 1].change == change)  // another matrix of one tensor: A is the same
        parts_[of_a].targets.push_back(&target.a);
      else {
        of_a = parts_.size();
        parts_.push_back({&change->a, 0, rank, {&target.a}});
      }
      parts_.push_back({&change->b, matrix->first_row, base.rows, {&target.b}});
    }
    return {};
  }

  Result<void> read(const Part& part, std::byte* to) const {
    const TensorLocation& tensor = *part.tensor;
    const uint64_t columns = tensor.columns(), row_bytes = tensor.format->row_bytes(columns);
    std::vector<std::byte> raw(static_cast<size_t>(row_bytes) * kPanelRows);
    std::vector<float> values(static_cast<size_t>(columns) * kPanelRows);
    const size_t stride = part.targets.front()->stride;
    for (uint64_t r = 0; r < part.rows; r += kPanelRows, to += stride) {
      const auto rows = static_cast<size_t>(std::min<uint64_t>(kPanelRows, part.rows - r)), count = rows * static_cast<size_t>(columns);
      HB_TRY(stored_.file.read(tensor, (part.first + r) * row_bytes, std::span(raw).first(rows * static_cast<size_t>(row_bytes))));
      tensor.format->decode(raw.data(), count / tensor.format->block_length, values.data());
      if (!std::all_of(values.begin(), values.begin() + static_cast<std::ptrdiff_t>(count), [](float x) { return std::isfinite(x); }))
        return corrupt("{}: tensor {}: a value in rows {} to {} is not finite", path_, escaped(tensor.name), part.first + r,
                       part.first + r + rows - 1);
      find_number_format("F32")->panel->pack(std::as_bytes(std::span(values)).data(), static_cast<int>(rows), static_cast<size_t>(columns),
                                             to);
      if (r == 0)
        for (Matrix* target : part.targets) target->data = to;
    }
    return {};
  }

  const AdapterCheckpoint& stored_;
  const std::string& path_;
  const Model& model_;
  const World& world_;
  Adapter out_;
  std::vector<Part> parts_;
};

}  // namespace

Result<Adapter> load_adapter(const std::filesystem::path& path, const Model& model, const World& world,
                             std::vector<std::string>& warnings) {
  try {
    const Dims& dims = model.formula->dims();
    HB_TRY_ASSIGN(stored, open_adapter(path,
                                       {.architecture = model.architecture,
                                        .heads = static_cast<uint64_t>(dims.heads),
                                        .kv_heads = static_cast<uint64_t>(dims.kv_heads)},
                                       world));
    HB_TRY_ASSIGN(adapter, AdapterLoader(stored, model, world).load());
    for (std::string& warning : stored.file.warnings) warnings.push_back(std::move(warning));
    return adapter;
  } catch (const std::bad_alloc&) {
    return out_of_memory();
  }
}

}  // namespace halfbyte
