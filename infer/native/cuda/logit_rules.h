// Copyright 2026 the Photon for Deno authors. Apache-2.0 license.
// Masks, biases and penalties on logits where they are, as the engine's sampler has them.
#ifndef INFER_CUDA_LOGIT_RULES_H
#define INFER_CUDA_LOGIT_RULES_H

#include "../infer.h"

#ifdef __cplusplus
extern "C" {
#endif

// What happens to a row, in this order; ranges are of `infer_logit_lists`. No token is twice in a
// row's range of biases, or of those seen.
typedef struct {
  double repetition; // 1: none
  double frequency;
  double presence;
  int32_t mask; // which of the masks; -1: none
  int32_t banned_begin, banned_end;
  int32_t bias_begin, bias_end;
  int32_t seen_begin, seen_end;
  int32_t reserved; // the library's own
} infer_logit_rules;

typedef struct {
  const uint32_t *masks; // [mask_count][(vocabulary + 31) / 32], a bit for each allowed token
  const int32_t *banned; // tokens
  const int32_t *bias_tokens;
  const double *bias_values;
  const int32_t *seen_tokens; // of prompt and answer
  const int32_t *seen_counts; // how often each is in the answer
  int32_t mask_count;
  int32_t banned_count;
  int32_t bias_count;
  int32_t seen_count;
} infer_logit_lists;

#ifdef __cplusplus
}
#endif

#endif
