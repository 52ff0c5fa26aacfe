// Copyright 2026 the Photon for Deno authors. Apache-2.0 license.
// Narrow products of INT8 weights.
#include "narrow.cuh"

template <int GROUPS>
static cudaError_t run_groups(const product_args &args, const run_place &place) {
  if (args.tokens == 1) return launch_narrow<int8_dots<1, GROUPS>>(args, place);
  if (args.tokens == 2) return launch_narrow<int8_dots<2, GROUPS>>(args, place);
  if (args.tokens <= 8) return launch_narrow<int8_tensor<1, GROUPS>>(args, place);
  return launch_narrow<int8_tensor<2, GROUPS>>(args, place);
}

cudaError_t narrow_int8_run(const product_args &args, const run_place &place) {
  switch (args.chunk_groups) {
    case 1:
      return run_groups<1>(args, place);
    case 2:
      return run_groups<2>(args, place);
    default:
      return run_groups<4>(args, place);
  }
}
