// Copyright 2026 the Photon for Deno authors. Apache-2.0 license.
// Finds what top_k and top_p leave of a row without sorting it: three histograms of the bits of its
// numbers, from the highest down. Probabilities are summed as whole numbers of 2^-40, so that a sum
// does not depend on the order in which threads come.
#ifndef INFER_CUDA_SAMPLE_SELECT_CUH
#define INFER_CUDA_SAMPLE_SELECT_CUH

#include "sample.cuh"

#define SAMPLE_THREADS 512
#define SAMPLE_WARPS (SAMPLE_THREADS / 32)
#define BINS 2048
// Below e^-28.4 a probability is less than half of 2^-40.
#define MASS_ONE 1099511627776.0
#define MASS_LOG_MIN -28.5f

// What a row's threads share.
struct sample_shared {
  unsigned long long bins[BINS];
  unsigned long long sums[SAMPLE_WARPS];
  unsigned long long below; // in bins before the one that was found
  int bin;
};

// A row of which some tokens are left: those with a key of `least` or more.
struct sample_view {
  const float *logits;
  int count;
  float temperature;
  float largest; // by the temperature
  uint32_t least;
};

// A number's bits in an order of unsigned numbers; 0 and -0 are one.
DEVICE_INLINE uint32_t key_of(float x) {
  uint32_t bits = x == 0 ? 0 : __float_as_uint(x);
  return bits & 0x80000000u ? ~bits : bits | 0x80000000u;
}

DEVICE_INLINE float scaled_logit(const sample_view &row, int token) {
  return row.logits[token] / row.temperature;
}

// The probability of a number beside that of the largest, which is 1.
DEVICE_INLINE unsigned long long mass_of(float scaled, float largest) {
  float log = scaled - largest;
  if (!(log > MASS_LOG_MIN)) return 0;
  return (unsigned long long)(exp((double)log) * MASS_ONE + 0.5);
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
    float scaled = scaled_logit(row, i);
    if (key_of(scaled) >= row.least) sum += IS_MASS ? mass_of(scaled, row.largest) : 1;
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
      float scaled = scaled_logit(row, i);
      uint32_t key = key_of(scaled);
      if (key < row.least || (known > 0 && key >> (32 - known) != found.key)) continue;
      unsigned long long more = IS_MASS ? mass_of(scaled, row.largest) : 1;
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

#endif
