// Copyright 2026 the Photon for Deno authors. Apache-2.0 license.
// Narrow products of weights that are not INT8; any number of tokens, so many at a time.
#include "narrow.cuh"

// Gate and up together need twice the registers: fewer tokens at once.
template <int TYPE>
static cudaError_t run_gated(const product_args &args, int tokens, const run_place &place) {
  if (tokens >= 2) return launch_tiles<float_dots<TYPE, 2>, 2>(args, place);
  return launch_tiles<float_dots<TYPE, 1>, 2>(args, place);
}

template <int TYPE>
static cudaError_t run_type(const product_args &args, int tokens_max, const run_place &place) {
  int tokens = args.tokens < tokens_max ? args.tokens : tokens_max;
  if (args.kind == LINEAR_GATED) return run_gated<TYPE>(args, tokens, place);
  if (tokens >= 8) return launch_tiles<float_dots<TYPE, 8>, 1>(args, place);
  if (tokens >= 4) return launch_tiles<float_dots<TYPE, 4>, 1>(args, place);
  if (tokens >= 2) return launch_tiles<float_dots<TYPE, 2>, 1>(args, place);
  return launch_tiles<float_dots<TYPE, 1>, 1>(args, place);
}

cudaError_t narrow_float_run(const product_args &args, int type, int tokens_max,
                             const run_place &place) {
  switch (type) {
    case INFER_F32:
      return run_type<INFER_F32>(args, tokens_max, place);
    case INFER_BF16:
      return run_type<INFER_BF16>(args, tokens_max, place);
    default:
      return run_type<INFER_F16>(args, tokens_max, place);
  }
}
