// Speed of the panel kernels: every family x instruction set x tokens. Reports GB/s of weights and MAC per cycle of the
// processor's time stamp counter. Up to four tokens read more weights than the last-level cache holds, more tokens a few panels.
#include <benchmark/benchmark.h>

#include <algorithm>
#include <cstring>
#include <random>
#include <string>
#include <vector>

#if defined(__x86_64__)
#include <x86intrin.h>
#endif

#include "base/buffer.h"
#include "kernels/kernels.h"
#include "quant/number_format.h"
#include "quant/panel.h"

namespace halfbyte {
namespace {

constexpr int kColumns = 2048;
constexpr size_t kStreamBytes = size_t{160} << 20;
constexpr int kFewPanels = 8;

uint64_t cycles() {
#if defined(__x86_64__)
  return __rdtsc();
#else
  return 0;
#endif
}

// Activations of `tokens` rows, all of ordinary size, as the format meets them.
struct Rows {
  Rows(const KernelTable& table, ActivationKind kind, int tokens)
      : q(static_cast<size_t>(tokens) * kColumns),
        scale(static_cast<size_t>(tokens) * kColumns / 32),
        sum32(scale.size()),
        sum16(2 * scale.size()),
        f(static_cast<size_t>(tokens) * kColumns),
        bf16(f.size()) {
    std::mt19937 random(1);
    std::normal_distribution<float> normal;
    std::ranges::generate(f, [&] { return normal(random); });
    view = {.q = q.data(),
            .scale = scale.data(),
            .sum32 = sum32.data(),
            .sum16 = sum16.data(),
            .f = f.data(),
            .bf16 = bf16.data(),
            .q_stride = kColumns,
            .scale_stride = kColumns / 32,
            .sum32_stride = kColumns / 32,
            .sum16_stride = kColumns / 16,
            .f_stride = kColumns,
            .bf16_stride = static_cast<size_t>(tokens) * kGroup};
    for (size_t t = 0; t < static_cast<size_t>(tokens); ++t) {
      table.round_bf16(f.data() + t * view.f_stride, kColumns, bf16.data() + t * kGroup, view.bf16_stride);
      if (kind == ActivationKind::kFloat || kind == ActivationKind::kBf16) continue;
      (kind == ActivationKind::kPer32 ? table.quantize_per32 : table.quantize_per256)(
          f.data() + t * view.f_stride, kColumns, q.data() + t * view.q_stride, scale.data() + t * view.scale_stride,
          sum32.data() + t * view.sum32_stride, sum16.data() + t * view.sum16_stride);
    }
  }
  std::vector<int8_t> q;
  std::vector<float> scale;
  std::vector<int16_t> sum32, sum16;
  std::vector<float> f;
  std::vector<uint16_t> bf16;
  Activations view;
};

void multiply(benchmark::State& state, const NumberFormat& format, Isa isa, PanelKernel* kernel, int tokens) {
  const size_t panel_bytes = format.panel->panel_bytes(kColumns);
  const int panels = tokens <= 4 ? static_cast<int>(kStreamBytes / panel_bytes) : kFewPanels;
  const size_t weight_bytes = panel_bytes * static_cast<size_t>(panels);
  auto weights = Buffer::allocate(weight_bytes + 65536);
  auto scratch = Buffer::allocate(panel_scratch_bytes(kColumns));
  if (!weights || !scratch) return state.SkipWithError("no memory");
  std::memset(weights->data(), 0x21, weight_bytes);  // ordinary scales in every format
  const Rows x(kernels(isa), format.activations, tokens);
  std::vector<float> y(static_cast<size_t>(tokens) * static_cast<size_t>(panels) * kPanelRows);
  const uint64_t begin = cycles();
  for (auto _ : state) {
    kernel(weights->data(), panel_bytes, panels, x.view, kColumns, tokens, y.data(), static_cast<size_t>(panels) * kPanelRows,
           scratch->data());
    benchmark::DoNotOptimize(y.data());
    benchmark::ClobberMemory();
  }
  const double elapsed = static_cast<double>(cycles() - begin);
  const double macs = static_cast<double>(panels) * kPanelRows * kColumns * tokens * static_cast<double>(state.iterations());
  state.counters["GB/s"] =
      benchmark::Counter(static_cast<double>(weight_bytes) * static_cast<double>(state.iterations()) / 1e9, benchmark::Counter::kIsRate);
  state.counters["GMAC/s"] = benchmark::Counter(macs / 1e9, benchmark::Counter::kIsRate);
  if (elapsed > 0) state.counters["MAC/cycle"] = macs / elapsed;
}

// The bandwidth to compare one token with: a look at each of as many bytes.
void read_memory(benchmark::State& state) {
  auto memory = Buffer::allocate(kStreamBytes);
  if (!memory) return state.SkipWithError("no memory");
  std::memset(memory->data(), 1, kStreamBytes);
  const KernelTable& table = kernels(isas_here().back());
  const int floats = static_cast<int>(kStreamBytes / sizeof(float));
  for (auto _ : state) benchmark::DoNotOptimize(table.first_outside(memory->as<float>(), floats, 0.0F, 1.0F));
  state.counters["GB/s"] =
      benchmark::Counter(static_cast<double>(kStreamBytes) * static_cast<double>(state.iterations()) / 1e9, benchmark::Counter::kIsRate);
}

struct CacheType {
  const char* name;
  ScoreKernel* score;
  ValuesKernel* values;
  size_t bits;  // of a number
};

// Attention of one kv head over full cache blocks of 64 dims, which lie in the nearest cache (one block) or in memory (many).
void attend(benchmark::State& state, const KernelTable& table, const CacheType& type, int blocks, int queries) {
  constexpr int kDims = 64;
  const size_t page = kPagePositions * kDims * type.bits / 8;
  auto memory = Buffer::allocate(static_cast<size_t>(2 * kPagesPerBlock * blocks) * page);
  if (!memory) return state.SkipWithError("no memory");
  std::memset(memory->data(), 0, memory->size());
  const size_t n = static_cast<size_t>(queries);
  std::vector<float> q(n * kDims, 0.1F), out(n * (kDims + 2));
  std::vector<const float*> rows(n);
  std::vector<int> first(n, 0), last(n, kCacheBlock);
  std::vector<AttendState> states(n);
  for (size_t i = 0; i < n; ++i) {
    rows[i] = q.data() + i * kDims;
    float* at = out.data() + i * (kDims + 2);
    states[i] = {at, at + 1, at + 2};
  }
  AttendBlock block{};
  block.v_page_bytes = page;
  block.k_dims = block.v_dims = kDims;
  block.n_queries = queries;
  block.q = rows.data();
  block.first = first.data();
  block.last = last.data();
  block.out = states.data();
  const uint64_t begin = cycles();
  for (auto _ : state) {
    const std::byte* at = memory->data();
    for (int b = 0; b < blocks; ++b) {
      for (size_t i = 0; i < kPagesPerBlock; ++i, at += 2 * page) {
        block.k_pages[i] = at;
        block.v_pages[i] = at + page;
      }
      table.attend(block, type.score, type.values);
    }
  }
  const double elapsed = static_cast<double>(cycles() - begin);
  const double macs = 2.0 * kDims * kCacheBlock * blocks * queries * static_cast<double>(state.iterations());
  state.counters["GMAC/s"] = benchmark::Counter(macs / 1e9, benchmark::Counter::kIsRate);
  if (elapsed > 0) state.counters["MAC/cycle"] = macs / elapsed;
}

// Kernels over one row of n floats.
template <class Run>
void over_row(benchmark::State& state, int n, Run run) {
  std::vector<float> a(static_cast<size_t>(n), 0.5F), b(static_cast<size_t>(n), 0.25F), out(static_cast<size_t>(n));
  const uint64_t begin = cycles();
  for (auto _ : state) {
    run(a.data(), b.data(), out.data());
    benchmark::ClobberMemory();
  }
  state.counters["values/cycle"] = static_cast<double>(n) * static_cast<double>(state.iterations()) / static_cast<double>(cycles() - begin);
}

void register_all() {
  benchmark::RegisterBenchmark("read_memory", read_memory);
  for (const Isa isa : isas_here()) {
    const KernelTable* table = &kernels(isa);
    const std::string set(name(isa));
    for (const NumberFormat& format : number_formats()) {
      if (format.panel == nullptr) continue;
      for (const int tokens : {1, 2, 4, 8, 12, 16, 64, 512})
        benchmark::RegisterBenchmark((std::string(format.name) + "/" + set + "/tokens:" + std::to_string(tokens)).c_str(),
                                     [&format, isa, table, tokens](benchmark::State& state) {
                                       multiply(state, format, isa, panel_kernel(*table, format.name), tokens);
                                     });
    }
    for (const CacheType type : {CacheType{"attend_f16/", table->score_f16, table->values_f16, 16},
                                 CacheType{"attend_q8_0/", table->score_q8_0, table->values_q8_0, 17}})
      for (const int blocks : {1, 2048})
        for (const int queries : {1, 2, 3, 8, 24, 64})
          benchmark::RegisterBenchmark(
              (type.name + set + "/blocks:" + std::to_string(blocks) + "/queries:" + std::to_string(queries)).c_str(),
              [table, type, blocks, queries](benchmark::State& state) { attend(state, *table, type, blocks, queries); });
    constexpr int kRow = 2048;
    benchmark::RegisterBenchmark(("rms_norm/" + set).c_str(), [table](benchmark::State& state) {
      over_row(state, kRow, [&](const float* a, const float* b, float* out) { table->rms_norm(a, b, 1e-5F, kRow, out); });
    });
    benchmark::RegisterBenchmark(("swiglu/" + set).c_str(), [table](benchmark::State& state) {
      over_row(state, kRow, [&](const float* a, const float* b, float* out) { table->swiglu(a, b, kRow, out); });
    });
    benchmark::RegisterBenchmark(("rope_adjacent/" + set).c_str(), [table](benchmark::State& state) {
      over_row(state, kRow, [&](const float* a, const float* b, float* out) { table->rope_adjacent(out, a, b, kRow); });
    });
    for (const bool per32 : {true, false})
      benchmark::RegisterBenchmark(
          ((per32 ? "quantize_per32/" : "quantize_per256/") + set).c_str(), [table, per32](benchmark::State& state) {
            std::vector<int8_t> q(kRow);
            std::vector<float> scale(kRow / 32);
            std::vector<int16_t> sum32(kRow / 32), sum16(kRow / 16);
            over_row(state, kRow, [&](const float* a, const float*, float*) {
              (per32 ? table->quantize_per32 : table->quantize_per256)(a, kRow, q.data(), scale.data(), sum32.data(), sum16.data());
            });
          });
  }
}

}  // namespace
}  // namespace halfbyte

int main(int argc, char** argv) {
  benchmark::Initialize(&argc, argv);
  halfbyte::register_all();
  if (benchmark::ReportUnrecognizedArguments(argc, argv)) return 1;
  benchmark::RunSpecifiedBenchmarks();
  return 0;
}
