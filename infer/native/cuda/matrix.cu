// Copyright 2026 the Photon for Deno authors. Apache-2.0 license.
// What model.c asks of a matrix, in device memory.
#include "matrix.cuh"

#include "device.cuh"
#include "pack.cuh"

int32_t matrix_create(matrix *made, int type, int group_size, int rows, int columns) {
  *made = matrix{};
  made->type = type;
  made->rows = rows;
  made->columns = columns;
  made->panels = (rows + PANEL_ROWS - 1) / PANEL_ROWS;
  if (type != INFER_F32 && type != INFER_F16 && type != INFER_BF16 && type != INFER_INT8) {
    return fail(INFER_UNSUPPORTED, "Cannot store a matrix as type %d", type);
  }
  size_t chunks = (size_t)row_chunks(type, columns), scale_bytes = 0;
  if (type == INFER_INT8) {
    if (group_size != 32 && group_size != 64 && group_size != 128) {
      return fail(INFER_INVALID, "Cannot quantise in groups of %d, not 32, 64, 128", group_size);
    }
    made->group_size = group_size;
    made->groups = (columns + group_size - 1) / group_size;
    scale_bytes = chunks * (size_t)(CHUNK_BYTES / group_size) * PANEL_ROWS * sizeof(uint16_t);
  }
  made->panel_bytes = chunks * TILES_PER_PANEL * CHUNK_TILES * TILE_BYTES;
  made->memory.bytes = (size_t)made->panels * (made->panel_bytes + scale_bytes);
  int32_t status = device_allocate((void **)&made->memory.data, made->memory.bytes, "weights");
  if (status) made->memory.bytes = 0;
  return status;
}

void matrix_free(matrix *matrix) {
  if (matrix->memory.data) cudaFree(matrix->memory.data);
  matrix->memory.data = NULL;
  matrix->memory.bytes = 0;
}

void matrix_read_row(const matrix *matrix, int row, float *into) {
  cudaError_t error = unpack_row(view_matrix(*matrix), row, into);
  if (error != cudaSuccess) cuda_status(error, "read a row");
}
