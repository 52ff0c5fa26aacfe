// Copyright 2026 the Photon for Deno authors. Apache-2.0 license.
// Draws a token: temperature, then min_p, top_k and top_p, then the largest of logit plus noise
// (Gumbel). The noise comes from Philox4x32-10 (Salmon et al. 2011) with the seed as key and
// (position, token) as counter, so a draw depends on nothing else: not on the batch, not on the
// device.
#include <math.h>
#include <stdlib.h>

#include "device.h"
#include "status.h"

typedef struct {
  float logit; // by the temperature
  int32_t token;
} candidate;

static uint32_t philox(uint32_t key_low, uint32_t key_high, uint32_t position, uint32_t token) {
  uint32_t c[4] = {position, token, 0, 0};
  for (int round = 0; round < 10; round++) {
    uint64_t a = (uint64_t)0xd2511f53u * c[0], b = (uint64_t)0xcd9e8d57u * c[2];
    uint32_t next[4] = {(uint32_t)(b >> 32) ^ c[1] ^ key_low, (uint32_t)b,
                        (uint32_t)(a >> 32) ^ c[3] ^ key_high, (uint32_t)a};
    for (int i = 0; i < 4; i++) c[i] = next[i];
    key_low += 0x9e3779b9u;
    key_high += 0xbb67ae85u;
  }
  return c[0];
}

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

// Keeps those with a logit of `least` or more.
static int32_t keep_from(candidate *candidates, int32_t count, float least) {
  int32_t kept = 0;
  for (int32_t i = 0; i < count; i++) {
    if (candidates[i].logit >= least) candidates[kept++] = candidates[i];
  }
  return kept;
}

// The k-th largest logit, by Hoare's selection; the order of candidates is lost.
static float kth_largest(candidate *c, int32_t count, int32_t k) {
  int32_t low = 0, high = count - 1;
  while (low < high) {
    float middle = c[low + (high - low) / 2].logit;
    int32_t i = low, j = high;
    while (i <= j) {
      while (c[i].logit > middle) i++;
      while (c[j].logit < middle) j--;
      if (i > j) break;
      candidate swapped = c[i];
      c[i++] = c[j];
      c[j--] = swapped;
    }
    if (k - 1 <= j) {
      high = j;
    } else if (k - 1 >= i) {
      low = i;
    } else {
      break;
    }
  }
  return c[k - 1].logit;
}

// Drops the least likely ones while they are `1 - top_p` together or less.
static int32_t keep_top_p(candidate *c, int32_t count, float top_p, float largest) {
  double total = 0;
  for (int32_t i = 0; i < count; i++) total += exp(c[i].logit - largest);
  double spare = (1 - (double)top_p) * total;
  // Those that are so small go in any case, all of them together; the rest are few to sort.
  double sure = spare / count, dropped = 0;
  int32_t kept = 0;
  for (int32_t i = 0; i < count; i++) {
    double share = exp(c[i].logit - largest);
    // But not the likeliest, even where top_p is 0.
    if (share <= sure && c[i].logit < largest) {
      dropped += share;
    } else {
      c[kept++] = c[i];
    }
  }
  qsort(c, (size_t)kept, sizeof *c, by_logit);
  while (kept > 1) {
    dropped += exp(c[kept - 1].logit - largest);
    if (dropped > spare) break;
    kept--;
  }
  return kept;
}

static int32_t draw(candidate *candidates, int32_t count, const infer_sampling *s) {
  double best = -INFINITY;
  int32_t token = candidates[0].token;
  for (int32_t i = 0; i < count; i++) {
    uint32_t random =
        philox(s->seed_low, s->seed_high, s->position, (uint32_t)candidates[i].token);
    double uniform = ((double)(random >> 8) + 0.5) / 16777216;
    double value = candidates[i].logit - log(-log(uniform));
    int isBetter = value > best || (value == best && candidates[i].token < token);
    if (!isBetter) continue;
    best = value;
    token = candidates[i].token;
  }
  return token;
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
  int32_t best = likeliest(logits, count);
  if (!(sampling->temperature > 0)) {
    *token = best;
    return INFER_OK;
  }
  candidate *candidates = malloc((size_t)count * sizeof *candidates);
  if (!candidates) return fail(INFER_NO_MEMORY, "Cannot keep %d candidates", count);
  float largest = logits[best] / sampling->temperature;
  for (int32_t i = 0; i < count; i++) {
    candidates[i] = (candidate){logits[i] / sampling->temperature, i};
  }
  int32_t kept = count;
  if (sampling->min_p > 0) {
    // Of two that are alike, rounding must not drop the likeliest itself.
    float least = largest + logf(sampling->min_p < 1 ? sampling->min_p : 1);
    kept = keep_from(candidates, kept, least);
  }
  if (sampling->top_k > 0 && sampling->top_k < kept) {
    kept = keep_from(candidates, kept, kth_largest(candidates, kept, sampling->top_k));
  }
  if (sampling->top_p < 1) kept = keep_top_p(candidates, kept, sampling->top_p, largest);
  *token = draw(candidates, kept, sampling);
  free(candidates);
  return INFER_OK;
}
