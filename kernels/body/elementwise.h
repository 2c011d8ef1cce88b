// Norms, sums, activations and rope: each output element depends on its own inputs only (norms: and on sums over the row).

template <class Formula>
HALFBYTE_INLINE void for_pairs(const float* a, const float* b, int n, float* out, Formula formula) {
  int i = 0;
  for (; i + 16 <= n; i += 16) store(out + i, formula(load(a + i), load(b + i)));
  if (i < n) store_part(out + i, formula(load_part(a + i, n - i), load_part(b + i, n - i)), n - i);
}

void rms_norm(const float* x, const float* w, float eps, int n, float* out) {
  F squares = splat(0.0F);
  int i = 0;
  for (; i + 16 <= n; i += 16) squares = fma(load(x + i), load(x + i), squares);
  if (i < n) squares = fma(load_part(x + i, n - i), load_part(x + i, n - i), squares);
  const F factor = splat(1.0F / sqrtf(sum_pairwise(squares) / (float)n + eps));
  for_pairs(x, w, n, out, [&](F a, F b) { return mul(mul(a, factor), b); });
}

void layer_norm(const float* x, const float* w, const float* b, float eps, int n, float* out) {
  F sum = splat(0.0F);
  int i = 0;
  for (; i + 16 <= n; i += 16) sum = add(sum, load(x + i));
  if (i < n) sum = add(sum, load_part(x + i, n - i));
  const F mean = splat(sum_pairwise(sum) / (float)n);
  F squares = splat(0.0F);
  for (i = 0; i + 16 <= n; i += 16) {
    const F d = sub(load(x + i), mean);
    squares = fma(d, d, squares);
  }
  if (i < n) {  // lanes past the end must stay zero, not minus the mean
    float rest[16] = {};
    store_part(rest, sub(load_part(x + i, n - i), mean), n - i);
    squares = fma(load(rest), load(rest), squares);
  }
  const F factor = splat(1.0F / sqrtf(sum_pairwise(squares) / (float)n + eps));
  if (b == nullptr) return for_pairs(x, w, n, out, [&](F a, F weight) { return mul(mul(sub(a, mean), factor), weight); });
  const auto scaled = [&](F a, F weight, F bias) { return fma(mul(sub(a, mean), factor), weight, bias); };
  for (i = 0; i + 16 <= n; i += 16) store(out + i, scaled(load(x + i), load(w + i), load(b + i)));
  if (i < n) store_part(out + i, scaled(load_part(x + i, n - i), load_part(w + i, n - i), load_part(b + i, n - i)), n - i);
}

void add(const float* a, const float* b, int n, float* out) {
  for_pairs(a, b, n, out, [](F x, F y) { return add(x, y); });
}

void scale(const float* x, float s, int n, float* out) {
  const F factor = splat(s);
  for_pairs(x, x, n, out, [&](F a, F) { return mul(a, factor); });
}

// g / (1 + exp(-z)) * u
HALFBYTE_INLINE F gated(F g, F z, F u) { return mul(div(g, add(splat(1.0F), exp(sub(splat(0.0F), z)))), u); }

void swiglu(const float* gate, const float* up, int n, float* out) {
  for_pairs(gate, up, n, out, [](F g, F u) { return gated(g, g, u); });
}

// (1 + tanh(z)) / 2 = 1 / (1 + exp(-2 z)), so these are swiglu with another argument: 2 z = 2 sqrt(2 / pi) (g + 0.044715 g^3).
HALFBYTE_INLINE F gelu_argument(F g) { return mul(fma(mul(mul(g, g), g), splat(0.044715F), g), splat(0x1.988454p0F)); }

void geglu(const float* gate, const float* up, int n, float* out) {
  for_pairs(gate, up, n, out, [](F g, F u) { return gated(g, gelu_argument(g), u); });
}

void gelu(const float* x, int n, float* out) {
  for_pairs(x, x, n, out, [](F g, F) { return gated(g, gelu_argument(g), splat(1.0F)); });
}

HALFBYTE_INLINE F turn_first(F x0, F x1, F c, F s) { return fma(x0, c, sub(splat(0.0F), mul(x1, s))); }
HALFBYTE_INLINE F turn_second(F x0, F x1, F c, F s) { return fma(x0, s, mul(x1, c)); }

void rope_halves(float* x, const float* cos, const float* sin, int n) {
  float* second = x + n / 2;
  int i = 0;
  for (; i + 16 <= n / 2; i += 16) {
    const F x0 = load(x + i), x1 = load(second + i), c = load(cos + i), s = load(sin + i);
    store(x + i, turn_first(x0, x1, c, s));
    store(second + i, turn_second(x0, x1, c, s));
  }
  if (const int rest = n / 2 - i; rest > 0) {
    const F x0 = load_part(x + i, rest), x1 = load_part(second + i, rest);
    const F c = load_part(cos + i, rest), s = load_part(sin + i, rest);
    store_part(x + i, turn_first(x0, x1, c, s), rest);
    store_part(second + i, turn_second(x0, x1, c, s), rest);
  }
}

HALFBYTE_INLINE void turn_pairs(float* x, F c, F s) {  // 16 pairs
  F x0, x1;
  load_pairs(x, x0, x1);
  store_pairs(x, turn_first(x0, x1, c, s), turn_second(x0, x1, c, s));
}

void rope_adjacent(float* x, const float* cos, const float* sin, int n) {
  int i = 0;
  for (; i + 16 <= n / 2; i += 16) turn_pairs(x + 2 * i, load(cos + i), load(sin + i));
  if (const int rest = n / 2 - i; rest > 0) {
    float pairs[32] = {};
    memcpy(pairs, x + 2 * i, (size_t)rest * 2 * sizeof *x);
    turn_pairs(pairs, load_part(cos + i, rest), load_part(sin + i, rest));
    memcpy(x + 2 * i, pairs, (size_t)rest * 2 * sizeof *x);
  }
}
