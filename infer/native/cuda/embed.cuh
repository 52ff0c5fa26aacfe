// Copyright 2026 the Photon for Deno authors. Apache-2.0 license.
// The beginning of a step: rows of the embedding become states, positions become angles.
#ifndef INFER_CUDA_EMBED_CUH
#define INFER_CUDA_EMBED_CUH

#include "matrix.cuh"
#include "step_view.cuh"

struct embed_args {
  step_view step;
  device_matrix embedding;
  int first_row;            // the embedding's first is this token; those that it has not become 0
  float *states;            // [tokens][columns of the embedding]
  const float *frequencies; // [head_size / 2]
  int head_size;
  float rope_scale;
  float *turns;             // [tokens][head_size]: cosines, then sines
};

cudaError_t embed_run(const embed_args &args, const run_place &place);

#endif
