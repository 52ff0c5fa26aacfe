// Copyright 2026 the Photon for Deno authors. Apache-2.0 license.
// The resident kernel for INT8 weights.
#include "resident_block.cuh"

resident_kernel resident_int8(const resident_kind &kind) {
  switch (kind.chunk_groups) {
    case 1:
      return resident_of<int8_dots<1, 1>>(kind);
    case 2:
      return resident_of<int8_dots<1, 2>>(kind);
    default:
      return resident_of<int8_dots<1, 4>>(kind);
  }
}
