// Copyright 2026 the Photon for Deno authors. Apache-2.0 license.
// The resident kernel for weights that are not INT8.
#include "resident_block.cuh"

resident_kernel resident_float(const resident_kind &kind) {
  switch (kind.type) {
    case INFER_F32:
      return resident_of<float_dots<INFER_F32, 1>>(kind);
    case INFER_BF16:
      return resident_of<float_dots<INFER_BF16, 1>>(kind);
    default:
      return resident_of<float_dots<INFER_F16, 1>>(kind);
  }
}
