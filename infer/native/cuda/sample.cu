// Copyright 2026 the Photon for Deno authors. Apache-2.0 license.
#include "sample.cuh"

#include "sample_select.cuh"

#define PHILOX_ROUNDS 10

DEVICE_INLINE uint32_t philox(const infer_sampling &sampling, uint32_t token) {
  uint32_t c[4] = {sampling.position, token, 0, 0};
  uint32_t low = sampling.seed_low, high = sampling.seed_high;
#pragma unroll
  for (int round = 0; round < PHILOX_ROUNDS; round++) {
    uint32_t a_high = __umulhi(0xd2511f53u, c[0]), a_low = 0xd2511f53u * c[0];
    uint32_t b_high = __umulhi(0xcd9e8d57u, c[2]), b_low = 0xcd9e8d57u * c[2];
    c[0] = b_high ^ c[1] ^ low;
    c[1] = b_low;
    c[2] = a_high ^ c[3] ^ high;
    c[3] = a_low;
    low += 0x9e3779b9u;
    high += 0xbb67ae85u;
  }
  return c[0];
}

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

// Leaves the k-th largest and all that are as large.
DEVICE_INLINE void keep_top_k(sample_view *row, int k, sample_shared *shared) {
  unsigned long long left = total_of<false>(*row, shared);
  if ((unsigned long long)k >= left) return;
  row->least = find_key<false>(*row, left - (unsigned long long)k, shared).key;
}

// Of the tokens with the key `row.least` the first `keep`: returns the token that ends them.
DEVICE_INLINE int end_of_ties(const sample_view &row, unsigned long long keep,
                              sample_shared *shared) {
  int low = 0, high = row.count;
  while (low < high) {
    int middle = low + (high - low) / 2;
    unsigned long long before = 0;
    for (int i = (int)threadIdx.x; i < middle; i += SAMPLE_THREADS) {
      before += key_of(scaled_logit(row, i)) == row.least;
    }
    if (block_sum(before, shared) >= keep) {
      high = middle;
    } else {
      low = middle + 1;
    }
  }
  return low;
}

// Drops the least likely while they are `1 - top_p` together or less, of equal ones the largest
// token first. Returns the token that ends those with the key `row.least`.
DEVICE_INLINE int keep_top_p(sample_view *row, float top_p, int likeliest, sample_shared *shared) {
  unsigned long long total = total_of<true>(*row, shared);
  double spare = (1 - (double)top_p) * (double)total;
  unsigned long long most = spare > 0 ? (unsigned long long)spare : 0;
  if (spare >= (double)total) {
    row->least = key_of(row->largest);
    return likeliest + 1;
  }
  found_key found = find_key<true>(*row, most, shared);
  row->least = found.key;
  unsigned long long ties = 0, mass = 0;
  for (int i = (int)threadIdx.x; i < row->count; i += SAMPLE_THREADS) {
    float scaled = scaled_logit(*row, i);
    if (key_of(scaled) != found.key) continue;
    ties++;
    mass = mass_of(scaled, row->largest);
  }
  ties = block_sum(ties, shared);
  mass = block_best(mass, shared);
  unsigned long long dropped = (most - found.below) / mass;
  return dropped == 0 ? row->count : end_of_ties(*row, ties - dropped, shared);
}

struct drawn_token {
  double value;
  int token;
};

DEVICE_INLINE bool is_better(const drawn_token &a, const drawn_token &b) {
  return a.value > b.value || (a.value == b.value && a.token < b.token);
}

// The best of the tokens that are left. In F64, as on the processor; but for those that F32 knows
// to be worse, which are all but a few. Near 1 the F32 logarithm knows nothing.
DEVICE_INLINE drawn_token draw_own(const sample_view &row, int ties_end,
                                   const infer_sampling &sampling) {
  drawn_token best = {-INFINITY, INT32_MAX};
  for (int i = (int)threadIdx.x; i < row.count; i += SAMPLE_THREADS) {
    float scaled = scaled_logit(row, i);
    uint32_t key = key_of(scaled);
    if (key < row.least || (key == row.least && i >= ties_end)) continue;
    uint32_t random = philox(sampling, (uint32_t)i) >> 8;
    if (random < 0xfe0000u) {
      float rough = scaled - logf(-logf(((float)random + 0.5f) * 5.9604644775390625e-8f));
      if ((double)rough < best.value - 0.01 - 1e-5 * fabs((double)scaled)) continue;
    }
    double uniform = ((double)random + 0.5) / 16777216;
    drawn_token drawn = {(double)scaled - log(-log(uniform)), i};
    if (is_better(drawn, best)) best = drawn;
  }
  return best;
}

DEVICE_INLINE int draw(const sample_view &row, int ties_end, const infer_sampling &sampling) {
  __shared__ double values[SAMPLE_WARPS];
  __shared__ int tokens[SAMPLE_WARPS];
  drawn_token best = draw_own(row, ties_end, sampling);
#pragma unroll
  for (int step = 16; step > 0; step /= 2) {
    drawn_token other = {__shfl_xor_sync(ALL_LANES, best.value, step),
                         __shfl_xor_sync(ALL_LANES, best.token, step)};
    if (is_better(other, best)) best = other;
  }
  if (threadIdx.x % 32 == 0) {
    values[threadIdx.x / 32] = best.value;
    tokens[threadIdx.x / 32] = best.token;
  }
  __syncthreads();
  for (int i = 0; i < SAMPLE_WARPS; i++) {
    drawn_token other = {values[i], tokens[i]};
    if (is_better(other, best)) best = other;
  }
  return best.token;
}

// The likeliest token of a row, and the first that is not a number.
DEVICE_INLINE sample_result look_at(const float *logits, int count, sample_shared *shared) {
  unsigned long long best = 0, strange = 0;
  for (int i = (int)threadIdx.x; i < count; i += SAMPLE_THREADS) {
    float logit = logits[i];
    if (logit != logit || logit == INFINITY) {
      strange = max(strange, pack_token(1, i));
    } else {
      best = max(best, pack_token(key_of(logit), i));
    }
  }
  best = block_best(best, shared);
  strange = block_best(strange, shared);
  return {packed_token(best), strange == 0 ? -1 : packed_token(strange)};
}

// A block has a row.
__global__ void __launch_bounds__(SAMPLE_THREADS) sample_rows(sample_args args) {
  __shared__ sample_shared shared;
  let_next_kernel_begin();
  wait_for_earlier_kernels();
  const float *logits = args.logits + (size_t)blockIdx.x * (size_t)args.vocabulary;
  const sample_row &how = args.how[blockIdx.x];
  const infer_sampling &sampling = how.sampling;
  sample_result result = look_at(logits, args.vocabulary, &shared);
  bool is_drawn = result.strange < 0 && sampling.temperature > 0;
  if (is_drawn && logits[result.token] > -INFINITY) {
    sample_view row = {logits, args.vocabulary, sampling.temperature, 0, 0};
    row.largest = scaled_logit(row, result.token);
    // Nothing is likelier than the likeliest, whatever rounding says.
    float least = fminf(row.largest + how.log_min_p, row.largest);
    if (how.log_min_p > -INFINITY) row.least = key_of(least);
    if (sampling.top_k > 0) keep_top_k(&row, sampling.top_k, &shared);
    int ties_end = args.vocabulary;
    if (sampling.top_p < 1) ties_end = keep_top_p(&row, sampling.top_p, result.token, &shared);
    result.token = draw(row, ties_end, sampling);
  }
  if (threadIdx.x == 0) args.results[blockIdx.x] = result;
}

cudaError_t sample_run(const sample_args &args, const run_place &place) {
  if (args.rows == 0) return cudaSuccess;
  launch_shape shape = {dim3((unsigned)args.rows), dim3(SAMPLE_THREADS), 0, place.stream,
                        place.overlaps};
  return launch(shape, sample_rows, args);
}
