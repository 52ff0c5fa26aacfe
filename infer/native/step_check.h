// Copyright 2026 the Photon for Deno authors. Apache-2.0 license.
// Checks a context, and reads the packed description of a step, for every kind of device.
#ifndef INFER_STEP_CHECK_H
#define INFER_STEP_CHECK_H

#include "infer.h"

static inline const infer_step_header *step_header(const int32_t *step) {
  return (const infer_step_header *)step;
}

// Checks how large a context is to be.
int32_t bounds_check(const infer_context_config *config);

// Checks all that a step reads memory by. Ids from -1 down to -`unread` stand for tokens that are not
// known yet.
int32_t step_check(const int32_t *step, size_t words, const infer_context_config *bounds,
                   int vocabulary_size, int context_tokens_max, int unread);

// Positions and sequences of all tokens.
void step_positions(const int32_t *step, int32_t *positions, int32_t *sequences);

#endif
