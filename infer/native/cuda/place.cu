// Copyright 2026 the Photon for Deno authors. Apache-2.0 license.
#include "place.cuh"

#include "place_head.cuh"

#define PLACE_WARPS 4

// A warp does one head of one token: a query, a key or a value.
__global__ void __launch_bounds__(PLACE_WARPS *WARP_LANES) place_heads(place_args args) {
  let_next_kernel_begin();
  wait_for_earlier_kernels();
  const step_view &step = args.step;
  int lane = (int)threadIdx.x % WARP_LANES;
  int slots = args.heads + 2 * args.kv_heads;
  int64_t item = (int64_t)blockIdx.x * PLACE_WARPS + (int)threadIdx.x / WARP_LANES;
  int token = (int)(item / slots), slot = (int)(item % slots);
  if (token >= step.tokens || step.positions[token] < 0) return;
  int size = args.head_size;
  float *x = args.rows + ((size_t)token * (size_t)slots + (size_t)slot) * (size_t)size;
  place_head(args, args.at, token, slot, x, lane);
}

cudaError_t place_run(const place_args &args, const run_place &place) {
  int64_t items = (int64_t)args.step.tokens * (args.heads + 2 * args.kv_heads);
  if (items == 0) return cudaSuccess;
  unsigned blocks = (unsigned)((items + PLACE_WARPS - 1) / PLACE_WARPS);
  launch_shape shape = {dim3(blocks), dim3(PLACE_WARPS * WARP_LANES), 0, place.stream,
                        place.overlaps};
  return launch(shape, place_heads, args);
}
