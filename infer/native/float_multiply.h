// Copyright 2026 the Photon for Deno authors. Apache-2.0 license.
// Part of each kernels_*.c: panels of F32 and BF16. A vector holds neighbouring rows of the panel,
// so each token's number is multiplied with all of them and nothing is summed across.
#include "kernels.h"
#include "vector.h"

#define PANEL_VECTORS (PANEL_ROWS / WIDTH)
// Tokens of a tile: what the registers hold.
#define FLOAT_TOKENS (WIDTH == 16 ? 6 : WIDTH == 8 ? 2 : 1)

INLINE void float_tile(const int tokens, const int is_bfloat, const unsigned char *panel,
                       const float *rows, int columns, float *tile) {
  vf sums[FLOAT_TOKENS][PANEL_VECTORS];
  for (int t = 0; t < tokens; t++) {
    for (int v = 0; v < PANEL_VECTORS; v++) sums[t][v] = v_zero();
  }
  for (int column = 0; column < columns; column++) {
    vf weights[PANEL_VECTORS];
    size_t at = (size_t)column * PANEL_ROWS;
    for (int v = 0; v < PANEL_VECTORS; v++) {
      weights[v] = is_bfloat ? v_load_bf16((const uint16_t *)panel + at + v * WIDTH)
                             : v_load((const float *)panel + at + v * WIDTH);
    }
    for (int t = 0; t < tokens; t++) {
      vf x = v_set(rows[(size_t)t * (size_t)columns + (size_t)column]);
      for (int v = 0; v < PANEL_VECTORS; v++) sums[t][v] = v_fma(weights[v], x, sums[t][v]);
    }
  }
  for (int t = 0; t < tokens; t++) {
    for (int v = 0; v < PANEL_VECTORS; v++) v_store(tile + t * PANEL_ROWS + v * WIDTH, sums[t][v]);
  }
}

INLINE void multiply_floats(const int is_bfloat, const unsigned char *panel, const input *in,
                            int first, int tokens, float *tile) {
  const float *rows = in->rows + (size_t)first * (size_t)in->columns;
  int t = 0;
  for (; t + FLOAT_TOKENS <= tokens; t += FLOAT_TOKENS) {
    const float *row = rows + (size_t)t * (size_t)in->columns;
    float_tile(FLOAT_TOKENS, is_bfloat, panel, row, in->columns, tile + t * PANEL_ROWS);
  }
  for (; t < tokens; t++) {
    const float *row = rows + (size_t)t * (size_t)in->columns;
    float_tile(1, is_bfloat, panel, row, in->columns, tile + t * PANEL_ROWS);
  }
}

static void multiply(const matrix *matrix, int64_t panel, const input *in, int first, int tokens,
                     float *tile) {
  const unsigned char *data = matrix_panel(matrix, panel);
  switch (matrix->type) {
    case INFER_F32:
      multiply_floats(0, data, in, first, tokens, tile);
      break;
    case INFER_BF16:
      multiply_floats(1, data, in, first, tokens, tile);
      break;
    default:
      multiply_int8(matrix, data, in, first, tokens, tile);
  }
}
