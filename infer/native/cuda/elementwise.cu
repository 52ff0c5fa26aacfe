// Copyright 2026 the Photon for Deno authors. Apache-2.0 license.
#include "elementwise.cuh"

#include "linear.cuh"

#define ELEMENT_THREADS 256
#define ELEMENT_BLOCKS_MAX 4096

__global__ void __launch_bounds__(ELEMENT_THREADS) swiglu_kernel(swiglu_args a) {
  let_next_kernel_begin();
  wait_for_earlier_kernels();
  size_t step = (size_t)gridDim.x * ELEMENT_THREADS;
  for (size_t i = (size_t)blockIdx.x * ELEMENT_THREADS + threadIdx.x; i < a.count; i += step) {
    a.output[i] = silu(a.gate[i]) * a.up[i];
  }
}

cudaError_t swiglu_run(const swiglu_args &args, const run_place &place) {
  if (args.count == 0) return cudaSuccess;
  size_t blocks = (args.count + ELEMENT_THREADS - 1) / ELEMENT_THREADS;
  if (blocks > ELEMENT_BLOCKS_MAX) blocks = ELEMENT_BLOCKS_MAX;
  return launch({dim3((unsigned)blocks), dim3(ELEMENT_THREADS), 0, place.stream, place.overlaps},
                swiglu_kernel, args);
}

// One block a row.
__global__ void __launch_bounds__(ELEMENT_THREADS) rope_kernel(rope_args a) {
  let_next_kernel_begin();
  wait_for_earlier_kernels();
  int row = (int)blockIdx.x, half = a.head_size / 2;
  for (int i = (int)threadIdx.x; i < a.heads_per_row * half; i += ELEMENT_THREADS) {
    int head = i / half, pair = i % half;
    float *x = a.heads + ((size_t)row * (size_t)a.heads_per_row + (size_t)head) *
                             (size_t)a.head_size;
    float2 turn = turn_of((float)a.positions[row] * a.frequencies[pair], a.scale);
    float low = x[pair], high = x[half + pair];
    x[pair] = low * turn.x - high * turn.y;
    x[half + pair] = high * turn.x + low * turn.y;
  }
}

cudaError_t rope_run(const rope_args &args, const run_place &place) {
  if (args.rows == 0) return cudaSuccess;
  return launch({dim3((unsigned)args.rows), dim3(ELEMENT_THREADS), 0, place.stream, place.overlaps},
                rope_kernel, args);
}
