// Over a block of logits: the next that is worth a look, and the sum of their exponentials. Over few of them, as a router's: softmax.

int first_outside(const float* x, int n, float least, float most) {
  int begin = 0;
  for (; begin + 16 <= n; begin += 16)
    if (!all_within(load(x + begin), splat(least), splat(most))) break;
  for (; begin < n; ++begin)
    if (!(x[begin] >= least && x[begin] <= most)) return begin;
  return n;
}

float sum_exp(const float* x, float shift, int n) {
  F sum = splat(0.0F);
  int i = 0;
  for (; i + 16 <= n; i += 16) sum = add(sum, exp(sub(load(x + i), splat(shift))));
  if (i < n) {
    float rest[16];
    for (int lane = 0; lane < 16; ++lane) rest[lane] = i + lane < n ? x[i + lane] : -__builtin_inff();
    sum = add(sum, exp(sub(load(rest), splat(shift))));
  }
  return sum_pairwise(sum);
}

HALFBYTE_INLINE float greatest_of(const float* x, int n) {  // NaN is passed over; -inf where nothing is greater
  F top = splat(-__builtin_inff());
  int i = 0;
  for (; i + 16 <= n; i += 16) top = max(load(x + i), top);
  float m = greatest(top);
  for (; i < n; ++i) m = x[i] > m ? x[i] : m;
  return m;
}

void softmax(const float* x, int n, float* out) {
  const F shift = splat(greatest_of(x, n));
  F sum = splat(0.0F);
  int i = 0;
  for (; i + 16 <= n; i += 16) {
    const F e = exp(sub(load(x + i), shift));
    store(out + i, e);
    sum = add(sum, e);
  }
  if (i < n) {
    float rest[16];
    for (int lane = 0; lane < 16; ++lane) rest[lane] = i + lane < n ? x[i + lane] : -__builtin_inff();
    const F e = exp(sub(load(rest), shift));
    store_part(out + i, e, n - i);
    sum = add(sum, e);
  }
  const F total = splat(sum_pairwise(sum));
  for_pairs(out, out, n, out, [&](F e, F) { return div(e, total); });
}
