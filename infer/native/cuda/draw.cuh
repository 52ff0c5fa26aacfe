// Copyright 2026 the Photon for Deno authors. Apache-2.0 license.
// Choosing tokens on the device.
//
//     host: one copy per call             device
//     | state | draws | lists | ────────► the same        results [step][draw]
//                                            │                  ▲       │
//       feed: ids of -1 - i <────────────────┼──────────────────┼───────┘ of the call before
//       ... the model ...                    │                  │
//       choose: a block for each draw <──────┴──────────────────┘
//       advance: what was chosen becomes the next step's token
#ifndef INFER_CUDA_DRAW_CUH
#define INFER_CUDA_DRAW_CUH

#include "draw.h"
#include "step_view.cuh"

// Draws that a step can have beside one for each of its tokens: more answers to one prompt.
#define DRAWS_MORE_MAX 128

// What changes from call to call; kernels that a graph holds read it.
struct draw_state {
  int32_t count;             // draws
  int32_t steps_done;        // of those in a row
  int32_t earlier;           // where the last step of the call before begins in the results
  int32_t reserved;
  infer_logit_lists lists;   // in device memory
  float *edited;             // rows that rules change, [..][vocabulary]
};

struct draw_args {
  draw_state *state;
  infer_draw *draws; // [count]; `rules.reserved`: which edited row it has, -1: none
  infer_drawn *results;
  const float *logits; // [rows][vocabulary]
  int vocabulary;
  int draws_max;       // blocks that are started
  step_view step;      // whose tokens are fed and advanced
};

// Puts tokens that the call before has chosen into the step.
cudaError_t feed_run(const draw_args &args, const run_place &place);

cudaError_t choose_run(const draw_args &args, const run_place &place);

// Makes what was chosen the next step's tokens.
cudaError_t advance_run(const draw_args &args, const run_place &place);

// Where the lists are in the memory behind state and draws; `bytes` of all together.
struct draw_layout {
  size_t masks, bias_values, banned, bias_tokens, seen_tokens, seen_counts;
  size_t bytes;
};
draw_layout lay_out_draws(int draws_max, int vocabulary, const infer_logit_lists &lists);

// Writes state, draws and lists as they go to `device`; returns the rows to edit. All rows when
// `edits_all`.
int pack_draws(unsigned char *to, const draw_layout &layout, unsigned char *device,
               const infer_draw *draws, int count, int vocabulary, const infer_logit_lists &lists,
               bool edits_all);

// Where the draws begin behind the state.
#define DRAWS_AT ((sizeof(draw_state) + 15) / 16 * 16)

int32_t draws_check(const infer_draw *draws, int32_t count, int32_t rows, int32_t vocabulary,
                    const infer_logit_lists *lists);

#endif
