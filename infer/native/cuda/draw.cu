// Copyright 2026 the Photon for Deno authors. Apache-2.0 license.
#include "draw.cuh"

#include <string.h>

#include "logit_rules.cuh"
#include "sample_draw.cuh"
#include "top_logits.cuh"

extern "C" {
#include "../status.h"
}

#define FEED_THREADS 256

__global__ void __launch_bounds__(FEED_THREADS) feed_kernel(draw_args a) {
  let_next_kernel_begin();
  wait_for_earlier_kernels();
  int32_t *ids = (int32_t *)a.step.token_ids;
  const infer_drawn *earlier = a.results + a.state->earlier;
  for (int i = (int)threadIdx.x; i < a.step.tokens; i += FEED_THREADS) {
    if (ids[i] < 0) ids[i] = earlier[-1 - ids[i]].token;
  }
}

__global__ void __launch_bounds__(FEED_THREADS) advance_kernel(draw_args a) {
  let_next_kernel_begin();
  wait_for_earlier_kernels();
  int done = a.state->steps_done;
  __syncthreads();
  if (threadIdx.x == 0) a.state->steps_done = done + 1;
  const infer_drawn *drawn = a.results + (size_t)done * (size_t)a.state->count;
  int32_t *ids = (int32_t *)a.step.token_ids, *positions = (int32_t *)a.step.positions;
  int32_t *contexts = (int32_t *)a.step.context_lengths;
  for (int i = (int)threadIdx.x; i < a.step.tokens && i < a.state->count; i += FEED_THREADS) {
    // Tokens that a shape was padded with stay as they are.
    if (positions[i] < 0) continue;
    ids[i] = drawn[i].token;
    positions[i]++;
    contexts[i]++;
    a.draws[i].sampling.position++;
  }
}

// A block chooses a token.
__global__ void __launch_bounds__(SAMPLE_THREADS) choose_kernel(draw_args a) {
  __shared__ sample_shared shared;
  let_next_kernel_begin();
  wait_for_earlier_kernels();
  const draw_state &state = *a.state;
  if ((int)blockIdx.x >= state.count) return;
  const infer_draw &draw = a.draws[blockIdx.x];
  infer_drawn *result = a.results + (size_t)state.steps_done * (size_t)state.count + blockIdx.x;
  size_t vocabulary = (size_t)a.vocabulary;
  const float *raw = a.logits + (size_t)draw.row * vocabulary, *row = raw;
  if (draw.logprobs >= 0) {
    double total = log_sum(raw, a.vocabulary);
    if (threadIdx.x == 0) result->log_sum = total;
    find_top(raw, a.vocabulary, draw.logprobs, result, &shared);
    __syncthreads();
  }
  if (draw.rules.reserved >= 0) {
    float *edited = state.edited + (size_t)draw.rules.reserved * vocabulary;
    edit_row(raw, edited, a.vocabulary, draw.rules, state.lists);
    row = edited;
  }
  drawn_token drawn = draw_token(row, a.vocabulary, draw.sampling, &shared);
  if (threadIdx.x != 0) return;
  result->token = drawn.token;
  result->trouble = drawn.trouble;
  result->logit = raw[drawn.token];
}

cudaError_t feed_run(const draw_args &args, const run_place &place) {
  return launch({dim3(1), dim3(FEED_THREADS), 0, place.stream, place.overlaps}, feed_kernel, args);
}

cudaError_t advance_run(const draw_args &args, const run_place &place) {
  return launch({dim3(1), dim3(FEED_THREADS), 0, place.stream, place.overlaps}, advance_kernel,
                args);
}

cudaError_t choose_run(const draw_args &args, const run_place &place) {
  static_assert(RULE_THREADS == SAMPLE_THREADS, "one block edits and draws");
  if (args.draws_max == 0) return cudaSuccess;
  launch_shape shape = {dim3((unsigned)args.draws_max), dim3(SAMPLE_THREADS), 0, place.stream,
                        place.overlaps};
  return launch(shape, choose_kernel, args);
}

draw_layout lay_out_draws(int draws_max, int vocabulary, const infer_logit_lists &lists) {
  draw_layout layout = {};
  size_t at = DRAWS_AT + (size_t)draws_max * sizeof(infer_draw);
  size_t words = ((size_t)vocabulary + 31) / 32;
  const struct {
    size_t *offset;
    size_t bytes;
  } arrays[] = {
      {&layout.masks, (size_t)lists.mask_count * words * sizeof(uint32_t)},
      {&layout.bias_values, (size_t)lists.bias_count * sizeof(double)},
      {&layout.banned, (size_t)lists.banned_count * sizeof(int32_t)},
      {&layout.bias_tokens, (size_t)lists.bias_count * sizeof(int32_t)},
      {&layout.seen_tokens, (size_t)lists.seen_count * sizeof(int32_t)},
      {&layout.seen_counts, (size_t)lists.seen_count * sizeof(int32_t)},
  };
  for (const auto &array : arrays) {
    *array.offset = at;
    at += (array.bytes + 15) / 16 * 16;
  }
  layout.bytes = at;
  return layout;
}

// Copies a list, and says where it will be.
template <class T>
static const T *pack_list(unsigned char *to, unsigned char *device, size_t offset, const T *from,
                          size_t count) {
  if (count > 0) memcpy(to + offset, from, count * sizeof(T));
  return (const T *)(device + offset);
}

static bool has_rules(const infer_logit_rules &r) {
  return r.mask >= 0 || r.banned_end > r.banned_begin || r.bias_end > r.bias_begin ||
         r.seen_end > r.seen_begin;
}

int pack_draws(unsigned char *to, const draw_layout &at, unsigned char *device,
               const infer_draw *draws, int count, int vocabulary, const infer_logit_lists &lists,
               bool edits_all) {
  draw_state state = {};
  size_t words = ((size_t)vocabulary + 31) / 32;
  size_t biases = (size_t)lists.bias_count, seen = (size_t)lists.seen_count;
  state.count = count;
  state.lists = lists;
  state.lists.masks =
      pack_list(to, device, at.masks, lists.masks, (size_t)lists.mask_count * words);
  state.lists.banned =
      pack_list(to, device, at.banned, lists.banned, (size_t)lists.banned_count);
  state.lists.bias_tokens = pack_list(to, device, at.bias_tokens, lists.bias_tokens, biases);
  state.lists.bias_values = pack_list(to, device, at.bias_values, lists.bias_values, biases);
  state.lists.seen_tokens = pack_list(to, device, at.seen_tokens, lists.seen_tokens, seen);
  state.lists.seen_counts = pack_list(to, device, at.seen_counts, lists.seen_counts, seen);
  memcpy(to, &state, sizeof state);
  infer_draw *packed = (infer_draw *)(to + DRAWS_AT);
  int edited = 0;
  for (int i = 0; i < count; i++) {
    packed[i] = draws[i];
    packed[i].rules.reserved = edits_all || has_rules(draws[i].rules) ? edited++ : -1;
  }
  return edited;
}

int32_t draws_check(const infer_draw *draws, int32_t count, int32_t rows, int32_t vocabulary,
                    const infer_logit_lists *lists) {
  int32_t status = logit_lists_check(lists, vocabulary);
  for (int32_t i = 0; i < count && !status; i++) {
    const infer_draw *draw = &draws[i];
    if (draw->row < 0 || draw->row >= rows) {
      return fail(INFER_INVALID, "Cannot draw from row %d of %d", draw->row, rows);
    }
    if (draw->logprobs > INFER_TOP_MAX) {
      return fail(INFER_INVALID, "Cannot tell of the %d likeliest tokens, only %d",
                  draw->logprobs, INFER_TOP_MAX);
    }
    status = logit_rules_check(&draw->rules, lists);
  }
  return status;
}
