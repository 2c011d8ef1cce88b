// Over a block of logits: the next that is worth a look, and the sum of their exponentials.

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
