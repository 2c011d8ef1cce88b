// A recorded step, compiled: a short list of stages that all threads run together, with a barrier after each that writes for others.
//
// Stages of one decoder layer at few tokens (5 barriers):
//   tokens    norm, quantize                         done by every thread for itself, no barrier
//   products  q k v; per head: norm, rope, scale, k and v into the cache          | barrier
//             (of rows with adapters A x before it, and a barrier: run_adapters.cpp)
//   attend    per (token, kv head, cache block): partial results (ops/attention_tasks.h)    | barrier
//   tokens    merge the partials, quantize
//   products  output projection + residual                                        | barrier
//   tokens    norm, quantize
//   products  gate and up, activation                                             | barrier
//   tokens    quantize
//   products  down + residual                                                     | barrier
// A mixture of experts instead of the last four:
//   tokens    norm
//   products  scores of the experts                                               | barrier
//   tokens    route, quantize
//   experts   gate and up, activation: one list of panels over all experts routed to        | barrier
//   tokens    quantize (a row for each token and expert)
//   sum       down, by panels; weighted sum over each token's experts + residual  | barrier
// After the last layer, for the tokens whose logits are wanted, 16 at a time:
//   tokens    norm, quantize
//   logits    the vocabulary matrix; each thread reduces its logits to what is wanted of them (ops/logits.h) | barrier
// With more than kFewTokens the token stages are split over the threads and followed by a barrier of their own.
//
// Every output element is summed in an order fixed by the weight's shape (kernels/README.md), so neither the split over threads nor the
// number of tokens changes a bit.
#pragma once

#include <algorithm>
#include <atomic>
#include <functional>
#include <span>
#include <string>
#include <vector>

#include "base/checked.h"
#include "base/thread_pool.h"
#include "base/trace.h"
#include "base/world.h"
#include "halfbyte/activation_mode.h"
#include "kernels/kernels.h"
#include "ops/adapter.h"
#include "ops/attention_tasks.h"
#include "ops/logits.h"
#include "ops/state_layout.h"
#include "ops/step.h"

namespace halfbyte {

constexpr int kFewTokens = 8;    // up to here norms and quantization are cheaper done by every thread than shared
constexpr int kLogitsRows = 16;  // tokens whose logits one pass over the vocabulary matrix computes

// A slice as rows of a step: `count` tokens of one sequence at consecutive positions, and where what the sequence keeps lies.
struct SliceRows {
  int first_row = 0;  // index of its first token in the step
  int count = 0;
  int first_position = 0;  // absolute
  // Per layer group: its page table; entry i holds positions 32 i .. 32 i + 31. Pages no token of the slice sees may be null.
  std::vector<std::byte* const*> pages;
  std::byte* slab = nullptr;                      // what the formula keeps of a fixed size; null: nothing
  std::span<const AppliedAdapter> adapters = {};  // Requires: at most kMostAdapters, of this model, of ranks the program has room for
};

struct WantedRow {
  int row = 0;  // token of the step
  LogitsNeed need;
};

// Where a step's threads say what they do.
struct StepTrace {
  Trace& trace;
  std::vector<std::string> stage_names;  // Program::stage_names()
};

struct StepInput {
  std::span<const Token> tokens;  // all slices' tokens, in order. Requires: ids inside the vocabulary
  std::span<const SliceRows> slices;
  std::span<const WantedRow> wanted;  // Requires: ascending
  const StepTrace* trace = nullptr;   // flushed by the caller after the step; null: none
};

// Called once per wanted row. Rows of one slice come in order and on one thread; those of several slices may come at the same time from
// several threads. What `logits` refers to is valid during the call.
using LogitsSink = std::function<void(size_t wanted_index, const Logits& logits)>;

namespace program {

struct Slot {  // a tensor's memory: `rows` rows of `stride` floats per token
  int width = 0;
  int rows = 1;
  int buffer = -1;
  bool is_replicated = false;  // written by a token stage: at few tokens every thread has its own copy
};

struct TokenOp {
  enum class Kind : uint8_t {
    kRopeTable,
    kEmbed,
    kEmbedPosition,
    kGather,
    kRmsNorm,
    kLayerNorm,
    kAdd,
    kScale,
    kSwiglu,
    kGeglu,
    kGelu,
    kRoute,
    kMergeAttention,
    kQuantize32,
    kQuantize256,
    kRoundBf16
  };
  Kind kind;
  int a = -1, b = -1, out = -1;  // slots
  MatrixId table;                // kEmbed, kEmbedPosition
  VectorId weight;               // norms
  VectorId bias;                 // kLayerNorm
  float value = 0;               // eps or factor
  int index = -1;                // rope of kRopeTable, attend stage of kMergeAttention
};

struct HeadEpilogue {
  enum class Role : uint8_t { kNone, kQuery, kKey, kValue };
  Role role = Role::kNone;
  int head_dim = 0;
  VectorId norm;
  float eps = 0;
  int rope = -1;
  float scale = 1;
  int layer = 0;
};

struct Product {
  Linear linear;
  enum class Gate : uint8_t { kNone, kSwiglu, kGeglu } gate = Gate::kNone;
  Linear up;                    // with a gate
  bool has_gelu = false;        // over the product itself
  int out = -1, residual = -1;  // slots
  HeadEpilogue heads;
  PanelKernel* kernel = nullptr;  // null: through decode
  PanelKernel* up_kernel = nullptr;
};

struct ExpertProduct {
  std::vector<MatrixId> matrices;  // by expert
  PanelKernel* kernel = nullptr;   // null: through decode
};

struct PanelRange {
  int product = 0;
  uint32_t first = 0, last = 0;  // panels
};

struct Stage {
  enum class Kind : uint8_t { kTokens, kProducts, kAttend, kExperts, kExpertSum, kLogits } kind = Kind::kTokens;
  std::vector<TokenOp> ops;                     // kTokens
  int input = -1;                               // of products and experts: slot; the quantized copies are the workspace's
  std::vector<Product> products;                // kProducts; kLogits: the vocabulary matrix alone
  std::vector<std::vector<PanelRange>> shares;  // kProducts, kLogits: by thread
  Attention attention;                          // kAttend
  int q = -1;                                   // kAttend: slot
  int out = -1;                                 // kAttend, kExperts, kExpertSum: slot
  int heads = 0, k_dims = 0, v_dims = 0;        // kAttend: of a query as of a key, of a value as of the output
  int shape = -1;                               // kAttend: of Program::shapes_
  std::vector<ExpertProduct> experts;           // kExperts: gate, up; kExpertSum: down
  int routing = -1, residual = -1;              // kExperts, kExpertSum: slots
};

}  // namespace program

// Memory a program runs in. One run at a time.
class Workspace {
 public:
  Workspace() = default;
  // A key, or a value, of a run was greater than the cache keeps (ops/kv_type.h). True from then on.
  bool has_cut_off_k() const { return std::ranges::any_of(cut_off_, &CutOff::k); }
  bool has_cut_off_v() const { return std::ranges::any_of(cut_off_, &CutOff::v); }

 private:
  friend class Program;
  Buffer shared_;
  std::vector<Buffer> own_;                               // by thread
  std::vector<std::vector<LogitsReduction>> reductions_;  // by thread, by row of a pass of the head
  struct CutOff {
    bool k = false, v = false;
  };
  std::vector<CutOff> cut_off_;            // by thread
  std::vector<SlicePositions> positions_;  // of the step
  std::vector<AttentionTasks> attention_;  // of the step, by shape
  struct AdaptedRows {                     // rows side by side with the same adapters
    int first = 0, count = 0;
    std::span<const AppliedAdapter> adapters;
  };
  std::vector<AdaptedRows> adapted_;  // of the step
};

struct ProgramOptions {
  Isa isa = Isa::kScalar;
  int threads = 1;
  int max_tokens = 1;  // of one run
  ActivationMode activations = ActivationMode::kInt8;
  int adapter_rank = 0;  // the greatest of Adapter::rank that rows may come with; 0: they come without
};

class Program {
 public:
  // kInternal: the record has a shape this compiler does not know (named). Requires: the record's weights outlive the program.
  static Result<Program> compile(const Step& record, StateLayout layout, const ProgramOptions& options);

  Result<Workspace> workspace(const World& world = this_machine()) const;
  size_t workspace_bytes() const { return shared_bytes_ + static_cast<size_t>(threads_) * own_bytes_; }
  // Runs one step. Requires: `pool` has the threads that the program was compiled for, `workspace` is this program's and in no other
  // run, and the step has at most max_tokens() tokens, whose pages are there.
  void run(const StepInput& input, ThreadPool& pool, Workspace& workspace, const LogitsSink& sink) const;

  const StateLayout& layout() const { return layout_; }
  int max_tokens() const { return max_tokens_; }
  std::vector<std::string> stage_names() const;  // for a StepTrace
  int vocabulary() const { return vocabulary_; }
  // Bytes of weights that a step of one token reads: every matrix once, of experts as many as it is routed to, one row of the
  // embedding table.
  size_t bytes_per_token() const;
  // Multiply-adds of a token with those weights, the head's left out.
  uint64_t macs_per_token() const;

 private:
  friend class Compiler;
  // Calls visit(matrix, how often) for the matrices that a stage multiplies a token by.
  template <class Visit>
  void for_multiplied(const program::Stage& stage, Visit visit) const;
  struct Pass;  // one thread's view of a running step
  explicit Program(StateLayout layout) : layout_(std::move(layout)) {}

  size_t vocabulary_blocks() const { return ceil_div(static_cast<uint64_t>(vocabulary_), kVocabularyBlock); }

  static constexpr size_t kUpBytes = size_t{64} << 10;  // of a gated pair's second product before it is folded in: stays in L1/L2
  static constexpr int kQueryRows = 24;                 // query rows of one attention task: what one reading of K and V serves
  // What a thread computes of the logits before it reduces them: it reads no weights meanwhile. Stays in L1 with one row, in L2 with 16.
  static constexpr size_t kLogitsAtOnce = size_t{4} * kVocabularyBlock;
  static constexpr int kExpertRows = 128;  // tokens of an expert that are gathered at once: in L2 with a few panels
  static constexpr int kRowsPerRead = 8;   // an expert's panel costs its reading, or what multiplies more rows than these

  const Weights* weights_ = nullptr;
  const KernelTable* kernels_ = nullptr;
  StateLayout layout_;
  int threads_ = 1;
  int max_tokens_ = 0;
  int vocabulary_ = 0;
  bool is_float_ = false;
  int adapter_rank_ = 0;
  std::vector<int> place_in_stage_;  // by matrix: which one of those that its stage multiplies
  std::vector<program::Slot> slots_;
  std::vector<program::Stage> stages_;
  std::vector<AttentionShape> shapes_;
  std::vector<Rope> ropes_;
  std::vector<int> rope_slots_;
  size_t head_begin_ = 0;  // first stage of the head
  int logits_slot_ = -1;

  // Layout of the workspace, in bytes.
  struct BufferPlace {
    size_t stride = 0;  // floats per row
    size_t shared = 0, own = 0;
  };
  struct ActivationPlace {  // twice: scales per 32 and scales per 256; a stage may need both
    size_t values = 0;      // of one of the two; rows lie quantized_stride() apart
    size_t q = 0, scale = 0, sum32 = 0, sum16 = 0;
  };
  // Never a power of two: rows of a tile must not share cache sets.
  size_t quantized_stride(int slot) const { return (static_cast<size_t>(slots_[static_cast<size_t>(slot)].width) + 63) / 64 * 64 + 64; }
  std::vector<BufferPlace> buffers_;
  ActivationPlace shared_activations_, own_activations_, own_gathered_;
  size_t own_gathered_floats_ = 0, own_pairs_ = 0;
  int max_experts_ = 0, max_pairs_ = 0;  // pairs: of a token and an expert that it is routed to
  size_t max_columns_ = 0;
  size_t shared_bf16_ = 0, own_bf16_ = 0;            // [columns / 256][rows of a step][256]
  size_t own_gathered_bf16_ = 0;                     // [columns / 256][kExpertRows][256]
  size_t bf16_rows_ = 0;                             // of a token, of all products of bf16 the most; 0: there are none
  size_t shared_partials_ = 0, partial_stride_ = 0;  // bytes; floats per state
  size_t own_scratch_ = 0, own_up_ = 0, own_tile_ = 0, own_raw_ = 0, own_states_ = 0;
  size_t own_logits_ = 0,
         shared_exp_sums_ = 0;  // by row of the head: logits at once; sums of exponentials by block, and at the temperature of a draw
  // A x by place, then row: of many tokens, of few, and of few the parts by group of columns.
  size_t shared_ax_ = 0, own_ax_ = 0, shared_ax_parts_ = 0;
  size_t ax_groups_ = 0;    // of the widest matrix
  size_t own_changes_ = 0;  // B (A x) before it is added
  size_t shared_bytes_ = 0, own_bytes_ = 0;
  int max_heads_ = 0;
};

}  // namespace halfbyte
