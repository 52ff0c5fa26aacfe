// Copyright 2026 the Photon for Deno authors. Apache-2.0 license.
// A matrix of weights as the kernels read it: in panels of 32 rows (outputs), each one stream.
//
//     INT8 panel:  for each group of columns:   | 32 x f16 scale | (level + 128) bytes |
//                  the bytes by four columns:   | row 0: 4 | row 1: 4 | ... | row 31: 4 |
//     F32 panel:   for each column:             | row 0 | row 1 | ... | row 31 |
//     BF16 panel:  the same in halves
//
// A scale block is one cache line and so every load is aligned. Rows and columns that a panel has
// too many are zero. Levels are stored unsigned because the dot product of bytes takes one operand
// so; the input's sum times 128 takes the offset back, once a group and token.
#ifndef INFER_MATRIX_H
#define INFER_MATRIX_H

#include "memory.h"
#include "infer.h"

#define PANEL_ROWS 32
#define SCALE_BYTES (PANEL_ROWS * 2)
#define LEVEL_OFFSET 128
#define LEVEL_MAX 127

typedef struct {
  int type; // INFER_F32, INFER_BF16, INFER_INT8
  int rows;
  int columns;
  int group_size; // 0 unless INT8
  int groups;     // 0 unless INT8
  int panels;
  size_t panel_bytes;
  memory_region memory;
} matrix;

// The input of a multiplication: rows of F32, and the same rounded to INT8 for INT8 matrices.
typedef struct {
  const float *rows;
  int columns;
  int groups;
  int group_size;
  int8_t *levels;       // [tokens][groups * group_size]
  float *scales;        // [tokens][groups]
  int32_t *corrections; // [tokens][groups]: -128 times the sum of the levels
} input;

// Makes room; all values are 0 then.
int32_t matrix_create(matrix *made, int type, int group_size, int rows, int columns);

void matrix_free(matrix *matrix);

static inline unsigned char *matrix_panel(const matrix *matrix, int64_t panel) {
  return matrix->memory.data + (size_t)panel * matrix->panel_bytes;
}

// One row as F32.
void matrix_read_row(const matrix *matrix, int row, float *into);

#endif
