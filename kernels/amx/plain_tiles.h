// A model of the tile registers in plain C++, for the test of product.h on processors without them. Stops on what the processor
// would refuse: a register used before its configuration or after its release, shapes that do not fit each other.

struct TileShapes {
  uint8_t palette, start_row, reserved[14];
  uint16_t row_bytes[16];
  uint8_t rows[16];
};

struct PlainTiles {
  bool configured;
  TileShapes shapes;
  uint8_t bytes[8][16][64];
};
thread_local PlainTiles plain_tiles = {};

inline void require(bool fact) {
  if (!fact) __builtin_trap();
}

inline void configure_tiles(const TileShapes& shapes) {
  require(!plain_tiles.configured && shapes.palette == 1);
  for (int i = 0; i < 8; ++i)
    require(shapes.rows[i] <= 16 && shapes.row_bytes[i] <= 64 && (shapes.rows[i] == 0) == (shapes.row_bytes[i] == 0));
  plain_tiles = {.configured = true, .shapes = shapes};
}
inline void release_tiles() { plain_tiles = {}; }

template <int kTileNumber>
void zero_tile() {
  require(plain_tiles.configured);
  memset(plain_tiles.bytes[kTileNumber], 0, sizeof plain_tiles.bytes[kTileNumber]);
}
template <int kTileNumber>
void load_tile(const void* p, size_t row_stride) {
  zero_tile<kTileNumber>();
  for (int row = 0; row < plain_tiles.shapes.rows[kTileNumber]; ++row)
    memcpy(plain_tiles.bytes[kTileNumber][row], (const char*)p + (size_t)row * row_stride, plain_tiles.shapes.row_bytes[kTileNumber]);
}
template <int kTileNumber>
void store_tile(void* p, size_t row_stride) {
  require(plain_tiles.configured);
  for (int row = 0; row < plain_tiles.shapes.rows[kTileNumber]; ++row)
    memcpy((char*)p + (size_t)row * row_stride, plain_tiles.bytes[kTileNumber][row], plain_tiles.shapes.row_bytes[kTileNumber]);
}

template <int kSum, int kA, int kB>
void require_fitting_shapes() {
  const TileShapes& shapes = plain_tiles.shapes;
  require(plain_tiles.configured && shapes.rows[kA] == shapes.rows[kSum] && shapes.row_bytes[kB] == shapes.row_bytes[kSum] &&
          shapes.row_bytes[kA] == 4 * shapes.rows[kB]);
}

template <class Weight, int kSum, int kA, int kB>
void dot_plain() {
  const TileShapes& shapes = plain_tiles.shapes;
  require_fitting_shapes<kSum, kA, kB>();
  for (int m = 0; m < shapes.rows[kSum]; ++m)
    for (int n = 0; n < shapes.row_bytes[kSum] / 4; ++n) {
      int32_t sum;
      memcpy(&sum, &plain_tiles.bytes[kSum][m][4 * n], sizeof sum);
      for (int k = 0; k < shapes.row_bytes[kA]; ++k)
        sum += (int8_t)plain_tiles.bytes[kA][m][k] * (Weight)plain_tiles.bytes[kB][k / 4][4 * n + k % 4];
      memcpy(&plain_tiles.bytes[kSum][m][4 * n], &sum, sizeof sum);
    }
}
template <int kSum, int kA, int kB>
void dot_signed() {
  dot_plain<int8_t, kSum, kA, kB>();
}
template <int kSum, int kA, int kB>
void dot_unsigned() {
  dot_plain<uint8_t, kSum, kA, kB>();
}
