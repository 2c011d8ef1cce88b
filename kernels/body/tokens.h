// Splitting the tokens of a matrix product into tiles.

struct TokenTile {
  int first, count;
};
// Tile i of n: tokens shared out evenly, so that no tile is left with a single token.
HALFBYTE_INLINE TokenTile token_tile(int tokens, int tiles, int i) {
  const int first = (int)((int64_t)tokens * i / tiles);
  return {first, (int)((int64_t)tokens * (i + 1) / tiles) - first};
}
