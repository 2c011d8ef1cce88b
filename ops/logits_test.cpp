// What the head delivers is what anybody could work out from the whole row, to the bit.
#include "ops/logits.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <atomic>
#include <cmath>
#include <limits>
#include <random>
#include <set>
#include <thread>

#include "ops/program.h"
#include "quant/panel.h"

namespace halfbyte {

void PrintTo(const Candidate& c, std::ostream* out) { *out << c.token << ": " << c.logit; }

namespace {

using Candidates = std::vector<Candidate>;

const KernelTable& kKernels = kernels(isas_here().back());

// By the definitions, from all logits.
Candidates first_of(std::span<const float> row, int k) {
  Candidates all;
  for (const float logit : row) all.push_back({logit, static_cast<Token>(all.size())});
  std::ranges::sort(all, is_before);
  all.resize(std::min(all.size(), static_cast<size_t>(k)));
  return all;
}
double log_sum_exp(std::span<const float> row) {
  const float top = std::ranges::max(row);
  double sum = 0;
  for (size_t begin = 0; begin < row.size(); begin += kVocabularyBlock)
    sum +=
        static_cast<double>(kKernels.sum_exp(&row[begin], top, static_cast<int>(std::min<size_t>(row.size() - begin, kVocabularyBlock))));
  return static_cast<double>(top) + std::log(sum);
}

std::vector<float> row_with_ties(size_t n, uint32_t seed) {
  std::mt19937 random(seed);
  std::vector<float> row(n);
  for (float& logit : row) logit = static_cast<float>(random() % 300) / 8 - 20;
  return row;
}

Candidates candidates_of(LogitsReduction& reduction) {
  const std::span<const Candidate> sorted = reduction.sort();
  return {sorted.begin(), sorted.end()};
}

TEST(LogitsReduction, KeepsTheFirstCandidatesHoweverTheRowIsDivided) {
  const std::vector<float> row = row_with_ties(2000, 1);
  for (const int k : {0, 1, 2, 40, 1999, 2000, 5000})
    for (const size_t piece : {1U, 7U, 256U, 2000U})
      for (const size_t threads : {1U, 3U}) {
        std::vector<LogitsReduction> parts(threads);
        for (LogitsReduction& part : parts) part.restart(k);
        for (size_t begin = 0; begin < row.size(); begin += piece)
          parts[begin * threads / row.size()].add(kKernels, std::span(row).subspan(begin, std::min(piece, row.size() - begin)),
                                                  static_cast<Token>(begin));
        for (size_t t = threads; t-- > 1;) parts[0].add(parts[t]);
        EXPECT_EQ(candidates_of(parts[0]), first_of(row, k)) << k << " in pieces of " << piece << " by " << threads;
        EXPECT_FALSE(parts[0].not_finite());
      }
}

TEST(LogitsReduction, OfEqualLogitsTheLowestIdsAreKept) {
  const std::vector<float> row(600, -2.5F);
  LogitsReduction reduction;
  reduction.restart(3);
  reduction.add(kKernels, row, 0);
  EXPECT_EQ(candidates_of(reduction), (Candidates{{-2.5F, 0}, {-2.5F, 1}, {-2.5F, 2}}));
}

TEST(LogitsReduction, FindsTheLowestIdThatIsNotFinite) {
  for (const float odd : {std::numeric_limits<float>::quiet_NaN(), INFINITY, -INFINITY})
    for (const int k : {0, 1, 40})
      for (const size_t at : {0U, 3U, 300U, 511U, 520U}) {
        std::vector<float> row = row_with_ties(600, 2);
        row[at] = row[590] = odd;
        LogitsReduction low, high;
        low.restart(k);
        high.restart(k);
        low.add(kKernels, std::span(row).first(512), 0);
        high.add(kKernels, std::span(row).subspan(512), 512);
        low.add(high);
        EXPECT_EQ(low.not_finite(), static_cast<Token>(at)) << odd << " with " << k;
      }
}

TEST(LogitsReduction, BeginsAnew) {
  LogitsReduction reduction;
  reduction.restart(2);
  reduction.add(kKernels, std::vector<float>{5, 6, NAN}, 0);
  reduction.restart(1);
  reduction.add(kKernels, std::vector<float>{1, 2}, 7);
  EXPECT_FALSE(reduction.not_finite());
  EXPECT_EQ(reduction.top(), 2);
  EXPECT_EQ(candidates_of(reduction), (Candidates{{2, 8}}));
}

// An embedding and a head with a bias: the logits after token t are dot(table[t], head[v]) + bias[v].
class Head {
 public:
  static constexpr uint32_t kTokens = 48, kWidth = 32;

  explicit Head(uint32_t vocabulary, const std::function<void(std::vector<float>& table, std::vector<float>& bias)>& change = {}) {
    std::mt19937 random(7);
    std::normal_distribution<float> normal;
    for (std::vector<float>* values : {&table_, &head_}) {
      values->resize((values == &table_ ? kTokens : vocabulary) * kWidth);
      for (float& value : *values) value = normal(random);
    }
    // Some rows of the head repeat, across blocks too: equal logits.
    for (uint32_t v = 5; v < vocabulary; v += 97) std::copy_n(head_.begin(), kWidth, head_.begin() + v * kWidth);
    std::vector<float> bias((vocabulary + 15) / 16 * 16);
    std::fill_n(bias.begin(), vocabulary, -100.0F);  // a lane of padding would win
    if (change) change(table_, bias);
    weights_.vectors.push_back(std::move(bias));
    add_matrix(table_, kTokens, false);
    pack(vocabulary);
    add_matrix(packed_, vocabulary, true);
    Step step(weights_);
    step.logits(step.output(step.embed({0})), {{1}, {0}});
    record_.emplace(std::move(step));
  }

  struct Delivered {
    std::optional<Token> not_finite;
    Candidates greatest;
    double log_sum_exp = 0;
    std::vector<float> row;
    std::vector<float> block_sums;
    std::thread::id thread;
  };
  // The logits after tokens 0, 1, .. of one step, as needs[0], needs[1], .. want them.
  // One slice, or one for each token.
  std::vector<Delivered> run(const std::vector<LogitsNeed>& needs, int threads = 1, Isa isa = isas_here().back(),
                             bool are_apart = false) const {
    const int count = static_cast<int>(needs.size());
    const auto program = Program::compile(*record_, StateLayout(StateList()), {.isa = isa, .threads = threads, .max_tokens = count});
    EXPECT_TRUE(program) << program.error().message;
    auto workspace = program->workspace();
    ThreadPool pool(threads);
    std::vector<Token> tokens;
    std::vector<WantedRow> wanted;
    for (int t = 0; t < count; ++t) {
      tokens.push_back(t);
      wanted.push_back({.row = t, .need = needs[static_cast<size_t>(t)]});
    }
    std::vector<SliceRows> slices;
    for (int t = 0; t < count; t += slices.back().count) slices.push_back({.first_row = t, .count = are_apart ? 1 : count});
    std::vector<Delivered> out(needs.size());
    for (int again = 0; again < 2; ++again) {  // a workspace that was used before
      std::vector<int> order(needs.size());
      std::atomic<int> calls = 0;
      program->run({.tokens = tokens, .slices = slices, .wanted = wanted}, pool, *workspace, [&](size_t i, const Logits& logits) {
        order[i] = calls++;
        out[i] = {logits.not_finite,
                  {logits.greatest.begin(), logits.greatest.end()},
                  logits.log_sum_exp,
                  {logits.row.begin(), logits.row.end()},
                  {logits.block_sums.begin(), logits.block_sums.end()},
                  std::this_thread::get_id()};
      });
      EXPECT_EQ(calls, count);
      EXPECT_TRUE(are_apart || std::ranges::is_sorted(order));
    }
    return out;
  }

 private:
  void add_matrix(const std::vector<float>& values, uint32_t rows, bool is_panels) {
    weights_.matrices.push_back({.format = find_number_format("F32"),
                                 .rows = rows,
                                 .columns = kWidth,
                                 .is_panels = is_panels,
                                 .data = reinterpret_cast<const std::byte*>(values.data()),
                                 .stride = (is_panels ? 16 : 1) * kWidth * sizeof(float)});
  }
  void pack(uint32_t vocabulary) {
    const PanelFormat& panels = *find_number_format("F32")->panel;
    const size_t floats = panels.panel_bytes(kWidth) / sizeof(float);
    packed_.resize((vocabulary + 15) / 16 * floats);
    for (uint32_t first = 0; first < vocabulary; first += 16)
      panels.pack(reinterpret_cast<const std::byte*>(&head_[first * kWidth]), static_cast<int>(std::min(16U, vocabulary - first)), kWidth,
                  reinterpret_cast<std::byte*>(&packed_[first / 16 * floats]));
  }

  std::vector<float> table_, head_, packed_;
  Weights weights_;
  std::optional<Step> record_;
};

constexpr LogitsNeed kRow{.row = true};

// Tail of a block, of a panel, one panel, one logit.
class HeadTest : public testing::TestWithParam<uint32_t> {};
INSTANTIATE_TEST_SUITE_P(Vocabularies, HeadTest, testing::Values(2313U, 1024U, 257U, 21U, 1U));

TEST_P(HeadTest, DeliversWhatTheRowsSayForAnyThreadsTokensAndSets) {
  const Head head(GetParam());
  for (const size_t tokens : {1U, 3U, 16U, 35U}) {
    const auto rows = head.run(std::vector(tokens, kRow));
    ASSERT_EQ(rows.size(), tokens);
    for (const LogitsNeed& need : {LogitsNeed{.greatest = 1}, LogitsNeed{.greatest = 40}, LogitsNeed{.greatest = 5000},
                                   LogitsNeed{.log_sum_exp = true}, LogitsNeed{.greatest = 3, .log_sum_exp = true, .row = true}})
      for (const int threads : {1, 2, 3})
        for (const Isa isa : {Isa::kScalar, isas_here().back()}) {
          SCOPED_TRACE(testing::Message() << tokens << " tokens, " << threads << " threads, " << name(isa) << ", greatest "
                                          << need.greatest);
          const auto delivered = head.run(std::vector(tokens, need), threads, isa);
          ASSERT_EQ(delivered.size(), tokens);
          for (size_t t = 0; t < tokens; ++t) {
            EXPECT_FALSE(delivered[t].not_finite);
            EXPECT_EQ(delivered[t].greatest, first_of(rows[t].row, need.greatest));
            EXPECT_EQ(delivered[t].log_sum_exp, need.log_sum_exp ? log_sum_exp(rows[t].row) : 0);
            EXPECT_EQ(delivered[t].row, need.row ? rows[t].row : std::vector<float>());
          }
        }
  }
}

TEST_P(HeadTest, EachRowGetsWhatItNeedsWhateverTheOthersDo) {
  const Head head(GetParam());
  const LogitsNeed kinds[] = {
      {.greatest = 1}, kRow, {.greatest = 40}, {}, {.log_sum_exp = true, .row = true}, {.greatest = 7, .row = true}};
  std::vector<LogitsNeed> needs;
  for (size_t t = 0; t < 20; ++t) needs.push_back(kinds[t % std::size(kinds)]);
  const auto rows = head.run(std::vector(needs.size(), kRow));
  const auto delivered = head.run(needs, 3);
  for (size_t t = 0; t < needs.size(); ++t) {
    EXPECT_EQ(delivered[t].greatest, first_of(rows[t].row, needs[t].greatest)) << t;
    EXPECT_EQ(delivered[t].log_sum_exp, needs[t].log_sum_exp ? log_sum_exp(rows[t].row) : 0) << t;
    EXPECT_EQ(delivered[t].row, needs[t].row ? rows[t].row : std::vector<float>()) << t;
  }
}

TEST_P(HeadTest, DeliversTheSumsThatATokenIsDrawnWith) {
  const Head head(GetParam());
  const auto rows = head.run(std::vector(3, kRow));
  for (const float temperature : {1.0F, 0.7F, 1e-30F})
    for (const int threads : {1, 3})
      for (const bool with_log_sum_exp : {false, true}) {
        const auto delivered =
            head.run(std::vector(3, LogitsNeed{.log_sum_exp = with_log_sum_exp, .row = true, .draw_temperature = temperature}), threads);
        for (size_t t = 0; t < rows.size(); ++t) {
          const std::vector<float>& row = rows[t].row;
          std::vector<float> sums;
          for (size_t begin = 0; begin < row.size(); begin += kVocabularyBlock) {
            std::vector<float> scaled;
            for (size_t i = begin; i < std::min(row.size(), begin + kVocabularyBlock); ++i)
              scaled.push_back(scaled_logit(row[i], std::ranges::max(row), temperature));
            sums.push_back(kKernels.sum_exp(scaled.data(), 0, static_cast<int>(scaled.size())));
          }
          EXPECT_EQ(delivered[t].block_sums, sums) << temperature << " by " << threads;
          EXPECT_EQ(delivered[t].log_sum_exp, with_log_sum_exp ? log_sum_exp(row) : 0);
        }
      }
}

TEST(Head, RowsOfSeveralSlicesAreSeenBySeveralThreads) {
  const Head head(1000);
  const std::vector<LogitsNeed> needs(20, {.greatest = 3, .row = true});
  const auto one = head.run(needs), apart = head.run(needs, 3, isas_here().back(), true);
  std::set<std::thread::id> threads;
  for (size_t t = 0; t < needs.size(); ++t) {
    EXPECT_EQ(apart[t].greatest, one[t].greatest);
    EXPECT_EQ(apart[t].row, one[t].row);
    EXPECT_EQ(apart[t].thread, apart[t % 3].thread);
    threads.insert(apart[t].thread);
  }
  EXPECT_EQ(threads.size(), 3U);
}

TEST(Head, LogitsThatAreNotFiniteAreNamedByTheLowestIdAndOnlyInTheirRow) {
  const Head bad_tokens(1000, [](std::vector<float>&, std::vector<float>& bias) { bias[700] = bias[999] = INFINITY; });
  const Head bad_row(1000, [](std::vector<float>& table, std::vector<float>&) { table[1 * Head::kWidth] = NAN; });
  for (const LogitsNeed& need : {LogitsNeed{}, LogitsNeed{.greatest = 1}, LogitsNeed{.greatest = 40, .log_sum_exp = true, .row = true}})
    for (const int threads : {1, 2, 3}) {
      for (const auto& delivered : bad_tokens.run({need, need, need}, threads)) {
        EXPECT_EQ(delivered.not_finite, 700);
        EXPECT_TRUE(delivered.greatest.empty());
      }
      const auto delivered = bad_row.run({need, need, need}, threads);
      EXPECT_FALSE(delivered[0].not_finite);
      EXPECT_EQ(delivered[1].not_finite, 0);
      EXPECT_FALSE(delivered[2].not_finite);
    }
}

}  // namespace
}  // namespace halfbyte
