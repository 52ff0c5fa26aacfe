// Copyright 2026 the Photon for Deno authors. Apache-2.0 license.
// A step from the words of infer.h into those that go to the device, in one copy.
#ifndef INFER_CUDA_STEP_PACK_CUH
#define INFER_CUDA_STEP_PACK_CUH

#include "step_view.cuh"

extern "C" {
#include "../step_check.h"
}

// The sizes that a step's kernels are started with. Those of a graph are rounded up.
struct step_shape {
  int tokens;
  int sequences;
  int logits;
  int blocks_per_sequence;
  int block_tokens;
  int context_max;
  int query_max;
  int ahead;      // tokens that a sequence's blocks have room for, beyond its context
  bool is_graph;  // the same again and again
  bool is_drawn;  // tokens are chosen on the device
  int draws;      // at most
};

// Offsets, in words, of a step's arrays on both sides.
struct step_layout {
  int token_ids;
  int positions;
  int token_sequences;
  int query_starts;
  int context_lengths;
  int logit_tokens;
  int block_tables;
  int words;
};

step_layout lay_out_step(const step_shape &shape);

// The largest step of a context.
step_shape largest_step(const infer_context_config &config);

// The shape of a step that step_check has let through: that of a graph when every sequence has one
// token and wants its logits, and graphs are wanted. `ahead`: steps that follow without the host.
int32_t shape_step(const infer_context_config &config, const int32_t *step, bool has_graphs,
                   int ahead, step_shape *shape);

// Writes a step's words, padded to the shape.
void pack_step(const int32_t *step, const step_shape &shape, int32_t *words);

// A step in device memory.
step_view view_step(const step_shape &shape, const int32_t *words, const float *turns);

#endif
