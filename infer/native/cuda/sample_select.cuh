// Copyright 2026 the Photon for Deno authors. Apache-2.0 license.
// Finds what top_k and top_p leave of a row without sorting it: three histograms of the bits of its
// numbers, from the highest down. Probabilities are summed as whole numbers (sample_math.h), so
// that a sum does not depend on the order in which threads come.
#ifndef INFER_CUDA_SAMPLE_SELECT_CUH
#define INFER_CUDA_SAMPLE_SELECT_CUH

#include "launch.cuh"

extern "C" {
#include "../infer.h"
}
#include "../sample_math.h"

#define SAMPLE_THREADS 512
#define SAMPLE_WARPS (SAMPLE_THREADS / 32)
#define BINS 2048

// What a row's threads share.
struct sample_shared {
  unsigned long long bins[BINS];
  unsigned long long sums[SAMPLE_WARPS];
  unsigned long long below; // in bins before the one that was found
  int bin;
};

// A row of which some tokens are left: those with a key of more than `least`, and of those that
// have it the ones before `ties_end`.
struct sample_view {
  const float *logits;
  int count;
  float temperature;
  float largest;
  uint32_t least;
  int ties_end;
};

// A number's bits in an order of unsigned numbers; 0 and -0 are one.
DEVICE_INLINE uint32_t key_of(float x) {
  uint32_t bits = x == 0 ? 0 : __float_as_uint(x);
  return bits & 0x80000000u ? ~bits : bits | 0x80000000u;
}

DEVICE_INLINE float logit_of(uint32_t key) {
  return __uint_as_float(key & 0x80000000u ? key & 0x7fffffffu : ~key);
}

DEVICE_INLINE bool is_left(const sample_view &row, int token, uint32_t key) {
  return key > row.least || (key == row.least && token < row.ties_end);
}

DEVICE_INLINE unsigned long long mass_at(const sample_view &row, float logit) {
  float log = sample_log(logit, row.largest, row.temperature);
  return log >= LOG_WEIGHT_LEAST ? sample_mass(sample_weight(log)) : 0;
}

DEVICE_INLINE unsigned long long block_sum(unsigned long long value, sample_shared *shared) {
#pragma unroll
  for (int step = 16; step > 0; step /= 2) value += __shfl_xor_sync(ALL_LANES, value, step);
  __syncthreads();
  if (threadIdx.x % 32 == 0) shared->sums[threadIdx.x / 32] = value;
  __syncthreads();
  unsigned long long sum = 0;
  for (int i = 0; i < SAMPLE_WARPS; i++) sum += shared->sums[i];
  return sum;
}

// How many tokens are left, or their mass.
template <bool IS_MASS>
DEVICE_INLINE unsigned long long total_of(const sample_view &row, sample_shared *shared) {
  unsigned long long sum = 0;
  for (int i = (int)threadIdx.x; i < row.count; i += SAMPLE_THREADS) {
    float logit = row.logits[i];
    if (is_left(row, i, key_of(logit))) sum += IS_MASS ? mass_at(row, logit) : 1;
  }
  return block_sum(sum, shared);
}

// The bin in which the sum of the bins from the lowest on becomes more than `target`, and the sum
// before it. A warp's lane has 64 bins.
DEVICE_INLINE void find_bin(unsigned long long target, sample_shared *shared) {
  constexpr int each = BINS / 32;
  __syncthreads();
  if (threadIdx.x < 32) {
    int lane = (int)threadIdx.x;
    unsigned long long own = 0;
    for (int i = 0; i < each; i++) own += shared->bins[lane * each + i];
    unsigned long long until = own;
#pragma unroll
    for (int by = 1; by < 32; by *= 2) {
      unsigned long long before = __shfl_up_sync(ALL_LANES, until, by);
      if (lane >= by) until += before;
    }
    unsigned found = __ballot_sync(ALL_LANES, until > target);
    if (found != 0 && lane == __ffs((int)found) - 1) {
      unsigned long long sum = until - own;
      int bin = lane * each;
      while (sum + shared->bins[bin] <= target) sum += shared->bins[bin++];
      shared->bin = bin;
      shared->below = sum;
    }
  }
  __syncthreads();
}

struct found_key {
  uint32_t key;
  unsigned long long below; // of all tokens that are left and smaller
};

// The smallest key with more than `target` below or at it, counted or by mass; there is one.
template <bool IS_MASS>
DEVICE_INLINE found_key find_key(const sample_view &row, unsigned long long target,
                                 sample_shared *shared) {
  found_key found = {0, 0};
  int known = 0; // highest bits of the key
#pragma unroll 1
  for (int level = 0; level < 3; level++) {
    int bits = level < 2 ? 11 : 10, shift = 32 - known - bits;
    for (int i = (int)threadIdx.x; i < BINS; i += SAMPLE_THREADS) shared->bins[i] = 0;
    __syncthreads();
    for (int i = (int)threadIdx.x; i < row.count; i += SAMPLE_THREADS) {
      float logit = row.logits[i];
      uint32_t key = key_of(logit);
      if (!is_left(row, i, key) || (known > 0 && key >> (32 - known) != found.key)) continue;
      unsigned long long more = IS_MASS ? mass_at(row, logit) : 1;
      if (more > 0) atomicAdd(&shared->bins[key >> shift & ((1u << bits) - 1)], more);
    }
    find_bin(target - found.below, shared);
    found.key = found.key << bits | (uint32_t)shared->bin;
    found.below += shared->below;
    known += bits;
    __syncthreads();
  }
  return found;
}

// Of the tokens with that key, which are `ties`, keeps the first `keep`.
DEVICE_INLINE void keep_ties(sample_view *row, uint32_t key, unsigned long long ties,
                             unsigned long long keep, sample_shared *shared) {
  int end = key == row->least ? row->ties_end : row->count;
  row->least = key;
  row->ties_end = end;
  if (keep >= ties) return;
  int low = 0, high = end;
  while (low < high) {
    int middle = low + (high - low) / 2;
    unsigned long long before = 0;
    for (int i = (int)threadIdx.x; i < middle; i += SAMPLE_THREADS) {
      before += key_of(row->logits[i]) == key;
    }
    if (block_sum(before, shared) >= keep) {
      high = middle;
    } else {
      low = middle + 1;
    }
  }
  row->ties_end = low;
}

// Keeps the likeliest that are `enough`, counted or by mass, of `total`; `enough` is 1 or more.
template <bool IS_MASS>
DEVICE_INLINE void keep_enough(sample_view *row, unsigned long long enough,
                               unsigned long long total, sample_shared *shared) {
  if (enough >= total && !IS_MASS) return;
  found_key found = find_key<IS_MASS>(*row, total - enough, shared);
  unsigned long long ties = 0;
  for (int i = (int)threadIdx.x; i < row->count; i += SAMPLE_THREADS) {
    uint32_t key = key_of(row->logits[i]);
    ties += key == found.key && is_left(*row, i, key);
  }
  ties = block_sum(ties, shared);
  // Those with the key are all as heavy.
  unsigned long long each = IS_MASS ? mass_at(*row, logit_of(found.key)) : 1;
  unsigned long long above = total - found.below - ties * each;
  keep_ties(row, found.key, ties, (enough - above + each - 1) / each, shared);
}

#endif
