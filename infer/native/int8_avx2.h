// Copyright 2026 the Photon for Deno authors. Apache-2.0 license.
// Part of kernels_avx2.c: INT8 panels with products of bytes summed in pairs. The pairs would
// saturate with unsigned levels, 255 * 127 * 2, so the sign moves to the input: |w| * sign(w) a.
#include "kernels.h"
#include "vector.h"

// Rows of a register.
#define LANES 8
#define AVX2_TOKENS 4

// Sums of one group: eight rows of the panel, `tokens` tokens.
INLINE void avx2_group(const int tokens, const unsigned char *levels, int group_size,
                       const int8_t *in, size_t in_stride, __m256i *sums) {
  const __m256i offset = _mm256_set1_epi8((char)LEVEL_OFFSET), ones = _mm256_set1_epi16(1);
  for (int t = 0; t < tokens; t++) sums[t] = _mm256_setzero_si256();
  for (int i = 0; i < group_size; i += 4) {
    __m256i w = _mm256_load_si256((const __m256i *)(levels + i * PANEL_ROWS));
    w = _mm256_xor_si256(w, offset);
    __m256i size = _mm256_abs_epi8(w);
    for (int t = 0; t < tokens; t++) {
      int32_t four;
      memcpy(&four, in + (size_t)t * in_stride + i, 4);
      __m256i a = _mm256_sign_epi8(_mm256_set1_epi32(four), w);
      __m256i pairs = _mm256_maddubs_epi16(size, a);
      sums[t] = _mm256_add_epi32(sums[t], _mm256_madd_epi16(pairs, ones));
    }
  }
}

INLINE void avx2_tile(const int tokens, const matrix *matrix, const unsigned char *panel,
                      const input *in, int first, float *tile) {
  int group_size = matrix->group_size;
  size_t stride = SCALE_BYTES + (size_t)group_size * PANEL_ROWS;
  size_t in_stride = (size_t)in->groups * (size_t)group_size;
  memset(tile, 0, (size_t)tokens * PANEL_ROWS * sizeof(float));
  for (int group = 0; group < matrix->groups; group++) {
    const unsigned char *block = panel + (size_t)group * stride;
    size_t at = (size_t)first * (size_t)in->groups + (size_t)group;
    const int8_t *levels = in->levels + at * (size_t)group_size;
    for (int ahead = 0; ahead < (int)stride; ahead += 64) __builtin_prefetch(block + 4096 + ahead);
    for (int lane = 0; lane < PANEL_ROWS; lane += LANES) {
      __m256i sums[AVX2_TOKENS];
      avx2_group(tokens, block + SCALE_BYTES + lane * 4, group_size, levels, in_stride, sums);
      vf scales = v_load_f16((const uint16_t *)block + lane);
      for (int t = 0; t < tokens; t++) {
        float *sum = tile + t * PANEL_ROWS + lane;
        vf scale = v_set(in->scales[at + (size_t)t * (size_t)in->groups]);
        v_store(sum, v_fma(v_float(sums[t]) * scales, scale, v_load(sum)));
      }
    }
  }
}

static void multiply_int8(const matrix *matrix, const unsigned char *panel, const input *in,
                          int first, int tokens, float *tile) {
  int t = 0;
  for (; t + AVX2_TOKENS <= tokens; t += AVX2_TOKENS) {
    avx2_tile(AVX2_TOKENS, matrix, panel, in, first + t, tile + t * PANEL_ROWS);
  }
  float *rest = tile + t * PANEL_ROWS;
  switch (tokens - t) {
    case 3:
      avx2_tile(3, matrix, panel, in, first + t, rest);
      break;
    case 2:
      avx2_tile(2, matrix, panel, in, first + t, rest);
      break;
    case 1:
      avx2_tile(1, matrix, panel, in, first + t, rest);
      break;
  }
}
