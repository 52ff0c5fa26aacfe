// Copyright 2026 the Photon for Deno authors. Apache-2.0 license.
// What the library for GPUs can do beyond infer.h.
#ifndef INFER_CUDA_DECODE_H
#define INFER_CUDA_DECODE_H

#include "../infer.h"

#ifdef __cplusplus
extern "C" {
#endif

// Most steps of a call.
#define INFER_DECODE_STEPS_MAX 64

// Starts `steps` steps in a row and returns: every sequence has one token in `step`, and what is
// drawn after it is the next step's token, without a word to the host. Block tables reach as far as
// the last step does. `sampling` [sequences] tells how tokens are drawn; its positions count on.
// `tokens` [steps][sequences] must stay until `infer_wait`; a logit that is not a finite number
// makes the token of that step -1 - the number of that logit.
INFER_API int32_t infer_cuda_decode(infer_context *context, const int32_t *step, size_t words,
                                    int32_t steps, const infer_sampling *sampling,
                                    int32_t *tokens);

#ifdef __cplusplus
}
#endif

#endif
