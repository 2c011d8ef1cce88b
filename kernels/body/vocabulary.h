// Over all logits: the greatest, those above a limit, those that are not finite, and the logarithm of the sum of exponentials.

constexpr int kVocabularyBlock = 256;

HALFBYTE_INLINE float greatest_of(const float* x, int n) {  // NaN is passed over; -inf where nothing is greater
  F top = splat(-__builtin_inff());
  int i = 0;
  for (; i + 16 <= n; i += 16) top = max(load(x + i), top);
  float m = greatest(top);
  for (; i < n; ++i) m = x[i] > m ? x[i] : m;
  return m;
}

int argmax(const float* x, int n) {
  float best = -__builtin_inff();
  int block = 0;
  for (int begin = 0; begin < n; begin += kVocabularyBlock) {
    const float m = greatest_of(x + begin, n - begin < kVocabularyBlock ? n - begin : kVocabularyBlock);
    if (m > best) best = m, block = begin;
  }
  for (int i = block; i < n; ++i)
    if (x[i] == best) return i;
  return 0;
}

int first_not_finite(const float* x, int n) {
  int begin = 0;
  for (; begin + kVocabularyBlock <= n; begin += kVocabularyBlock) {
    F zeros = splat(0.0F);  // x * 0 is 0, or NaN where x is not finite
    for (int i = begin; i < begin + kVocabularyBlock; i += 16) zeros = fma(load(x + i), splat(0.0F), zeros);
    if (!(sum_pairwise(zeros) == 0.0F)) break;
  }
  for (; begin < n; ++begin)
    if (!(x[begin] - x[begin] == 0.0F)) return begin;
  return n;
}

int first_greater(const float* x, int n, float limit) {
  constexpr int kStep = 64;  // short: a search that begins again behind each hit must not look far ahead
  int begin = 0;
  for (; begin + kStep <= n; begin += kStep)
    if (greatest_of(x + begin, kStep) > limit) break;
  for (; begin < n; ++begin)
    if (x[begin] > limit) return begin;
  return n;
}

double log_sum_exp(const float* x, int n) {
  const float top = greatest_of(x, n);
  if (top == -__builtin_inff()) return top;
  const F shift = splat(top);
  double total = 0;
  for (int begin = 0; begin < n; begin += kVocabularyBlock) {
    const int end = n - begin < kVocabularyBlock ? n : begin + kVocabularyBlock;
    F partial = splat(0.0F);
    int i = begin;
    for (; i + 16 <= end; i += 16) partial = add(partial, exp(sub(load(x + i), shift)));
    if (i < end) {
      float rest[16];
      for (int lane = 0; lane < 16; ++lane) rest[lane] = i + lane < end ? x[i + lane] : -__builtin_inff();
      partial = add(partial, exp(sub(load(rest), shift)));
    }
    total += (double)sum_pairwise(partial);
  }
  return (double)top + log(total);
}
