// Copyright 2026 the Photon for Deno authors. Apache-2.0 license.
#include "embed_token.cuh"

#define EMBED_THREADS 256

__global__ void __launch_bounds__(EMBED_THREADS) embed_kernel(embed_args a) {
  let_next_kernel_begin();
  wait_for_earlier_kernels();
  embed_token(a, (int)blockIdx.x);
}

cudaError_t embed_run(const embed_args &args, const run_place &place) {
  if (args.step.tokens == 0) return cudaSuccess;
  return launch({dim3((unsigned)args.step.tokens), dim3(EMBED_THREADS), 0, place.stream,
                 place.overlaps},
                embed_kernel, args);
}
