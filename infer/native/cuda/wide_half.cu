// Copyright 2026 the Photon for Deno authors. Apache-2.0 license.
// Wide products of BF16 and F16 weights.
#include "wide.cuh"

cudaError_t wide_half_run(const product_args &args, int type, const run_place &place) {
  if (type == INFER_BF16) return launch_fitting<half_product<INFER_BF16>>(args, place);
  return launch_fitting<half_product<INFER_F16>>(args, place);
}
