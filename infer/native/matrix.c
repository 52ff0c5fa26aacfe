// Copyright 2026 the Photon for Deno authors. Apache-2.0 license.
#include "matrix.h"

#include "half.h"
#include "status.h"

int32_t matrix_create(matrix *made, int type, int group_size, int rows, int columns) {
  *made = (matrix){.type = type, .rows = rows, .columns = columns};
  made->panels = (rows + PANEL_ROWS - 1) / PANEL_ROWS;
  switch (type) {
    case INFER_F32:
      made->panel_bytes = (size_t)columns * PANEL_ROWS * sizeof(float);
      break;
    case INFER_BF16:
      made->panel_bytes = (size_t)columns * PANEL_ROWS * sizeof(uint16_t);
      break;
    case INFER_INT8:
      if (group_size != 32 && group_size != 64 && group_size != 128) {
        return fail(INFER_INVALID, "Cannot quantise in groups of %d, not 32, 64, 128", group_size);
      }
      made->group_size = group_size;
      made->groups = (columns + group_size - 1) / group_size;
      made->panel_bytes =
          (size_t)made->groups * (SCALE_BYTES + (size_t)group_size * PANEL_ROWS);
      break;
    default:
      return fail(INFER_UNSUPPORTED, "Cannot store a matrix as type %d", type);
  }
  size_t bytes = (size_t)made->panels * made->panel_bytes;
  made->memory = memory_map(bytes);
  if (!made->memory.data) return fail(INFER_NO_MEMORY, "Cannot map %zu bytes for weights", bytes);
  return INFER_OK;
}

void matrix_free(matrix *matrix) { memory_unmap(&matrix->memory); }

static void read_int8(const matrix *matrix, const unsigned char *panel, int lane, float *into) {
  size_t stride = SCALE_BYTES + (size_t)matrix->group_size * PANEL_ROWS;
  for (int column = 0; column < matrix->columns; column++) {
    int within = column % matrix->group_size;
    const unsigned char *group = panel + (size_t)(column / matrix->group_size) * stride;
    float scale = half_to_float(((const uint16_t *)group)[lane]);
    int at = within / 4 * 4 * PANEL_ROWS + lane * 4 + within % 4;
    into[column] = (float)(group[SCALE_BYTES + at] - LEVEL_OFFSET) * scale;
  }
}

void matrix_read_row(const matrix *matrix, int row, float *into) {
  const unsigned char *panel = matrix_panel(matrix, row / PANEL_ROWS);
  int lane = row % PANEL_ROWS;
  if (matrix->type == INFER_INT8) {
    read_int8(matrix, panel, lane, into);
    return;
  }
  const float *floats = (const float *)panel;
  const uint16_t *halves = (const uint16_t *)panel;
  for (int column = 0; column < matrix->columns; column++) {
    size_t at = (size_t)column * PANEL_ROWS + (size_t)lane;
    into[column] = matrix->type == INFER_F32 ? floats[at] : bfloat_to_float(halves[at]);
  }
}
