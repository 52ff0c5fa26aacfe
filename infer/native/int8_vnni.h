// Copyright 2026 the Photon for Deno authors. Apache-2.0 license.
// Part of kernels_vnni.c: INT8 panels with the dot product of four bytes, 16 rows an instruction.
//
// A tile is 32 rows by up to six tokens: 12 whole sums, 12 sums in F32, 2 of weights, 1 of input
// fill the 32 registers. Columns are taken in blocks that stay in the first cache, so that each
// weight comes from memory once for all tokens.
#include "kernels.h"
#include "vector.h"

#define VNNI_TOKENS 6
// Columns of a block: 17 KiB of weights at groups of 32.
#define COLUMN_BLOCK 512
// How far ahead of the dot products weights are asked for.
#define AHEAD_BYTES 4096

typedef struct {
  const unsigned char *weights;
  const int8_t *levels;
  const float *scales;
  const int32_t *corrections;
  size_t levels_stride;  // from a token to the next
  size_t groups_stride;
  int groups;            // of this block of columns
  int group_size;
  const unsigned char *ahead; // what is to be fetched meanwhile
  size_t ahead_step;          // bytes of it a group
} vnni_block;

INLINE void vnni_tile(const int tokens, const vnni_block *block, int isFirst, float *tile) {
  __m512 low[VNNI_TOKENS], high[VNNI_TOKENS];
  for (int t = 0; t < tokens; t++) {
    low[t] = isFirst ? v_zero() : v_load(tile + t * PANEL_ROWS);
    high[t] = isFirst ? v_zero() : v_load(tile + t * PANEL_ROWS + WIDTH);
  }
  const unsigned char *weights = block->weights, *ahead = block->ahead;
  const int8_t *levels = block->levels;
  const size_t levels_stride = block->levels_stride, groups_stride = block->groups_stride;
  const int steps = block->group_size / 4;
  for (int group = 0; group < block->groups; group++) {
    for (size_t i = 0; i < block->ahead_step; i += 64) __builtin_prefetch(ahead + i);
    ahead += block->ahead_step;
    __m512i sum[VNNI_TOKENS], sum_high[VNNI_TOKENS];
    for (int t = 0; t < tokens; t++) {
      sum[t] = _mm512_set1_epi32(block->corrections[(size_t)t * groups_stride + (size_t)group]);
      sum_high[t] = sum[t];
    }
    const unsigned char *four = weights + SCALE_BYTES;
#pragma GCC unroll 4
    for (int step = 0; step < steps; step++) {
      __m512i w = _mm512_load_si512(four), w_high = _mm512_load_si512(four + 64);
      for (int t = 0; t < tokens; t++) {
        int32_t bytes;
        memcpy(&bytes, levels + (size_t)t * levels_stride, 4);
        __m512i a = _mm512_set1_epi32(bytes);
        sum[t] = _mm512_dpbusd_epi32(sum[t], w, a);
        sum_high[t] = _mm512_dpbusd_epi32(sum_high[t], w_high, a);
      }
      four += 128;
      levels += 4;
    }
    vf scale_low = v_load_f16((const uint16_t *)weights);
    vf scale_high = v_load_f16((const uint16_t *)weights + WIDTH);
    for (int t = 0; t < tokens; t++) {
      vf scale = v_set(block->scales[(size_t)t * groups_stride + (size_t)group]);
      low[t] = v_fma(v_float(sum[t]) * scale_low, scale, low[t]);
      high[t] = v_fma(v_float(sum_high[t]) * scale_high, scale, high[t]);
    }
    weights = four;
  }
  for (int t = 0; t < tokens; t++) {
    v_store(tile + t * PANEL_ROWS, low[t]);
    v_store(tile + t * PANEL_ROWS + WIDTH, high[t]);
  }
}

static void vnni_tokens(int tokens, const vnni_block *block, int isFirst, float *tile) {
  switch (tokens) {
    case 1:
      vnni_tile(1, block, isFirst, tile);
      break;
    case 2:
      vnni_tile(2, block, isFirst, tile);
      break;
    case 3:
      vnni_tile(3, block, isFirst, tile);
      break;
    case 4:
      vnni_tile(4, block, isFirst, tile);
      break;
    case 5:
      vnni_tile(5, block, isFirst, tile);
      break;
    default:
      vnni_tile(6, block, isFirst, tile);
  }
}

static void multiply_int8(const matrix *matrix, const unsigned char *panel, const input *in,
                          int first, int tokens, float *tile) {
  int group_size = matrix->group_size, groups = matrix->groups;
  size_t stride = SCALE_BYTES + (size_t)group_size * PANEL_ROWS;
  int tiles = (tokens + VNNI_TOKENS - 1) / VNNI_TOKENS;
  // One tile reads each weight once, so there is nothing to keep.
  int step = tiles == 1 ? groups : COLUMN_BLOCK / group_size;
  for (int group = 0; group < groups; group += step) {
    int count = groups - group < step ? groups - group : step;
    size_t lines = (stride + 63) / 64;
    size_t share = (lines + (size_t)tiles - 1) / (size_t)tiles * 64;
    const unsigned char *weights = panel + (size_t)group * stride;
    const unsigned char *ahead = weights + (tiles == 1 ? AHEAD_BYTES : (size_t)count * stride);
    for (int i = 0; i < tiles; i++) {
      // Tiles of sizes as equal as can be: six, five and five are quicker than six, six and four.
      int begin = i * tokens / tiles, end = (i + 1) * tokens / tiles;
      size_t at = (size_t)(first + begin) * (size_t)groups + (size_t)group;
      vnni_block block = {
          .weights = weights,
          .levels = in->levels + at * (size_t)group_size,
          .scales = in->scales + at,
          .corrections = in->corrections + at,
          .levels_stride = (size_t)groups * (size_t)group_size,
          .groups_stride = (size_t)groups,
          .groups = count,
          .group_size = group_size,
          .ahead = ahead + (size_t)i * (size_t)count * share,
          .ahead_step = share,
      };
      vnni_tokens(end - begin, &block, group == 0, tile + begin * PANEL_ROWS);
    }
  }
}
