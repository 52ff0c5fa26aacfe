// Copyright 2026 the Photon for Deno authors. Apache-2.0 license.
// Narrow products of weights that are not INT8; any number of tokens, so many at a time.
#include "narrow.cuh"

template <int TYPE>
static cudaError_t run_type(const product_args &args, int tokens_max, const run_place &place) {
  // More of gate and up at once would not fit the registers.
  int gated_max = TYPE == INFER_F32 ? 4 : 2;
  if (args.kind == LINEAR_GATED && tokens_max > gated_max) tokens_max = gated_max;
  int tokens = args.tokens < tokens_max ? args.tokens : tokens_max;
  if (tokens >= 8) return launch_narrow<float_dots<TYPE, 8>>(args, place);
  if (tokens >= 4) return launch_narrow<float_dots<TYPE, 4>>(args, place);
  if (tokens >= 2) return launch_narrow<float_dots<TYPE, 2>>(args, place);
  return launch_narrow<float_dots<TYPE, 1>>(args, place);
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
