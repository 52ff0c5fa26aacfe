// Copyright 2026 the Photon for Deno authors. Apache-2.0 license.
#include "logit_rules.cuh"

#include "transfer.cuh"

#define RULE_THREADS 512
#define RULE_WARPS (RULE_THREADS / 32)

// The largest logit and the sum of exponentials beside it, over the block. Sums run in one order.
DEVICE_INLINE float log_sum(const float *logits, int count) {
  __shared__ float most_of[RULE_WARPS];
  __shared__ double sum_of[RULE_WARPS];
  int thread = (int)threadIdx.x;
  float most = -INFINITY;
  for (int i = thread; i < count; i += RULE_THREADS) most = fmaxf(most, logits[i]);
  most = warp_max(most);
  if (thread % 32 == 0) most_of[thread / 32] = most;
  __syncthreads();
  for (int i = 0; i < RULE_WARPS; i++) most = fmaxf(most, most_of[i]);
  double sum = 0;
  for (int i = thread; i < count; i += RULE_THREADS) sum += (double)expf(logits[i] - most);
#pragma unroll
  for (int step = 16; step > 0; step /= 2) sum += __shfl_xor_sync(ALL_LANES, sum, step);
  if (thread % 32 == 0) sum_of[thread / 32] = sum;
  __syncthreads();
  sum = 0;
  for (int i = 0; i < RULE_WARPS; i++) sum += sum_of[i];
  return (float)((double)most + log(sum));
}

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

// A block has a row.
__global__ void __launch_bounds__(RULE_THREADS) edit_logits(logit_rules_args args) {
  let_next_kernel_begin();
  wait_for_earlier_kernels();
  float *logits = args.logits + (size_t)blockIdx.x * (size_t)args.vocabulary;
  const infer_logit_rules &rules = args.rules[blockIdx.x];
  const infer_logit_lists &lists = args.lists;
  int thread = (int)threadIdx.x;
  float total = log_sum(logits, args.vocabulary);
  if (thread == 0) args.log_sums[blockIdx.x] = total;
  __syncthreads();
  if (rules.mask >= 0) {
    size_t words = ((size_t)args.vocabulary + 31) / 32;
    const uint32_t *mask = lists.masks + (size_t)rules.mask * words;
    for (int i = thread; i < args.vocabulary; i += RULE_THREADS) {
      if ((mask[i / 32] >> i % 32 & 1) == 0) logits[i] = -INFINITY;
    }
  }
  __syncthreads();
  for (int i = rules.banned_begin + thread; i < rules.banned_end; i += RULE_THREADS) {
    logits[lists.banned[i]] = -INFINITY;
  }
  __syncthreads();
  for (int i = rules.bias_begin + thread; i < rules.bias_end; i += RULE_THREADS) {
    float *logit = logits + lists.bias_tokens[i];
    *logit = (float)((double)*logit + lists.bias_values[i]);
  }
  __syncthreads();
  for (int i = rules.seen_begin + thread; i < rules.seen_end; i += RULE_THREADS) {
    float *logit = logits + lists.seen_tokens[i];
    *logit = penalised(*logit, rules, lists.seen_counts[i]);
  }
}

cudaError_t logit_rules_run(const logit_rules_args &args, const run_place &place) {
  if (args.rows == 0) return cudaSuccess;
  launch_shape shape = {dim3((unsigned)args.rows), dim3(RULE_THREADS), 0, place.stream,
                        place.overlaps};
  return launch(shape, edit_logits, args);
}

static int32_t check_range(const char *name, int32_t begin, int32_t end, int32_t count) {
  if (begin >= 0 && begin <= end && end <= count) return INFER_OK;
  return fail(INFER_INVALID, "There are no %s %d to %d of %d", name, begin, end, count);
}

static int32_t check_tokens(const int32_t *tokens, int32_t count, int32_t vocabulary) {
  for (int32_t i = 0; i < count; i++) {
    if (tokens[i] >= 0 && tokens[i] < vocabulary) continue;
    return fail(INFER_INVALID, "Token %d is outside the vocabulary of %d", tokens[i], vocabulary);
  }
  return INFER_OK;
}

static int32_t check_rules(int32_t rows, int32_t vocabulary, const infer_logit_rules *rules,
                           const infer_logit_lists *lists) {
  if (rows < 0 || vocabulary < 1) {
    return fail(INFER_INVALID, "Cannot edit %d rows of %d logits", rows, vocabulary);
  }
  int32_t status = check_tokens(lists->banned, lists->banned_count, vocabulary);
  if (!status) status = check_tokens(lists->bias_tokens, lists->bias_count, vocabulary);
  if (!status) status = check_tokens(lists->seen_tokens, lists->seen_count, vocabulary);
  for (int32_t i = 0; i < rows && !status; i++) {
    const infer_logit_rules *r = &rules[i];
    if (r->mask >= 0) status = check_range("masks", r->mask, r->mask + 1, lists->mask_count);
    if (!status) {
      status = check_range("banned", r->banned_begin, r->banned_end, lists->banned_count);
    }
    if (!status) status = check_range("biases", r->bias_begin, r->bias_end, lists->bias_count);
    if (!status) status = check_range("seen", r->seen_begin, r->seen_end, lists->seen_count);
  }
  return status;
}

int32_t infer_cuda_edit_logits(infer_device *device, float *logits, int32_t rows,
                               int32_t vocabulary, const infer_logit_rules *rules,
                               const infer_logit_lists *lists, float *log_sums) {
  int32_t status = device_check_idle(device);
  if (!status) status = check_rules(rows, vocabulary, rules, lists);
  if (status) return status;
  transfer moved(device);
  size_t words = ((size_t)vocabulary + 31) / 32, count = (size_t)rows;
  logit_rules_args args = {};
  args.rows = rows;
  args.vocabulary = vocabulary;
  args.logits = moved.send(logits, count * (size_t)vocabulary);
  args.rules = moved.send(rules, count);
  args.lists = *lists;
  args.lists.masks = moved.send(lists->masks, (size_t)lists->mask_count * words);
  args.lists.banned = moved.send(lists->banned, (size_t)lists->banned_count);
  args.lists.bias_tokens = moved.send(lists->bias_tokens, (size_t)lists->bias_count);
  args.lists.bias_values = moved.send(lists->bias_values, (size_t)lists->bias_count);
  args.lists.seen_tokens = moved.send(lists->seen_tokens, (size_t)lists->seen_count);
  args.lists.seen_counts = moved.send(lists->seen_counts, (size_t)lists->seen_count);
  args.log_sums = moved.room<float>(count);
  if (!moved.status()) moved.check(logit_rules_run(args, device->place));
  moved.fetch(logits, args.logits, count * (size_t)vocabulary);
  moved.fetch(log_sums, args.log_sums, count);
  return moved.status();
}
