// Copyright 2026 the Photon for Deno authors. Apache-2.0 license.
// The resident kernel for weights that are halves.
#include "resident_block.cuh"

resident_kernel resident_half(const resident_kind &kind) {
  return kind.type == INFER_BF16 ? resident_of<float_dots<INFER_BF16, 1>>(kind)
                                 : resident_of<float_dots<INFER_F16, 1>>(kind);
}
