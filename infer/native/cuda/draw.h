// Copyright 2026 the Photon for Deno authors. Apache-2.0 license.
// What the library for GPUs can do beyond infer.h: choose tokens where the logits are. Only they,
// and the log probabilities that are asked for, come back; what is chosen can be the next step's
// token without a word to the host.
#ifndef INFER_CUDA_DRAW_H
#define INFER_CUDA_DRAW_H

#include "logit_rules.h"

#ifdef __cplusplus
extern "C" {
#endif

// Most steps of a call.
#define INFER_DRAW_STEPS_MAX 64
// Calls that may be on their way at a time.
#define INFER_DRAW_CALLS_MAX 2
// Most of the likeliest tokens.
#define INFER_TOP_MAX 20

// One token to choose.
typedef struct {
  infer_sampling sampling;
  infer_logit_rules rules;
  int32_t row;      // of the step's logits; several may choose from one
  int32_t logprobs; // how many of the likeliest are told of, up to INFER_TOP_MAX; -1: no logarithms
} infer_draw;

enum infer_trouble {
  INFER_NO_TROUBLE = 0,
  INFER_NOT_A_NUMBER = 1, // a logit; `token` says which
  INFER_NONE_LEFT = 2,    // masks leave no token
  INFER_INFINITE = 3,     // a logit; `token` says which
};

// What was chosen. Logits are those of the model, before any rule; where `logprobs` was not -1.
typedef struct {
  double log_sum; // a logit less this is the logarithm of its probability
  int32_t token;
  int32_t trouble;
  float logit;
  int32_t top_count;
  int32_t top_tokens[INFER_TOP_MAX]; // likeliest first, of equal ones the smallest token
  float top_logits[INFER_TOP_MAX];
} infer_drawn;

// Starts a step that chooses tokens. A token id of -1 - i in `step` is what draw i of the call
// before has chosen in its last step. All that is given is copied.
//
// With `steps` of more than 1 what is chosen is the next step's token, again and again: every
// sequence has one token, draw i is of row i, and block tables reach as far as the last step does.
// Positions count on; rules stay as they are.
//
// INFER_BUSY when INFER_DRAW_CALLS_MAX calls, or a step of infer_submit, are on their way.
INFER_API int32_t infer_cuda_draw(infer_context *context, const int32_t *step, size_t words,
                                  int32_t steps, const infer_draw *draws, int32_t count,
                                  const infer_logit_lists *lists);

// Waits for the call of infer_cuda_draw that is on its way for longest, and copies what it has
// chosen [steps][count]. `device_us` gets how long the device took for it, 0 where it cannot tell.
INFER_API int32_t infer_cuda_drawn(infer_context *context, infer_drawn *results,
                                   double *device_us);

// Chooses from rows of logits [rows][vocabulary] that the host has. `edited` [count][vocabulary] gets
// the rows as the rules leave them, where it is not NULL.
INFER_API int32_t infer_cuda_choose(infer_device *device, const float *logits, int32_t rows,
                                    int32_t vocabulary, const infer_draw *draws, int32_t count,
                                    const infer_logit_lists *lists, infer_drawn *results,
                                    float *edited);

#ifdef __cplusplus
}
#endif

#endif
