// Copyright 2026 the Photon for Deno authors. Apache-2.0 license.
// Wide products of INT8 weights.
#include "wide.cuh"

cudaError_t wide_int8_run(const product_args &args, const run_place &place) {
  switch (args.chunk_groups) {
    case 1:
      return launch_fitting<int8_product<1>>(args, place);
    case 2:
      return launch_fitting<int8_product<2>>(args, place);
    default:
      return launch_fitting<int8_product<4>>(args, place);
  }
}
