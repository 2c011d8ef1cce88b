#include "measure/calibration.h"

#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <cstring>
#include <limits>

#include "base/bandwidth.h"
#include "base/buffer.h"
#include "base/clock.h"
#include "base/errors.h"
#include "kernels/kernels.h"
#include "quant/number_format.h"
#include "quant/panel.h"

namespace halfbyte {
namespace {

using Seconds = std::chrono::duration<double>;
using Clock = std::chrono::steady_clock;

constexpr int kPasses = 5;
constexpr int kBarriers = 50;
constexpr int kPromptTokens = 64;
constexpr int kColumns = 2048, kPanels = 8;  // of 4 bits: 150 KB, a second-level cache's worth

struct MeasuredKernel {
  std::string_view format;
  int tokens;
};
constexpr std::string_view kPromptFormat = "Q4_K";
constexpr MeasuredKernel kMeasured[] = {{kPromptFormat, 1}, {kPromptFormat, kPromptTokens}, {"Q6_K", 1}, {"Q6_K", kPromptTokens},
                                        {"Q8_0", 1},        {"Q8_0", kPromptTokens}};

// The shortest of the runs that fit into `budget`, at least three unless stopped: what interrupts a run only makes it longer.
template <class Work>
double shortest(Seconds budget, const std::stop_token& stop, const Work& work) {
  double best = std::numeric_limits<double>::infinity();
  const auto begin = Clock::now();
  for (int runs = 0; !stop.stop_requested() && (runs < 3 || Clock::now() - begin < budget); ++runs) {
    const auto start = Clock::now();
    work();
    best = std::min(best, Seconds(Clock::now() - start).count());
  }
  return std::max(best, 1e-9);
}

// A small matrix of one format times `tokens` rows, which any number of threads compute side by side, each for itself.
class TimedProduct {
 public:
  static Result<TimedProduct> create(Isa isa, std::string_view format_name, int tokens, int threads) {
    TimedProduct p;
    const NumberFormat& format = *find_number_format(format_name);
    const KernelTable& table = kernels(isa);
    p.kernel_ = panel_kernel(table, format_name);
    p.tokens_ = tokens;
    p.panel_bytes_ = format.panel->panel_bytes(kColumns);
    HB_TRY_ASSIGN(weights, Buffer::allocate(p.panel_bytes_ * kPanels));
    std::memset(weights.data(), 0x21, weights.size());  // ordinary scales in every format
    p.weights_ = std::move(weights);
    HB_TRY_INTO(p.scratch_, Buffer::allocate(kScratch * static_cast<size_t>(threads)));
    const auto rows = static_cast<size_t>(tokens);
    HB_TRY_INTO(p.out_, Buffer::allocate(rows * kOut * sizeof(float) * static_cast<size_t>(threads)));

    p.q_.resize(rows * kColumns);
    p.scale_.resize(rows * kColumns / 32);
    p.sum32_.resize(p.scale_.size());
    p.sum16_.resize(2 * p.scale_.size());
    std::vector<float> x(kColumns);
    for (size_t i = 0; i < x.size(); ++i) x[i] = static_cast<float>(i % 17) - 8;
    const auto quantize = format.activations == ActivationKind::kPer32 ? table.quantize_per32 : table.quantize_per256;
    for (size_t t = 0; t < rows; ++t)
      quantize(x.data(), kColumns, p.q_.data() + t * kColumns, p.scale_.data() + t * (kColumns / 32), p.sum32_.data() + t * (kColumns / 32),
               p.sum16_.data() + t * (kColumns / 16));
    return p;
  }

  void run(int thread) {
    const Activations x{.q = q_.data(),
                        .scale = scale_.data(),
                        .sum32 = sum32_.data(),
                        .sum16 = sum16_.data(),
                        .q_stride = kColumns,
                        .scale_stride = kColumns / 32,
                        .sum32_stride = kColumns / 32,
                        .sum16_stride = kColumns / 16};
    const auto own = static_cast<size_t>(thread);
    kernel_(weights_.data(), panel_bytes_, kPanels, x, kColumns, tokens_,
            out_.as<float>(own * static_cast<size_t>(tokens_) * kOut * sizeof(float)), kOut, scratch_.data() + own * kScratch);
  }
  double macs() const { return static_cast<double>(kOut) * kColumns * tokens_; }

 private:
  static constexpr size_t kOut = size_t{kPanels} * kPanelRows;
  static constexpr size_t kScratch = (panel_scratch_bytes(kColumns) + 63) / 64 * 64;

  PanelKernel* kernel_ = nullptr;
  int tokens_ = 1;
  size_t panel_bytes_ = 0;
  Buffer weights_, scratch_, out_;
  std::vector<int8_t> q_;
  std::vector<float> scale_;
  std::vector<int16_t> sum32_, sum16_;
};

Result<void> unless_stopped(const CalibrationOptions& options) {
  if (options.stop.stop_requested()) return busy("calibration: stopped");
  return {};
}

Result<KernelSpeed> kernel_speed(const CalibrationOptions& options, const MeasuredKernel& kernel) {
  HB_TRY_ASSIGN(product, TimedProduct::create(options.isa, kernel.format, kernel.tokens, 1));
  const double seconds = shortest(Seconds(0.01), options.stop, [&] { product.run(0); });
  return KernelSpeed{.format = std::string(kernel.format), .tokens = kernel.tokens, .macs_per_second = product.macs() / seconds};
}

Result<PoolSpeed> pool_speed(const CalibrationOptions& options, int threads) {
  constexpr int kProducts = 8;  // a run of about a millisecond, beside which starting the threads is short
  ThreadPool pool(threads);
  HB_TRY_ASSIGN(bandwidth, measure_read_bandwidth(pool, options.bytes, kPasses, options.stop));
  HB_TRY_ASSIGN(product, TimedProduct::create(options.isa, kPromptFormat, kPromptTokens, threads));
  const double prompt = shortest(Seconds(0.02), options.stop, [&] {
    pool.run([&](int thread) {
      for (int i = 0; i < kProducts; ++i) product.run(thread);
    });
  });
  HB_TRY(unless_stopped(options));
  double barriers = std::numeric_limits<double>::infinity();
  shortest(Seconds(0.01), options.stop, [&] {
    pool.run([&](int thread) {
      pool.barrier(thread);  // all have started
      const auto start = Clock::now();
      for (int i = 0; i < kBarriers; ++i) pool.barrier(thread);
      if (thread == 0) barriers = std::min(barriers, Seconds(Clock::now() - start).count());
    });
  });
  return PoolSpeed{.threads = threads,
                   .bytes_per_second = bandwidth,
                   .macs_per_second = product.macs() * kProducts * threads / prompt,
                   .barrier_seconds = std::max(barriers, 1e-9) / kBarriers};
}

}  // namespace

std::vector<int> pool_sizes(int most) {
  std::vector<int> sizes;
  int step = 1;
  for (int threads = 1; threads < most; threads += step) {
    sizes.push_back(threads);
    if (threads >= 8 && (threads & (threads - 1)) == 0) step = threads / 2;
  }
  sizes.push_back(std::max(1, most));
  return sizes;
}

Result<Calibration> calibrate(const CalibrationOptions& options) {
  const auto tell = [&](std::string_view doing) {
    if (options.tell) options.tell(doing);
  };
  Calibration calibration;
  tell("measuring the clock and the kernels ...");
  calibration.clock_hz = measure_clock(options.stop);
  for (const MeasuredKernel& kernel : kMeasured) {
    HB_TRY(unless_stopped(options));
    HB_TRY_ASSIGN(speed, kernel_speed(options, kernel));
    calibration.kernels.push_back(std::move(speed));
  }
  for (const int threads : pool_sizes(options.most_threads)) {
    tell(fmt::format("measuring {} of {} threads ...", threads, options.most_threads));
    HB_TRY_ASSIGN(speed, pool_speed(options, threads));
    calibration.pools.push_back(speed);
  }
  HB_TRY(unless_stopped(options));
  return calibration;
}

ThreadChoice choose_threads(std::span<const PoolSpeed> pools) {
  const PoolSpeed& reader = *std::ranges::max_element(pools, {}, &PoolSpeed::bytes_per_second);
  const PoolSpeed& generation =
      *std::ranges::find_if(pools, [&](const PoolSpeed& p) { return p.bytes_per_second >= 0.97 * reader.bytes_per_second; });
  const PoolSpeed& prompt = *std::ranges::max_element(pools, {}, &PoolSpeed::macs_per_second);
  const bool is_enough = generation.macs_per_second >= 0.95 * prompt.macs_per_second;
  return {.generation = generation.threads, .prompt = prompt.threads, .pool = is_enough ? generation.threads : prompt.threads};
}

}  // namespace halfbyte
