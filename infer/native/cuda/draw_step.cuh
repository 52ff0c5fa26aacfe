// Copyright 2026 the Photon for Deno authors. Apache-2.0 license.
// What a context keeps for steps that choose tokens.
#ifndef INFER_CUDA_DRAW_STEP_CUH
#define INFER_CUDA_DRAW_STEP_CUH

#include "draw.cuh"

// A call that is on its way: the host must not touch what is copied from and to it.
struct draw_call {
  int32_t *pinned_step;
  unsigned char *pinned_draws;
  infer_drawn *pinned_results;
  size_t draws_bytes;
  cudaEvent_t begun;
  cudaEvent_t done;
  int steps;
  int count;
};

struct draw_room {
  // In device memory:
  unsigned char *memory; // see draw_layout
  infer_drawn *results;  // of the call that runs, or ran last
  float *edited;
  size_t memory_bytes;
  int edited_rows;
  draw_call calls[INFER_DRAW_CALLS_MAX];
  int next;    // which of the calls is used next
  int on_way;  // calls that are started and not fetched
  int earlier_count; // of the call before: its draws, and where its last step's results begin
  int earlier_at;
};

#endif
