// Copyright 2026 the Photon for Deno authors. Apache-2.0 license.
#include "decode.h"

#include <math.h>
#include <string.h>

#include "context.cuh"

#define ADVANCE_THREADS 256

__global__ void __launch_bounds__(ADVANCE_THREADS) advance_kernel(advance_args a) {
  let_next_kernel_begin();
  wait_for_earlier_kernels();
  int done = *a.room.steps_done;
  __syncthreads();
  if (threadIdx.x == 0) *a.room.steps_done = done + 1;
  int32_t *ids = (int32_t *)a.step.token_ids, *positions = (int32_t *)a.step.positions;
  int32_t *contexts = (int32_t *)a.step.context_lengths;
  for (int row = (int)threadIdx.x; row < a.step.tokens; row += ADVANCE_THREADS) {
    const sample_result result = a.room.results[row];
    bool is_strange = result.strange >= 0;
    a.room.tokens[done * a.step.tokens + row] = is_strange ? -1 - result.strange : result.token;
    // Rows that a shape was padded with stay as they are.
    if (positions[row] < 0) continue;
    ids[row] = is_strange ? 0 : result.token;
    positions[row]++;
    contexts[row]++;
    a.room.how[row].sampling.position++;
  }
}

cudaError_t advance_run(const advance_args &args, const run_place &place) {
  return launch({dim3(1), dim3(ADVANCE_THREADS), 0, place.stream, place.overlaps}, advance_kernel,
                args);
}

static int32_t make_room(infer_context *c) {
  decode_room *room = &c->decode;
  size_t rows = (size_t)c->config.sequences_max;
  size_t tokens = rows * INFER_DECODE_STEPS_MAX * sizeof(int32_t);
  const struct {
    void **data;
    size_t bytes;
  } parts[] = {{(void **)&room->how, rows * sizeof(sample_row)},
               {(void **)&room->results, rows * sizeof(sample_result)},
               {(void **)&room->tokens, tokens},
               {(void **)&room->steps_done, sizeof(int32_t)}};
  for (const auto &part : parts) {
    if (*part.data) continue;
    int32_t status = device_allocate(part.data, part.bytes, "steps in a row");
    if (status) return status;
  }
  cudaError_t error = cudaSuccess;
  if (c->device->part.index > 0) return INFER_OK;
  if (!room->pinned_how) {
    error = cudaMallocHost((void **)&room->pinned_how, rows * sizeof(sample_row));
  }
  if (error == cudaSuccess && !room->pinned_tokens) {
    error = cudaMallocHost((void **)&room->pinned_tokens, tokens);
  }
  return cuda_status(error, "make room for steps in a row");
}

// On every GPU: each draws the same tokens.
static int32_t make_rooms(infer_context *c) {
  device_scope scope(c->device);
  int32_t status = INFER_OK;
  for (infer_context *at = c; at && !status; at = at->next) {
    device_enter(at->device);
    status = make_room(at);
  }
  return status;
}

void decode_free(infer_context *c) {
  decode_room *room = &c->decode;
  void *const device_memory[] = {room->how, room->results, room->tokens, room->steps_done};
  for (void *memory : device_memory) {
    if (memory) cudaFree(memory);
  }
  if (room->pinned_how) cudaFreeHost(room->pinned_how);
  if (room->pinned_tokens) cudaFreeHost(room->pinned_tokens);
}

// Sequences of one token each, with blocks for all steps.
static int32_t check_decode(const infer_context *c, const int32_t *step, int32_t steps) {
  const infer_step_header *h = step_header(step);
  if (steps < 1 || steps > INFER_DECODE_STEPS_MAX) {
    return fail(INFER_INVALID, "Cannot take %d steps in a row, not 1 to %d", steps,
                INFER_DECODE_STEPS_MAX);
  }
  if (h->token_count < 1 || h->token_count != h->sequence_count ||
      h->logit_count != h->token_count) {
    return fail(INFER_INVALID, "Steps in a row take one token a sequence and all their logits");
  }
  for (int32_t i = 0; i < h->sequence_count; i++) {
    int64_t last = (int64_t)step[h->context_lengths + i] + steps - 1;
    if (step[h->query_starts + i] != i || step[h->logit_tokens + i] != i) {
      return fail(INFER_INVALID, "Steps in a row take one token a sequence and all their logits");
    }
    if (last > c->model->config.context_tokens_max ||
        last > (int64_t)h->blocks_per_sequence_max * h->block_tokens) {
      return fail(INFER_INVALID, "A context of %lld is more than %d", (long long)last,
                  c->model->config.context_tokens_max);
    }
    const int32_t *table = step + h->block_tables + (int64_t)i * h->blocks_per_sequence_max;
    for (int64_t at = 0; at * h->block_tokens < last; at++) {
      if (table[at] >= 0 && table[at] < c->config.block_count) continue;
      return fail(INFER_INVALID, "Block %d is outside the %d of the backend", table[at],
                  c->config.block_count);
    }
  }
  return INFER_OK;
}

static void pack_sampling(infer_context *c, const infer_sampling *sampling, int count, int rows) {
  for (int i = 0; i < rows; i++) {
    sample_row *row = &c->decode.pinned_how[i];
    *row = {};
    if (i < count) row->sampling = sampling[i];
    float min_p = row->sampling.min_p;
    row->log_min_p = min_p > 0 ? logf(min_p < 1 ? min_p : 1) : -INFINITY;
  }
}

static cudaError_t run_steps(infer_context *c, const step_shape &shape, int steps) {
  const decode_room &room = c->decode;
  size_t rows = (size_t)shape.tokens;
  RETURN_IF_FAILED(step_send(c, shape));
  for (infer_context *at = c; at; at = at->next) {
    cudaStream_t own = at->device->place.stream;
    RETURN_IF_FAILED(cudaMemcpyAsync(at->decode.how, room.pinned_how, rows * sizeof(sample_row),
                                     cudaMemcpyHostToDevice, own));
    RETURN_IF_FAILED(cudaMemsetAsync(at->decode.steps_done, 0, sizeof(int32_t), own));
  }
  cudaStream_t stream = c->device->place.stream;
  for (int i = 0; i < steps; i++) RETURN_IF_FAILED(step_start(c, shape));
  RETURN_IF_FAILED(cudaMemcpyAsync(room.pinned_tokens, room.tokens,
                                   (size_t)steps * rows * sizeof(int32_t), cudaMemcpyDeviceToHost,
                                   stream));
  return cudaEventRecord(c->is_done, stream);
}

int32_t infer_cuda_decode(infer_context *c, const int32_t *step, size_t words, int32_t steps,
                          const infer_sampling *sampling, int32_t *tokens) {
  const infer_model_config *m = &c->model->config;
  int32_t status = device_check_idle(c->device);
  if (!status) status = step_check(step, words, &c->config, m->vocabulary_size,
                                   m->context_tokens_max);
  if (!status) status = check_decode(c, step, steps);
  step_shape shape;
  if (!status) status = shape_step(c->config, step, c->device->has_graphs, steps - 1, &shape);
  if (!status) status = context_grow_outputs(c, shape.logits);
  if (!status) status = make_rooms(c);
  if (status) return status;
  shape.is_decode = true;
  int count = step_header(step)->token_count;
  pack_step(step, shape, c->pinned_step);
  pack_sampling(c, sampling, count, shape.tokens);
  c->logit_count = 0;
  c->tokens_to = tokens;
  c->decode_steps = steps;
  c->decode_rows = shape.tokens;
  c->decode_sequences = count;
  cudaError_t error = run_steps(c, shape, steps);
  if (error != cudaSuccess) {
    // Kernels may have begun: what they use must stay as it is.
    group_synchronize(c->device);
    return cuda_status(error, "start steps in a row");
  }
  context_set_running(c);
  return INFER_OK;
}

void decode_take_tokens(infer_context *c) {
  for (int i = 0; i < c->decode_steps; i++) {
    memcpy(c->tokens_to + (size_t)i * (size_t)c->decode_sequences,
           c->decode.pinned_tokens + (size_t)i * (size_t)c->decode_rows,
           (size_t)c->decode_sequences * sizeof(int32_t));
  }
  c->decode_steps = 0;
}
