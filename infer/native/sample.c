// Copyright 2026 the Photon for Deno authors. Apache-2.0 license.
// Draws a token, as the engine's sampler does (infer/sampling/candidates.ts): temperature, then
// min_p, top_k and top_p, then a race in which each token runs for an exponential time by its
// weight. The noise hangs on seed, position, answer and token alone: not on the batch, not on the
// device.
#include "device.h"
#include "sample_math.h"
#include "status.h"

#include <stdlib.h>

typedef struct {
  float logit;
  float weight; // that of the likeliest is 1
  int32_t token;
} candidate;

static int32_t likeliest(const float *logits, int32_t count) {
  int32_t best = 0;
  for (int32_t i = 1; i < count; i++) {
    if (logits[i] > logits[best]) best = i;
  }
  return best;
}

// Largest logits first, of equal ones the smallest token.
static int by_logit(const void *left, const void *right) {
  const candidate *a = left, *b = right;
  if (a->logit != b->logit) return a->logit > b->logit ? -1 : 1;
  return a->token < b->token ? -1 : a->token > b->token;
}

static int32_t fill(candidate *c, const float *logits, int32_t count, const infer_sampling *s) {
  float largest = logits[likeliest(logits, count)], least = sample_log_least(s);
  int32_t kept = 0;
  for (int32_t i = 0; i < count; i++) {
    float log = sample_log(logits[i], largest, s->temperature);
    if (log >= least) c[kept++] = (candidate){logits[i], sample_weight(log), i};
  }
  return kept;
}

// How many of the first there must be to have the probability `top_p`.
static int32_t count_top_p(const candidate *c, int32_t count, float top_p) {
  uint64_t total = 0, mass = 0;
  for (int32_t i = 0; i < count; i++) total += sample_mass(c[i].weight);
  uint64_t enough = sample_enough(top_p, total);
  int32_t kept = 0;
  while (kept < count && mass < enough) mass += sample_mass(c[kept++].weight);
  return kept;
}

static int32_t race(const candidate *c, int32_t count, const infer_sampling *s) {
  double best = -1;
  int32_t winner = 0;
  for (int32_t i = 0; i < count; i++) {
    uint32_t noise[4], token = (uint32_t)c[i].token;
    sample_noise(s, token / 4, noise);
    double ratio = (double)c[i].weight / sample_time(noise[token % 4]);
    if (ratio < best || (ratio == best && c[i].token > winner)) continue;
    best = ratio;
    winner = c[i].token;
  }
  return winner;
}

int32_t infer_op_sample(infer_device *device, const float *logits, int32_t count,
                        const infer_sampling *sampling, int32_t *token) {
  (void)device;
  if (count < 1) return fail(INFER_INVALID, "Cannot draw one of %d tokens", count);
  for (int32_t i = 0; i < count; i++) {
    if (logits[i] != logits[i] || logits[i] == INFINITY) {
      return fail(INFER_INVALID, "The logit of token %d is not a finite number", i);
    }
  }
  *token = likeliest(logits, count);
  if (!(sampling->temperature > 0) || !(logits[*token] > -INFINITY)) return INFER_OK;
  candidate *candidates = malloc((size_t)count * sizeof *candidates);
  if (!candidates) return fail(INFER_NO_MEMORY, "Cannot keep %d candidates", count);
  int32_t kept = fill(candidates, logits, count, sampling);
  if (sampling->top_k > 0 || sampling->top_p < 1) {
    qsort(candidates, (size_t)kept, sizeof *candidates, by_logit);
  }
  if (sampling->top_k > 0 && sampling->top_k < kept) kept = sampling->top_k;
  if (sampling->top_p < 1) kept = count_top_p(candidates, kept, sampling->top_p);
  *token = race(candidates, kept, sampling);
  free(candidates);
  return INFER_OK;
}
