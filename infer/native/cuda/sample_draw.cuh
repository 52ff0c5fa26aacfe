// Copyright 2026 the Photon for Deno authors. Apache-2.0 license.
// Draws a token for a row of logits, as sample.c does and the engine's sampler: the same one.
#ifndef INFER_CUDA_SAMPLE_DRAW_CUH
#define INFER_CUDA_SAMPLE_DRAW_CUH

#include "draw.h"
#include "sample_select.cuh"

// A token, and an enum infer_trouble.
struct drawn_token {
  int token;
  int trouble;
};

// The largest over all threads; what is packed holds the number's key, then the token turned round,
// so that of equal ones the smallest token wins.
DEVICE_INLINE unsigned long long block_best(unsigned long long packed, sample_shared *shared) {
#pragma unroll
  for (int step = 16; step > 0; step /= 2) {
    packed = max(packed, __shfl_xor_sync(ALL_LANES, packed, step));
  }
  __syncthreads();
  if (threadIdx.x % 32 == 0) shared->sums[threadIdx.x / 32] = packed;
  __syncthreads();
  for (int i = 0; i < SAMPLE_WARPS; i++) packed = max(packed, shared->sums[i]);
  return packed;
}

DEVICE_INLINE unsigned long long pack_token(uint32_t key, int token) {
  return (unsigned long long)key << 32 | ~(uint32_t)token;
}

DEVICE_INLINE int packed_token(unsigned long long packed) { return (int)~(uint32_t)packed; }

// The likeliest token of a row, or what is wrong with it.
DEVICE_INLINE drawn_token look_at(const float *logits, int count, sample_shared *shared) {
  unsigned long long best = 0, strange = 0;
  for (int i = (int)threadIdx.x; i < count; i += SAMPLE_THREADS) {
    float logit = logits[i];
    if (logit != logit) {
      strange = max(strange, pack_token(1, i));
    } else if (logit > -INFINITY) {
      best = max(best, pack_token(key_of(logit), i));
    }
  }
  best = block_best(best, shared);
  strange = block_best(strange, shared);
  if (strange != 0) return {packed_token(strange), INFER_NOT_A_NUMBER};
  if (best == 0) return {0, INFER_NONE_LEFT};
  int token = packed_token(best);
  return {token, logits[token] == INFINITY ? INFER_INFINITE : INFER_NO_TROUBLE};
}

// The smallest logit with so much of the likeliest's probability. Division and difference keep the
// order of numbers, so that halving finds it.
DEVICE_INLINE uint32_t least_key(const sample_view &row, float log_least) {
  uint32_t low = key_of(-INFINITY), high = key_of(row.largest);
  while (low < high) {
    uint32_t middle = low + (high - low) / 2;
    if (sample_log(logit_of(middle), row.largest, row.temperature) >= log_least) {
      high = middle;
    } else {
      low = middle + 1;
    }
  }
  return low;
}

struct race_best {
  double ratio;
  int token;
};

DEVICE_INLINE bool is_better(const race_best &a, const race_best &b) {
  return a.ratio > b.ratio || (a.ratio == b.ratio && a.token < b.token);
}

// The best of a thread's tokens. In F64, as on the processor; but for those that F32 knows to be
// worse, which are all but a few. Near 1 the F32 logarithm knows nothing.
DEVICE_INLINE race_best race_own(const sample_view &row, const infer_sampling &sampling) {
  race_best best = {-1, INT32_MAX};
  float best_log = -INFINITY;
  for (int group = (int)threadIdx.x; 4 * group < row.count; group += SAMPLE_THREADS) {
    uint32_t noise[4];
    bool has_noise = false;
#pragma unroll
    for (int i = 0; i < 4; i++) {
      int token = 4 * group + i;
      if (token >= row.count) break;
      float logit = row.logits[token];
      if (!is_left(row, token, key_of(logit))) continue;
      if (!has_noise) sample_noise(&sampling, (uint32_t)group, noise);
      has_noise = true;
      float log = sample_log(logit, row.largest, row.temperature);
      float rough = INFINITY;
      if (noise[i] < 0xfc000000u) {
        rough = log - logf(-logf(((float)noise[i] + 0.5f) * 2.3283064365386963e-10f));
        if (rough < best_log - 0.01f) continue;
      }
      race_best own = {(double)sample_weight(log) / sample_time(noise[i]), token};
      if (!is_better(own, best)) continue;
      best = own;
      best_log = rough < INFINITY ? rough : logf((float)own.ratio);
    }
  }
  return best;
}

DEVICE_INLINE int race(const sample_view &row, const infer_sampling &sampling) {
  __shared__ double ratios[SAMPLE_WARPS];
  __shared__ int tokens[SAMPLE_WARPS];
  race_best best = race_own(row, sampling);
#pragma unroll
  for (int step = 16; step > 0; step /= 2) {
    race_best other = {__shfl_xor_sync(ALL_LANES, best.ratio, step),
                       __shfl_xor_sync(ALL_LANES, best.token, step)};
    if (is_better(other, best)) best = other;
  }
  if (threadIdx.x % 32 == 0) {
    ratios[threadIdx.x / 32] = best.ratio;
    tokens[threadIdx.x / 32] = best.token;
  }
  __syncthreads();
  for (int i = 0; i < SAMPLE_WARPS; i++) {
    race_best other = {ratios[i], tokens[i]};
    if (is_better(other, best)) best = other;
  }
  return best.token;
}

// All threads of a block draw one token.
DEVICE_INLINE drawn_token draw_token(const float *logits, int count,
                                     const infer_sampling &sampling, sample_shared *shared) {
  drawn_token drawn = look_at(logits, count, shared);
  if (drawn.trouble != INFER_NO_TROUBLE || !(sampling.temperature > 0)) return drawn;
  sample_view row = {logits, count, sampling.temperature, logits[drawn.token], 0, count};
  row.least = least_key(row, sample_log_least(&sampling));
  if (sampling.top_k > 0) {
    keep_enough<false>(&row, (unsigned long long)sampling.top_k, total_of<false>(row, shared),
                       shared);
  }
  if (sampling.top_p < 1) {
    unsigned long long total = total_of<true>(row, shared);
    keep_enough<true>(&row, sample_enough(sampling.top_p, total), total, shared);
  }
  drawn.token = race(row, sampling);
  return drawn;
}

#endif
