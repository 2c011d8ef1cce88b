#include "models/load_adapter.h"

#include <gtest/gtest.h>

#include <cstring>
#include <limits>

#include "base/faulty_world.h"
#include "models/tiny_adapter.h"

namespace halfbyte {
namespace {

class LoadAdapter : public testing::Test {
 protected:
  explicit LoadAdapter(const TinyModel& model = {})
      : tiny_(model), file_(model), pool_(1), model_(std::move(*load_model(file_.path(), pool_))) {}

  Result<Adapter> load(const TinyAdapter& adapter) {
    const TinyAdapterFile file(tiny_, adapter);
    std::vector<std::string> warnings;
    return load_adapter(file.path(), model_, this_machine(), warnings);
  }
  // The error without the path before it.
  std::string refusal(const TinyAdapter& adapter) {
    const auto loaded = load(adapter);
    if (loaded) return "loaded";
    return loaded.error().message.substr(loaded.error().message.find(": ") + 2);
  }
  static TinyAdapter with(const std::function<void(std::vector<TinyModel::TensorBytes>&)>& change) {
    return {.change = [change](auto&, auto& tensors) { change(tensors); }};
  }

  TinyModel tiny_;
  TinyModelFile file_;
  ThreadPool pool_;
  Model model_;
};

TEST_F(LoadAdapter, HasAChangeForEachMatrixOfTheFile) {
  const auto adapter = load({.rank = 5, .targets = {"attn_q", "ffn_down"}});
  ASSERT_TRUE(adapter) << adapter.error().message;
  EXPECT_EQ(adapter->changes.size(), 4U);
  EXPECT_EQ(adapter->rank, 16);
  for (const Model::NamedMatrix& matrix : model_.matrices) {
    const bool is_changed = matrix.name.ends_with("attn_q.weight") || matrix.name.ends_with("ffn_down.weight");
    const LowRank* change = adapter->find(matrix.id);
    EXPECT_EQ(change != nullptr, is_changed) << matrix.name;
    if (change == nullptr) continue;
    EXPECT_EQ(change->scale, 8.0F / 5);
    EXPECT_EQ(change->a.rows, 5U);
    EXPECT_EQ(change->b.rows, matrix.all_rows);
  }
}

TEST_F(LoadAdapter, IsToldApartByEveryBitThatCounts) {
  const uint64_t identity = load({})->identity;
  EXPECT_EQ(load({})->identity, identity);
  EXPECT_NE(load({.seed = 2})->identity, identity);
  EXPECT_NE(load({.alpha = 4})->identity, identity);
}

TEST_F(LoadAdapter, RefusesByNameWhatTheModelHasNotOrHasOtherwise) {
  EXPECT_EQ(refusal(with([](auto& t) { t[0].name = "blk.7.attn_q.weight.lora_a", t[1].name = "blk.7.attn_q.weight.lora_b"; })),
            "the model has no matrix blk.7.attn_q.weight");
  EXPECT_EQ(refusal(with([](auto& t) { t[0].name = "blk.0.attn_norm.weight.lora_a", t[1].name = "blk.0.attn_norm.weight.lora_b"; })),
            "the model has no matrix blk.0.attn_norm.weight");
  EXPECT_EQ(refusal(with([](auto& t) { t[0].name = "token_embd.weight.lora_a", t[1].name = "token_embd.weight.lora_b"; })),
            "token_embd.weight is changed; this build applies adapters to the linear layers of attention and feed-forward parts");
  EXPECT_EQ(refusal(with([](auto& t) { t[0].shape = {2, 128}, t[1].shape = {128, 2}; })),
            "blk.0.attn_q.weight: expected A of [2, 64] and B of [64, 2], found [2, 128] and [128, 2]");
  EXPECT_EQ(refusal(with([](auto& t) {
              const float nan = std::numeric_limits<float>::quiet_NaN();
              std::memcpy(t[1].data.data() + 20 * 4 * sizeof nan, &nan, sizeof nan);
            })),
            "tensor blk.0.attn_q.weight.lora_b: a value in rows 16 to 31 is not finite");
}

TEST_F(LoadAdapter, NamesTheFileThatCannotBeReadAndSaysWhereMemoryEnds) {
  const TinyAdapterFile file(tiny_, {});
  using Fault = FaultyWorld::Fault;
  for (const Fault fault : {Fault::kOpen, Fault::kRead, Fault::kAllocate})
    EXPECT_GE(with_every(fault,
                         [&](const FaultyWorld& world) {
                           std::vector<std::string> warnings;
                           const auto loaded = load_adapter(file.path(), model_, world, warnings);
                           ASSERT_NE(static_cast<bool>(loaded), world.has_failed());
                           if (!loaded) {
                             EXPECT_EQ(loaded.error().code, Code::kIo) << loaded.error().message;
                           }
                         }),
              1);
}

}  // namespace
}  // namespace halfbyte
