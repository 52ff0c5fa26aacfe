// Copyright 2026 the Photon for Deno authors. Apache-2.0 license.
// What a request's parameters do to a row of logits, over a block.
#ifndef INFER_CUDA_LOGIT_RULES_CUH
#define INFER_CUDA_LOGIT_RULES_CUH

#include "logit_rules.h"
#include "step_view.cuh"

#define RULE_THREADS 512

// Every rounding is that of TypeScript's: F64 in between, F32 where a logit is kept.
DEVICE_INLINE float penalised(float logit, const infer_logit_rules &rules, int count) {
  if (rules.repetition != 1) {
    double x = (double)logit;
    logit = (float)(x > 0 ? x / rules.repetition : x * rules.repetition);
  }
  if (count == 0) return logit;
  double penalty = __dadd_rn(__dmul_rn(rules.frequency, (double)count), rules.presence);
  return (float)((double)logit - penalty);
}

// Writes an edited row, which may be the same memory. The threads of a block have done with `from`
// and see `to` when it returns.
DEVICE_INLINE void edit_row(const float *from, float *to, int vocabulary,
                            const infer_logit_rules &rules, const infer_logit_lists &lists) {
  int thread = (int)threadIdx.x;
  size_t words = ((size_t)vocabulary + 31) / 32;
  const uint32_t *mask = rules.mask < 0 ? NULL : lists.masks + (size_t)rules.mask * words;
  for (int i = thread; i < vocabulary; i += RULE_THREADS) {
    bool is_allowed = mask == NULL || (mask[i / 32] >> i % 32 & 1) != 0;
    to[i] = is_allowed ? from[i] : -INFINITY;
  }
  __syncthreads();
  for (int i = rules.banned_begin + thread; i < rules.banned_end; i += RULE_THREADS) {
    to[lists.banned[i]] = -INFINITY;
  }
  __syncthreads();
  for (int i = rules.bias_begin + thread; i < rules.bias_end; i += RULE_THREADS) {
    float *logit = to + lists.bias_tokens[i];
    *logit = (float)((double)*logit + lists.bias_values[i]);
  }
  __syncthreads();
  for (int i = rules.seen_begin + thread; i < rules.seen_end; i += RULE_THREADS) {
    float *logit = to + lists.seen_tokens[i];
    *logit = penalised(*logit, rules, lists.seen_counts[i]);
  }
  __syncthreads();
}

// Checks that rules and their lists name what exists.
int32_t logit_rules_check(const infer_logit_rules *rules, const infer_logit_lists *lists);
int32_t logit_lists_check(const infer_logit_lists *lists, int32_t vocabulary);

#endif
