// Copyright 2026 the Photon for Deno authors. Apache-2.0 license.
#include "draw_step.cuh"

#include <string.h>

#include "context.cuh"

static int draws_max(const infer_context *c) { return c->config.tokens_max + DRAWS_MORE_MAX; }

static size_t results_max(const infer_context *c) {
  size_t in_a_row = (size_t)c->config.sequences_max * INFER_DRAW_STEPS_MAX;
  size_t at_once = (size_t)draws_max(c);
  return in_a_row > at_once ? in_a_row : at_once;
}

// Room that never changes, at the first call.
static int32_t make_room(infer_context *c) {
  draw_room *room = &c->draws;
  if (room->results) return INFER_OK;
  size_t words = (size_t)lay_out_step(largest_step(c->config)).words;
  size_t results = results_max(c) * sizeof(infer_drawn);
  cudaError_t error = cudaSuccess;
  for (draw_call &call : room->calls) {
    if (error == cudaSuccess && !call.pinned_step) {
      error = cudaMallocHost((void **)&call.pinned_step, words * sizeof(int32_t));
      if (error == cudaSuccess) memset(call.pinned_step, 0, words * sizeof(int32_t));
    }
    if (error == cudaSuccess && !call.pinned_results) {
      error = cudaMallocHost((void **)&call.pinned_results, results);
    }
    if (error == cudaSuccess && !call.begun) error = cudaEventCreate(&call.begun);
    if (error == cudaSuccess && !call.done) error = cudaEventCreate(&call.done);
  }
  if (error != cudaSuccess) return cuda_status(error, "make room for drawing");
  return device_allocate((void **)&room->results, results, "drawing");
}

// Room for so many bytes of draws and lists, on the device and on the host.
static int32_t grow_draws(infer_context *c, draw_call *call, size_t bytes) {
  draw_room *room = &c->draws;
  if (bytes > room->memory_bytes) {
    // What is on its way reads the old ones, and graphs name them.
    (void)wait_for_stream(c->device, "make room for drawing");
    step_free_graphs(c);
    if (room->memory) cudaFree(room->memory);
    room->memory = NULL;
    room->memory_bytes = 0;
    int32_t status = device_allocate((void **)&room->memory, 2 * bytes, "drawing");
    if (status) return status;
    room->memory_bytes = 2 * bytes;
  }
  if (call->draws_bytes >= room->memory_bytes) return INFER_OK;
  if (call->pinned_draws) cudaFreeHost(call->pinned_draws);
  call->pinned_draws = NULL;
  call->draws_bytes = 0;
  cudaError_t error = cudaMallocHost((void **)&call->pinned_draws, room->memory_bytes);
  if (error == cudaSuccess) call->draws_bytes = room->memory_bytes;
  return cuda_status(error, "make room for drawing");
}

static int32_t grow_edited(infer_context *c, int rows) {
  draw_room *room = &c->draws;
  if (rows <= room->edited_rows) return INFER_OK;
  (void)wait_for_stream(c->device, "make room for drawing");
  if (room->edited) cudaFree(room->edited);
  room->edited = NULL;
  room->edited_rows = 0;
  size_t bytes = (size_t)rows * (size_t)c->model->config.vocabulary_size * sizeof(float);
  int32_t status = device_allocate((void **)&room->edited, bytes, "edited logits");
  if (!status) room->edited_rows = rows;
  return status;
}

size_t draw_bytes(const infer_context *c) {
  const draw_room *room = &c->draws;
  size_t vocabulary = (size_t)c->model->config.vocabulary_size;
  size_t bytes = room->memory_bytes + (size_t)room->edited_rows * vocabulary * sizeof(float);
  return bytes + (room->results ? results_max(c) * sizeof(infer_drawn) : 0);
}

void draw_free(infer_context *c) {
  draw_room *room = &c->draws;
  void *const device_memory[] = {room->memory, room->results, room->edited};
  for (void *memory : device_memory) {
    if (memory) cudaFree(memory);
  }
  for (draw_call &call : room->calls) {
    void *const pinned[] = {call.pinned_step, call.pinned_draws, call.pinned_results};
    for (void *memory : pinned) {
      if (memory) cudaFreeHost(memory);
    }
    if (call.begun) cudaEventDestroy(call.begun);
    if (call.done) cudaEventDestroy(call.done);
  }
}

// Sequences of one token each, with blocks for all steps, and a draw for each.
static int32_t check_row(const infer_context *c, const int32_t *step, int32_t steps,
                         const infer_draw *draws, int32_t count) {
  const infer_step_header *h = step_header(step);
  bool is_plain = h->token_count >= 1 && h->token_count == h->sequence_count &&
                  h->logit_count == h->token_count && count == h->token_count;
  for (int32_t i = 0; i < h->sequence_count && is_plain; i++) {
    is_plain = step[h->query_starts + i] == i && step[h->logit_tokens + i] == i &&
               draws[i].row == i;
  }
  if (!is_plain) {
    return fail(INFER_INVALID, "Steps in a row take one token a sequence, and draw one after each");
  }
  for (int32_t i = 0; i < h->sequence_count; i++) {
    int64_t last = (int64_t)step[h->context_lengths + i] + steps - 1;
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

// Another call may come when none, or one other than this context's steps with logits, is on its
// way.
static int32_t check_may_begin(infer_context *c) {
  if (c->draws.on_way == 0) return device_check_idle(c->device);
  if (c->draws.on_way < INFER_DRAW_CALLS_MAX) return group_check(c->device, "start a step");
  return fail(INFER_BUSY, "%d steps are on their way", c->draws.on_way);
}

static int32_t check_call(infer_context *c, const int32_t *step, size_t words, int32_t steps,
                          const infer_draw *draws, int32_t count,
                          const infer_logit_lists *lists) {
  const infer_model_config *m = &c->model->config;
  if (steps < 1 || steps > INFER_DRAW_STEPS_MAX || count < 0 || count > draws_max(c)) {
    return fail(INFER_INVALID, "Cannot take %d steps in a row with %d draws, not 1 to %d", steps,
                count, INFER_DRAW_STEPS_MAX);
  }
  int32_t status = step_check(step, words, &c->config, m->vocabulary_size, m->context_tokens_max,
                              c->draws.earlier_count);
  if (!status) {
    status = draws_check(draws, count, step_header(step)->logit_count, m->vocabulary_size, lists);
  }
  if (!status && steps > 1) status = check_row(c, step, steps, draws, count);
  return status;
}

static cudaError_t run_call(infer_context *c, const draw_call &call, const step_shape &shape,
                            size_t draw_bytes) {
  cudaStream_t stream = c->device->place.stream;
  RETURN_IF_FAILED(cudaEventRecord(call.begun, stream));
  RETURN_IF_FAILED(step_send(c, call.pinned_step, shape));
  RETURN_IF_FAILED(cudaMemcpyAsync(c->draws.memory, call.pinned_draws, draw_bytes,
                                   cudaMemcpyHostToDevice, stream));
  for (int i = 0; i < call.steps; i++) RETURN_IF_FAILED(step_start(c, shape));
  size_t results = (size_t)call.steps * (size_t)call.count;
  RETURN_IF_FAILED(cudaMemcpyAsync(call.pinned_results, c->draws.results,
                                   results * sizeof(infer_drawn), cudaMemcpyDeviceToHost, stream));
  return cudaEventRecord(call.done, stream);
}

int32_t infer_cuda_draw(infer_context *c, const int32_t *step, size_t words, int32_t steps,
                        const infer_draw *draws, int32_t count, const infer_logit_lists *lists) {
  int32_t status = check_may_begin(c);
  if (!status) status = check_call(c, step, words, steps, draws, count, lists);
  if (!status) status = make_room(c);
  if (status) return status;
  int vocabulary = c->model->config.vocabulary_size;
  draw_room *room = &c->draws;
  draw_call *call = &room->calls[room->next];
  draw_layout layout = lay_out_draws(draws_max(c), vocabulary, *lists);
  step_shape shape;
  status = shape_step(c->config, step, c->device->has_graphs, steps - 1, &shape);
  if (!status) status = context_grow_outputs(c, shape.logits);
  if (!status) status = grow_draws(c, call, layout.bytes);
  if (status) return status;
  int edited = pack_draws(call->pinned_draws, layout, room->memory, draws, count, vocabulary,
                          *lists, false);
  status = grow_edited(c, edited);
  if (status) return status;
  draw_state *state = (draw_state *)call->pinned_draws;
  state->edited = room->edited;
  state->earlier = room->earlier_at;
  shape.is_drawn = true;
  shape.is_graph = shape.is_graph && count <= shape.logits;
  shape.draws = shape.is_graph ? shape.logits : count;
  pack_step(step, shape, call->pinned_step);
  call->steps = steps;
  call->count = count;
  cudaError_t error = run_call(c, *call, shape, layout.bytes);
  if (error != cudaSuccess) return group_failed(c->device, error, "start a step");
  room->next = (room->next + 1) % INFER_DRAW_CALLS_MAX;
  room->on_way++;
  room->earlier_count = count;
  room->earlier_at = (steps - 1) * count;
  context_set_running(c);
  return INFER_OK;
}

int32_t infer_cuda_drawn(infer_context *c, infer_drawn *results, double *device_us) {
  draw_room *room = &c->draws;
  if (room->on_way == 0) return fail(INFER_INVALID, "No step is on its way");
  draw_call *call =
      &room->calls[(room->next + INFER_DRAW_CALLS_MAX - room->on_way) % INFER_DRAW_CALLS_MAX];
  int32_t status = wait_for_event(c->device, call->done, "run a step");
  float milliseconds = 0;
  if (!status) {
    status = cuda_status(cudaEventElapsedTime(&milliseconds, call->begun, call->done),
                         "run a step");
  }
  if (!status) {
    memcpy(results, call->pinned_results,
           (size_t)call->steps * (size_t)call->count * sizeof *results);
  }
  *device_us = 1000 * (double)milliseconds;
  room->on_way--;
  if (room->on_way == 0) context_set_idle(c);
  return status;
}
