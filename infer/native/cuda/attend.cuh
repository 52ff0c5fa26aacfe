// Copyright 2026 the Photon for Deno authors. Apache-2.0 license.
// Attention of a step's queries over the keys and values of their sequences.
#ifndef INFER_CUDA_ATTEND_CUH
#define INFER_CUDA_ATTEND_CUH

#include "kv.cuh"

struct attend_args {
  step_view step;
  device_kv kv;
  int layer;
  int heads;
  int kv_heads;
  int head_size;
  const float *queries; // [tokens][query_stride], turned
  int query_stride;
  float *output; // [tokens][output_stride]
  int output_stride;
  void *workspace; // attend_workspace_bytes, zeroed once; steps leave it fit for the next
};

// Bytes of workspace that every step of such a context can do with.
size_t attend_workspace_bytes(int head_size);

// Attends: tokens of position -1 get any output. Deterministic: a token's numbers do not depend on
// what else is in the step, nor on how its sequence came in parts.
cudaError_t attend_run(const attend_args &args, const run_place &place);

#endif
