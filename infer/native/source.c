// Copyright 2026 the Photon for Deno authors. Apache-2.0 license.
#include "source.h"

#include "status.h"

size_t source_bytes(int source_type) {
  switch (source_type) {
    case INFER_F32:
      return 4;
    case INFER_F16:
    case INFER_BF16:
      return 2;
    case INFER_INT8:
    case INFER_FP8:
      return 1;
    default:
      return 0;
  }
}

int32_t source_check(const matrix *matrix, int32_t source_type, int is_file) {
  int is_groups = source_type == INFER_INT8 || source_type == INFER_Q8_0;
  int is_known = source_type == INFER_F32 || source_type == INFER_F16 ||
                 source_type == INFER_BF16 || source_type == (is_file ? INFER_Q8_0 : INFER_INT8);
  if (!is_known) return fail(INFER_UNSUPPORTED, "Cannot read numbers of type %d", source_type);
  if (is_groups && matrix->type != INFER_INT8) {
    return fail(INFER_UNSUPPORTED, "Cannot store INT8 levels as type %d", matrix->type);
  }
  if (source_type != INFER_Q8_0) return INFER_OK;
  if (matrix->group_size == Q8_GROUP && matrix->columns % Q8_GROUP == 0) return INFER_OK;
  return fail(INFER_UNSUPPORTED, "Q8_0 has groups of %d in whole rows", Q8_GROUP);
}
