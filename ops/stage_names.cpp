// What a trace calls the stages of a program.
#include <fmt/format.h>

#include "ops/program.h"

namespace halfbyte {
namespace {

using namespace program;

std::string_view name_of(TokenOp::Kind kind) {
  switch (kind) {
    case TokenOp::Kind::kRopeTable: return "rope table";
    case TokenOp::Kind::kEmbed:
    case TokenOp::Kind::kEmbedPosition: return "embed";
    case TokenOp::Kind::kGather: return "gather";
    case TokenOp::Kind::kRmsNorm:
    case TokenOp::Kind::kLayerNorm: return "norm";
    case TokenOp::Kind::kAdd: return "add";
    case TokenOp::Kind::kScale: return "scale";
    case TokenOp::Kind::kSwiglu:
    case TokenOp::Kind::kGeglu:
    case TokenOp::Kind::kGelu: return "activation";
    case TokenOp::Kind::kRoute: return "route";
    case TokenOp::Kind::kMergeAttention: return "merge";
    case TokenOp::Kind::kQuantize32:
    case TokenOp::Kind::kQuantize256:
    case TokenOp::Kind::kRoundBf16: break;
  }
  return "quantize";
}

std::string_view role_of(const Product& product) {
  switch (product.heads.role) {
    case HeadEpilogue::Role::kQuery: return "q";
    case HeadEpilogue::Role::kKey: return "k";
    case HeadEpilogue::Role::kValue: return "v";
    case HeadEpilogue::Role::kNone: break;
  }
  return product.gate != Product::Gate::kNone ? "gate up" : "product";
}

}  // namespace

// The kind, and of products what they multiply by: "q k v Q4_K 2048x1024".
std::vector<std::string> Program::stage_names() const {
  std::vector<std::string> names;
  for (const Stage& stage : stages_) {
    std::string name;
    const auto add = [&name](std::string_view word) {
      if (!name.ends_with(word)) name += fmt::format("{}{}", name.empty() ? "" : " ", word);
    };
    const auto add_matrix = [&](MatrixId id) {
      const Matrix& matrix = (*weights_)[id];
      add(fmt::format("{} {}x{}", matrix.format->name, matrix.rows, matrix.columns));
    };
    switch (stage.kind) {
      case Stage::Kind::kTokens:
        for (const TokenOp& op : stage.ops) add(name_of(op.kind));
        break;
      case Stage::Kind::kProducts:
        for (const Product& product : stage.products) add(role_of(product));
        add_matrix(stage.products.front().linear.matrix);
        break;
      case Stage::Kind::kAttend: name = fmt::format("attend {}", stage.attention.layer); break;
      case Stage::Kind::kExperts:
        name = "experts";
        add_matrix(stage.experts.front().matrices.front());
        break;
      case Stage::Kind::kExpertSum:
        name = "expert sum";
        add_matrix(stage.experts.front().matrices.front());
        break;
      case Stage::Kind::kLogits:
        name = "logits";
        add_matrix(stage.products.front().linear.matrix);
        break;
    }
    names.push_back(std::move(name));
  }
  return names;
}

}  // namespace halfbyte
