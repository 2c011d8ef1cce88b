// Driving the matrix products: which tokens share one read of a panel, and when a panel is unpacked first.
//
// A tile of 1, 2, 4 .. kTile tokens reads a panel directly and unpacks it in registers. With kUnpackFrom tokens or more the
// panels are unpacked to bytes once, and tiles of kWidePanels panels x kWideTile tokens read those: each activation that is
// broadcast meets that many panels. The tokens left over go directly.

// Runs run(Constant<n>, first) over tiles of n = kSize, kSize / 2, .. 1 tokens.
template <int kSize, class Run>
HALFBYTE_INLINE void for_tiles(int first, int last, Run run) {
  for (; last - first >= kSize; first += kSize) run(Constant<kSize>{}, first);
  if constexpr (kSize > 1) for_tiles<kSize / 2>(first, last, run);
}

// Fetches into the second cache what step i + d reads of a stream that takes kBytes a step, d * kBytes being kAhead. Not into the nearest:
// lines on their way to it are few (24 on Zen 4), and as long as memory takes they hold up every other load.
template <int kAhead, int kBytes>
HALFBYTE_INLINE void prefetch_ahead(const std::byte* stream, int i) {
  for (int line = 0; line < (kBytes + 63) / 64; ++line) prefetch(stream + kBytes * i + 64 * line + kAhead);
}
// One token reads as fast as memory gives, in order: the processor is ahead by itself and is told the next lines alone. Several tokens
// compute between lines, and what is told must last until memory answers.
constexpr int kNear = 512, kFar = 8192;
// The compiler moves no read or fetch past this. Left to itself it begins an unrolled group with all of its fetches and reads its lines
// crosswise, which is no stream to follow.
HALFBYTE_INLINE void keep_order() { __asm__ volatile(""); }

constexpr int kPanelsAtOnce = 4;  // panels that share what is gathered for a tile; they stay in L2 while its tokens pass

// The groups at the same place of kPanels panels; [p] is a constant wherever it is used.
template <class Source, int kPanels>
struct Groups {
  Source first;
  Groups<Source, kPanels - 1> others;
  template <class... Shape>
  HALFBYTE_INLINE Groups(const std::byte* group, size_t panel_bytes, Shape... shape)
      : first(group, shape...), others(group + panel_bytes, panel_bytes, shape...) {}
  HALFBYTE_INLINE const Source& operator[](int p) const { return p == 0 ? first : others[p - 1]; }
};
template <class Source>
struct Groups<Source, 1> {
  Source first;
  template <class... Shape>
  HALFBYTE_INLINE Groups(const std::byte* group, size_t, Shape... shape) : first(group, shape...) {}
  HALFBYTE_INLINE const Source& operator[](int) const { return first; }
};

// Product: gather(x, first, tokens, columns, sides), rows<Format, kPanels, kTokens>(panel, panel_bytes, sides, x, first, columns, y,
// y_stride), unpack(panel, columns, out), Direct and Unpacked formats, kUnpackFrom (0: never).
template <class Product>
HALFBYTE_INLINE void multiply(const std::byte* panel, size_t panel_bytes, int panels, const Activations& x, int columns, int tokens,
                              float* y, size_t y_stride, std::byte* scratch) {
  std::byte* sides = scratch;
  for (int begin = 0; begin < panels; begin += kPanelsAtOnce) {
    const int end = panels - begin < kPanelsAtOnce ? panels : begin + kPanelsAtOnce;
    int direct_first = 0;
    if constexpr (Product::kUnpackFrom > 0) {
      if (tokens >= Product::kUnpackFrom) direct_first = tokens / kWideTile * kWideTile;
      std::byte* unpacked = scratch + Product::sides_bytes(columns, kWideTile);
      const size_t unpacked_bytes = Product::unpacked_bytes(columns);
      for (int p = begin; p < end && direct_first > 0; ++p)
        Product::unpack(panel + (size_t)p * panel_bytes, columns, unpacked + (size_t)(p - begin) * unpacked_bytes);
      for (int first = 0; first < direct_first; first += kWideTile) {
        Product::gather(x, first, kWideTile, columns, sides);
        int p = begin;
        for (; p + kWidePanels <= end; p += kWidePanels)
          Product::template rows<typename Product::Unpacked, kWidePanels, kWideTile>(
              unpacked + (size_t)(p - begin) * unpacked_bytes, unpacked_bytes, sides, x, first, columns, y + 16 * p, y_stride);
        for (; p < end; ++p)
          Product::template rows<typename Product::Unpacked, 1, kWideTile>(unpacked + (size_t)(p - begin) * unpacked_bytes, unpacked_bytes,
                                                                           sides, x, first, columns, y + 16 * p, y_stride);
      }
    }
    for_tiles<kTile>(direct_first, tokens, [&](auto count, int first) {
      constexpr int kTokens = decltype(count)::value;
      Product::gather(x, first, kTokens, columns, sides);
      for (int p = begin; p < end; ++p)
        Product::template rows<typename Product::Direct, 1, kTokens>(panel + (size_t)p * panel_bytes, panel_bytes, sides, x, first, columns,
                                                                     y + 16 * p, y_stride);
    });
  }
}

#define HALFBYTE_PANEL_KERNEL(name, Product)                                                                                 \
  void name(const std::byte* panel, size_t panel_bytes, int panels, const Activations& x, int columns, int tokens, float* y, \
            size_t y_stride, std::byte* scratch) {                                                                           \
    multiply<Product>(panel, panel_bytes, panels, x, columns, tokens, y, y_stride, scratch);                                 \
  }
