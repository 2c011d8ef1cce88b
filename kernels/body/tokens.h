// Splitting the tokens of a matrix product into tiles, and fetching the weights of the steps to come.

struct TokenTile {
  int first, count;
};
// Tile i of n: tokens shared out evenly, so that no tile is left with a single token.
HALFBYTE_INLINE TokenTile token_tile(int tokens, int tiles, int i) {
  const int first = (int)((int64_t)tokens * i / tiles);
  return {first, (int)((int64_t)tokens * (i + 1) / tiles) - first};
}

// Fetches what step i + d will read of a stream that takes kBytes a step, d * kBytes being about kPrefetchBytes.
template <int kBytes>
HALFBYTE_INLINE void prefetch_ahead(const std::byte* stream, int i) {
  for (int line = 0; line < (kBytes + 63) / 64; ++line) prefetch(stream + kBytes * i + 64 * line + kPrefetchBytes);
}
