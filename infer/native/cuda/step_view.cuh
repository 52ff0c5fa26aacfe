// Copyright 2026 the Photon for Deno authors. Apache-2.0 license.
// A step as the kernels see it, and what lies between them.
//
// One layer in decode is six kernels or so, each fed by the one before through global memory (the
// second cache, mostly):
//
//     states F32 [tokens][hidden]           the residual stream; stays F32 through all layers
//       | linear: RMSNorm, rounding to INT8 and query, key, value in one
//     heads  F32 [tokens][queries + 2 keys] queries, keys, values of a token beside each other
//       | place: q/k norm, RoPE, keys and values into their blocks (queries turned in place)
//       | attend: split over the context, then put together
//     mixed  F32 [tokens][queries]
//       | linear: rounding and output, added to states
//       | linear: RMSNorm, rounding, gate and up, SwiGLU
//     inner  F32 [tokens][intermediate]
//       | linear: rounding and down, added to states
//
// Activations are F32 between kernels: they are small beside the weights in decode and 5 % of the
// traffic in prefill, and so the numbers are those of the CPU library but for the order of sums.
// INT8 matrices are multiplied with inputs rounded to INT8 in the same groups, as there.
//
// Every kernel NAME has a launcher `cudaError_t NAME_run(const NAME_args &, const run_place &)`.
#ifndef INFER_CUDA_STEP_VIEW_CUH
#define INFER_CUDA_STEP_VIEW_CUH

#include "launch.cuh"

// Where and how kernels are started.
struct run_place {
  cudaStream_t stream;
  bool overlaps;         // pass on to launch_shape
  bool is_deterministic; // results of a token do not depend on what else is in the batch
  int multiprocessors;
  int compute;           // 75, 80, 86, 89, 90, ...
  int shared_bytes_max;  // of a block
};

// One step in device memory. Counts may be padded to a bucket, so that a CUDA graph serves many
// steps: tokens that are not there have position -1 and sequence 0 (no keys put, nothing attended,
// any output), sequences that are not there have context length 0 and no tokens, logits that are
// not there name token 0. Grids are sized by the counts here; arrays are read on the device.
struct step_view {
  int tokens;
  int sequences;
  int logits;
  int blocks_per_sequence; // row length of block_tables
  int block_tokens;
  int context_max;         // no context of the step is longer; sizes the splits of a context
  int query_max;           // no sequence has more tokens in the step; 1: all decode
  const int32_t *token_ids;       // [tokens]
  const int32_t *positions;       // [tokens]
  const int32_t *token_sequences; // [tokens]
  const int32_t *query_starts;    // [sequences + 1]
  const int32_t *context_lengths; // [sequences], with the tokens of this step
  const int32_t *logit_tokens;    // [logits]
  const int32_t *block_tables;    // [sequences][blocks_per_sequence]
  const float *turns;             // [tokens][head_size]: cosines, then sines (written by embed)
};

#endif
