// Of every x86 set: include at the end of its lanes.h.

// While it lives subnormal numbers are 0, as arguments and as results.
class FlushToZero {
 public:
  FlushToZero() { _mm_setcsr(before_ | 0x8040); }
  ~FlushToZero() { _mm_setcsr(before_); }
  FlushToZero(const FlushToZero&) = delete;
  FlushToZero& operator=(const FlushToZero&) = delete;

 private:
  const unsigned before_ = _mm_getcsr();
};
HALFBYTE_INLINE F fma_flushed(F x, F y, F z) { return fma(x, y, z); }
