// Copyright 2026 the Photon for Deno authors. Apache-2.0 license.
// The likeliest tokens of a row with their logits, and what makes log probabilities of them.
#ifndef INFER_CUDA_TOP_LOGITS_CUH
#define INFER_CUDA_TOP_LOGITS_CUH

#include "draw.h"
#include "sample_select.cuh"

// The logarithm of the sum of the exponentials of a row, over the block. Sums run in one order.
DEVICE_INLINE double log_sum(const float *logits, int count) {
  __shared__ float most_of[SAMPLE_WARPS];
  __shared__ double sum_of[SAMPLE_WARPS];
  int thread = (int)threadIdx.x;
  float most = -INFINITY;
  for (int i = thread; i < count; i += SAMPLE_THREADS) most = fmaxf(most, logits[i]);
  most = warp_max(most);
  if (thread % 32 == 0) most_of[thread / 32] = most;
  __syncthreads();
  for (int i = 0; i < SAMPLE_WARPS; i++) most = fmaxf(most, most_of[i]);
  double sum = 0;
  for (int i = thread; i < count; i += SAMPLE_THREADS) sum += (double)expf(logits[i] - most);
#pragma unroll
  for (int step = 16; step > 0; step /= 2) sum += __shfl_xor_sync(ALL_LANES, sum, step);
  if (thread % 32 == 0) sum_of[thread / 32] = sum;
  __syncthreads();
  sum = 0;
  for (int i = 0; i < SAMPLE_WARPS; i++) sum += sum_of[i];
  return (double)most + log(sum);
}

// Writes the `wanted` likeliest tokens of a row, likeliest first.
DEVICE_INLINE void find_top(const float *logits, int count, int wanted, infer_drawn *result,
                            sample_shared *shared) {
  __shared__ unsigned long long found[INFER_TOP_MAX];
  __shared__ int found_count;
  int most = wanted < count ? wanted : count;
  if (threadIdx.x == 0) {
    result->top_count = most;
    found_count = 0;
  }
  __syncthreads();
  if (most == 0) return;
  sample_view row = {logits, count, 1, 0, 0, count};
  keep_enough<false>(&row, (unsigned long long)most, (unsigned long long)count, shared);
  for (int i = (int)threadIdx.x; i < count; i += SAMPLE_THREADS) {
    uint32_t key = key_of(logits[i]);
    if (!is_left(row, i, key)) continue;
    int at = atomicAdd(&found_count, 1);
    if (at < most) found[at] = (unsigned long long)key << 32 | ~(uint32_t)i;
  }
  __syncthreads();
  if ((int)threadIdx.x >= most) return;
  // Its place is how many are before it.
  unsigned long long own = found[threadIdx.x];
  int place = 0;
  for (int i = 0; i < most; i++) place += found[i] > own;
  result->top_tokens[place] = (int32_t)~(uint32_t)own;
  result->top_logits[place] = logits[(int)~(uint32_t)own];
}

#endif
