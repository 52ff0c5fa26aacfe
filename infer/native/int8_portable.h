// Copyright 2026 the Photon for Deno authors. Apache-2.0 license.
// Part of kernels_portable.c: INT8 panels in plain C.
#include "kernels.h"
#include "vector.h"

static void multiply_int8(const matrix *matrix, const unsigned char *panel, const input *in,
                          int first, int tokens, float *tile) {
  int group_size = matrix->group_size;
  size_t stride = SCALE_BYTES + (size_t)group_size * PANEL_ROWS;
  memset(tile, 0, (size_t)tokens * PANEL_ROWS * sizeof(float));
  for (int group = 0; group < matrix->groups; group++) {
    const unsigned char *block = panel + (size_t)group * stride;
    float scales[PANEL_ROWS];
    for (int r = 0; r < PANEL_ROWS; r++) scales[r] = half_to_float(((const uint16_t *)block)[r]);
    for (int t = 0; t < tokens; t++) {
      size_t at = (size_t)(first + t) * (size_t)in->groups + (size_t)group;
      const int8_t *levels = in->levels + at * (size_t)group_size;
      int32_t sums[PANEL_ROWS];
      for (int r = 0; r < PANEL_ROWS; r++) sums[r] = in->corrections[at];
      for (int i = 0; i < group_size; i += 4) {
        const unsigned char *four = block + SCALE_BYTES + i * PANEL_ROWS;
        for (int r = 0; r < PANEL_ROWS; r++) {
          sums[r] += four[4 * r] * levels[i] + four[4 * r + 1] * levels[i + 1] +
                     four[4 * r + 2] * levels[i + 2] + four[4 * r + 3] * levels[i + 3];
        }
      }
      float *sum = tile + t * PANEL_ROWS;
      for (int r = 0; r < PANEL_ROWS; r++) {
        sum[r] += (float)sums[r] * scales[r] * in->scales[at];
      }
    }
  }
}
