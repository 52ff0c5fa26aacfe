// Copyright 2026 the Photon for Deno authors. Apache-2.0 license.
// Chunks of 64 positions on their way from blocks into shared memory, as halves.
//
//     F16:   stages x | keys [64][HEAD + 8] | values [64][HEAD + 8] |
//     INT8, | keys, values as above | scales of keys [64], of values [64] |
//     FP8:  then stages x | levels of keys [64][HEAD] | of values [64][HEAD] |
#ifndef INFER_CUDA_ATTEND_CHUNK_CUH
#define INFER_CUDA_ATTEND_CHUNK_CUH

#include "attend_tile.cuh"

#define PIECE_BYTES 16

// Sizes of a kind of chunk.
template <int HEAD, int TYPE>
struct chunk_shape {
  static constexpr int number_bytes = kv_has_scales(TYPE) ? 1 : 2;
  // Pieces of a row: a thread copies one at a time.
  static constexpr int pieces = HEAD * number_bytes / PIECE_BYTES;
  static constexpr int row_bytes = kv_has_scales(TYPE) ? HEAD : 2 * ROW_HALVES(HEAD);
  static constexpr int stage_bytes = 2 * CHUNK_POSITIONS * row_bytes;
  // In front of the stages.
  static constexpr int halves_bytes =
      kv_has_scales(TYPE) ? 2 * CHUNK_POSITIONS * (2 * ROW_HALVES(HEAD) + (int)sizeof(float)) : 0;
};

// Which positions a block reads of which head.
struct chunk_source {
  const int32_t *table;
  int layer;
  int kv_head;
  int end; // positions from here on are zeros
};

// Starts to copy a chunk; returns, for INT8 and FP8, the scale that this thread will put into its
// place.
template <int HEAD, int TYPE>
DEVICE_INLINE float begin_chunk(const device_kv &kv, const chunk_source &source, int chunk,
                                unsigned char *stage) {
  typedef chunk_shape<HEAD, TYPE> shape;
  int thread = (int)threadIdx.x, piece = thread % shape::pieces;
#pragma unroll
  for (int i = 0; i < shape::pieces / 2; i++) {
    int row = thread / shape::pieces + i * (ATTEND_THREADS / shape::pieces);
    int position = chunk * CHUNK_POSITIONS + row;
    bool is_there = position < source.end && piece * PIECE_BYTES < kv.row_bytes;
    const unsigned char *from = kv.data;
    if (is_there) {
      int block = source.table[position / kv.block_tokens];
      from = kv_head(kv, source.layer, block, source.kv_head) +
             (size_t)(position % kv.block_tokens) * (size_t)kv.row_bytes + piece * PIECE_BYTES;
    }
    unsigned char *to = stage + row * shape::row_bytes + piece * PIECE_BYTES;
    copy_async_16(to, from, is_there);
    copy_async_16(to + CHUNK_POSITIONS * shape::row_bytes,
                  is_there ? from + kv_values_offset(kv) : from, is_there);
  }
  if (!kv_has_scales(TYPE)) return 0;
  int position = chunk * CHUNK_POSITIONS + thread % CHUNK_POSITIONS;
  if (position >= source.end) return 0;
  unsigned char *data =
      kv_head(kv, source.layer, source.table[position / kv.block_tokens], source.kv_head);
  int first = thread / CHUNK_POSITIONS * kv.block_tokens;
  return kv_scales(kv, data)[first + position % kv.block_tokens];
}

// Four levels as halves, exactly: a byte's offset by 128 behind 0x64 is 1024 + 128 + level.
DEVICE_INLINE uint2 widen_levels(uint32_t levels) {
  uint32_t bytes = levels ^ 0x80808080u, base = 0x64806480u;
  uint32_t low = __byte_perm(bytes, 0x64646464u, 0x4140);
  uint32_t high = __byte_perm(bytes, 0x64646464u, 0x4342);
  __half2 first = __hsub2(*(__half2 *)&low, *(__half2 *)&base);
  __half2 second = __hsub2(*(__half2 *)&high, *(__half2 *)&base);
  return make_uint2(*(uint32_t *)&first, *(uint32_t *)&second);
}

DEVICE_INLINE uint32_t scale_halves(uint32_t pair, float scale) {
  float2 numbers = unpack_halves(pair);
  return pack_halves(numbers.x * scale, numbers.y * scale);
}

// INT8, FP8: widens a chunk that is there. Keys stay levels, for their scores get the scale; values
// are multiplied.
template <int HEAD, int TYPE>
DEVICE_INLINE void widen_chunk(const unsigned char *stage, __half *halves, const float *scales) {
  constexpr int pieces = HEAD / PIECE_BYTES;
#pragma unroll
  for (int i = 0; i < pieces; i++) {
    int at = (int)threadIdx.x + i * ATTEND_THREADS, row = at / pieces, piece = at % pieces;
    bool isValue = row >= CHUNK_POSITIONS;
    uint4 levels = *(const uint4 *)(stage + row * HEAD + piece * PIECE_BYTES);
    const uint32_t words[4] = {levels.x, levels.y, levels.z, levels.w};
    uint32_t wide[8];
#pragma unroll
    for (int j = 0; j < 4; j++) {
      uint2 four = TYPE == INFER_FP8 ? widen_e4m3(words[j]) : widen_levels(words[j]);
      wide[2 * j] = isValue ? scale_halves(four.x, scales[row]) : four.x;
      wide[2 * j + 1] = isValue ? scale_halves(four.y, scales[row]) : four.y;
    }
    uint4 *to = (uint4 *)(halves + row * ROW_HALVES(HEAD) + piece * PIECE_BYTES);
    to[0] = make_uint4(wide[0], wide[1], wide[2], wide[3]);
    to[1] = make_uint4(wide[4], wide[5], wide[6], wide[7]);
  }
}

#endif
