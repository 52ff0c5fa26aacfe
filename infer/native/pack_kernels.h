// Copyright 2026 the Photon for Deno authors. Apache-2.0 license.
// Part of each kernels_*.c: rows as they come from a file into the panels of matrix.h.
#include "kernels.h"
#include "vector.h"

#define GROUP_SIZE_MAX 128

// Numbers of a source as F32, padded with zeros to `padded`.
INLINE void load_numbers(const void *values, size_t first, int source_type, int count, int padded,
                         float *into) {
  const float *floats = (const float *)values + first;
  const uint16_t *halves = (const uint16_t *)values + first;
  int i = 0;
  for (; i + WIDTH <= count; i += WIDTH) {
    v_store(into + i, source_type == INFER_F32    ? v_load(floats + i)
                      : source_type == INFER_BF16 ? v_load_bf16(halves + i)
                                                  : v_load_f16(halves + i));
  }
  for (; i < count; i++) {
    into[i] = source_type == INFER_F32    ? floats[i]
              : source_type == INFER_BF16 ? bfloat_to_float(halves[i])
                                          : half_to_float(halves[i]);
  }
  for (; i < padded; i++) into[i] = 0;
}

// Rounds a group as group_quantize.ts does, bit by bit: the scale is a float16, and the levels are
// those of the scale as it is stored. False when a number is not finite or too large.
INLINE int quantize_weights(const float *in, int group_size, int8_t *levels, uint16_t *scale) {
  vf most = v_zero(), strange = v_zero();
  for (int i = 0; i < group_size; i += WIDTH) {
    vf x = v_load(in + i);
    most = v_max(most, v_absolute(x));
    // Infinity less itself, and any sum with a NaN, is a NaN, which a maximum may lose.
    strange += x - x;
  }
  *scale = float_to_half(v_largest(most) / LEVEL_MAX);
  float stored = half_to_float(*scale);
  if (!(v_sum(strange) == 0) || !(stored <= 65504.0f)) return 0;
  if (stored == 0) {
    memset(levels, 0, (size_t)group_size);
    return 1;
  }
  vf divisor = v_set(stored), limit = v_set(LEVEL_MAX), low = v_set(-LEVEL_MAX);
  for (int i = 0; i < group_size; i += WIDTH) {
    vf level = v_max(v_min(v_load(in + i) / divisor, limit), low);
    v_store_i8(levels + i, v_round(level));
  }
  return 1;
}

// Levels of one row and group into their places.
INLINE void scatter_levels(unsigned char *group, int lane, int group_size, const int8_t *levels) {
  unsigned char *into = group + SCALE_BYTES + lane * 4;
  for (int i = 0; i < group_size; i += 4) {
    uint32_t four;
    memcpy(&four, levels + i, 4);
    // The sign bit turned is 128 more.
    four ^= 0x80808080u;
    memcpy(into + i * PANEL_ROWS, &four, 4);
  }
}

INLINE int64_t pack_int8(const matrix *matrix, unsigned char *panel, int rows, int source_type,
                         const void *values, const float *scales) {
  int group_size = matrix->group_size, columns = matrix->columns;
  size_t stride = SCALE_BYTES + (size_t)group_size * PANEL_ROWS;
  for (int lane = 0; lane < PANEL_ROWS; lane++) {
    for (int group = 0; group < matrix->groups; group++) {
      float numbers[GROUP_SIZE_MAX];
      int8_t levels[GROUP_SIZE_MAX] = {0};
      uint16_t scale = 0;
      int begin = group * group_size;
      int count = columns - begin < group_size ? columns - begin : group_size;
      size_t first = (size_t)lane * (size_t)columns + (size_t)begin;
      if (lane < rows && source_type == INFER_INT8) {
        memcpy(levels, (const int8_t *)values + first, (size_t)count);
        scale = float_to_half(scales[lane * matrix->groups + group]);
      } else if (lane < rows) {
        load_numbers(values, first, source_type, count, group_size, numbers);
        if (!quantize_weights(numbers, group_size, levels, &scale)) return (int64_t)first + 1;
      }
      unsigned char *into = panel + (size_t)group * stride;
      ((uint16_t *)into)[lane] = scale;
      scatter_levels(into, lane, group_size, levels);
    }
  }
  return 0;
}

INLINE void pack_floats(const matrix *matrix, unsigned char *panel, int rows, int source_type,
                        const void *values) {
  float numbers[GROUP_SIZE_MAX];
  for (int lane = 0; lane < rows; lane++) {
    for (int begin = 0; begin < matrix->columns; begin += GROUP_SIZE_MAX) {
      int rest = matrix->columns - begin;
      int count = rest < GROUP_SIZE_MAX ? rest : GROUP_SIZE_MAX;
      size_t first = (size_t)lane * (size_t)matrix->columns + (size_t)begin;
      load_numbers(values, first, source_type, count, count, numbers);
      for (int i = 0; i < count; i++) {
        size_t at = (size_t)(begin + i) * PANEL_ROWS + (size_t)lane;
        if (matrix->type == INFER_F32) {
          ((float *)panel)[at] = numbers[i];
        } else {
          ((uint16_t *)panel)[at] = float_to_bfloat(numbers[i]);
        }
      }
    }
  }
}

static int64_t pack(const matrix *matrix, int64_t panel, int rows, int source_type,
                    const void *values, const float *scales) {
  unsigned char *into = matrix_panel(matrix, panel);
  if (matrix->type != INFER_INT8) {
    pack_floats(matrix, into, rows, source_type, values);
    return 0;
  }
  switch (source_type) {
    case INFER_BF16:
      return pack_int8(matrix, into, rows, INFER_BF16, values, NULL);
    case INFER_F16:
      return pack_int8(matrix, into, rows, INFER_F16, values, NULL);
    case INFER_F32:
      return pack_int8(matrix, into, rows, INFER_F32, values, NULL);
    default:
      return pack_int8(matrix, into, rows, INFER_INT8, values, scales);
  }
}
