// Copyright 2026 the Photon for Deno authors. Apache-2.0 license.
// Operators that steps have only as parts of larger kernels, alone.
#ifndef INFER_CUDA_ELEMENTWISE_CUH
#define INFER_CUDA_ELEMENTWISE_CUH

#include "step_view.cuh"

struct swiglu_args {
  const float *gate;
  const float *up;
  size_t count;
  float *output;
};

cudaError_t swiglu_run(const swiglu_args &args, const run_place &place);

struct rope_args {
  float *heads; // [rows][heads_per_row][head_size], turned in place
  const int32_t *positions;
  int rows;
  int heads_per_row;
  int head_size;
  const float *frequencies;
  float scale;
};

cudaError_t rope_run(const rope_args &args, const run_place &place);

#endif
