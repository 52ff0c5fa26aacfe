// Copyright 2026 the Photon for Deno authors. Apache-2.0 license.
// Norms and turns queries and keys, and puts keys and values into their blocks.
#ifndef INFER_CUDA_PLACE_CUH
#define INFER_CUDA_PLACE_CUH

#include "kv.cuh"

// What differs from layer to layer.
struct place_layer {
  int layer;
  const float *query_norm; // [head_size] or NULL
  const float *key_norm;   // the same
};

struct place_args {
  step_view step;
  device_kv kv;
  place_layer at;
  int heads;
  int kv_heads;
  int head_size;
  float *rows;             // [tokens][queries + 2 keys]; queries and keys are turned in place
  float epsilon;
};

cudaError_t place_run(const place_args &args, const run_place &place);

#endif
