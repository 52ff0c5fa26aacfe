// Copyright 2026 the Photon for Deno authors. Apache-2.0 license.
#include "context.cuh"

#include "large.cuh"

#include <stdlib.h>
#include <string.h>

#define ALIGNMENT 256

// Cuts pieces off a region; with no region it only counts.
struct cutter {
  unsigned char *data;
  size_t taken;
};

template <class T>
static void cut(cutter *from, T **piece, size_t count) {
  *piece = from->data ? (T *)(from->data + from->taken) : NULL;
  from->taken += (count * sizeof(T) + ALIGNMENT - 1) / ALIGNMENT * ALIGNMENT;
}

static size_t vector_floats(const infer_model *model);

// Bytes of the widest input that a matrix of the model has rounded.
static size_t rounded_bytes(const infer_model *model) {
  int most = 1;
  for (int set = 0; set <= model->config.layer_count; set++) {
    for (int role = 0; role < INFER_ROLES; role++) {
      const matrix &m = model->sets[set].matrices[role];
      if (!m.memory.data) continue;
      int chunks = rounded_chunks(m.type, row_chunks(m.type, m.columns));
      if (chunks > most) most = chunks;
    }
  }
  return (size_t)most * CHUNK_BYTES;
}

static void lay_out(infer_context *c, cutter *from) {
  const infer_model_config *m = &c->model->config;
  size_t tokens = (size_t)c->config.tokens_max, hidden = (size_t)m->hidden_size;
  size_t head = (size_t)m->head_size, inner = (size_t)m->intermediate_size;
  size_t queries = (size_t)m->head_count * head, keys = (size_t)m->kv_head_count * head;
  size_t widest = hidden > inner ? hidden : inner;
  if (queries > widest) widest = queries;
  cut(from, &c->states, tokens * hidden);
  cut(from, &c->heads, tokens * (queries + 2 * keys));
  cut(from, &c->mixed, tokens * queries);
  cut(from, &c->inner, tokens * inner);
  cut(from, &c->turns, tokens * head);
  cut(from, &c->step, (size_t)lay_out_step(largest_step(c->config)).words);
  cut(from, &c->vectors, vector_floats(c->model));
  unsigned char *workspace;
  cut(from, &workspace, attend_workspace_bytes(m->head_size));
  c->attend_workspace = workspace;
  // A step of padded tokens reads scales by the 128.
  c->room.scale_stride = (int)((tokens + 127) / 128 * 128);
  cut(from, &c->room.rounded, tokens * rounded_bytes(c->model));
  cut(from, &c->room.scales, (widest / 32 + 4) * (size_t)c->room.scale_stride);
  cut(from, &c->room.normed, tokens * hidden);
  cut(from, &c->room.sums, LINEAR_SUMS_BYTES / sizeof(float));
  cut(from, &c->room.tickets, LINEAR_TICKETS);
}

// Numbers of a vector, as model.c has checked them.
static size_t vector_size(const infer_model_config *m, int role) {
  switch (role) {
    case INFER_QUERY_BIAS:
      return (size_t)m->head_count * (size_t)m->head_size;
    case INFER_KEY_BIAS:
    case INFER_VALUE_BIAS:
      return (size_t)m->kv_head_count * (size_t)m->head_size;
    case INFER_QUERY_NORM:
    case INFER_KEY_NORM:
      return (size_t)m->head_size;
    case INFER_ROPE_FREQUENCIES:
      return (size_t)m->head_size / 2;
    case INFER_GATE_BIAS:
    case INFER_UP_BIAS:
      return (size_t)m->intermediate_size;
    default:
      return (size_t)m->hidden_size;
  }
}

// Vectors begin at whole 16 bytes.
static size_t padded_size(const infer_model_config *m, int role) {
  return (vector_size(m, role) + 3) / 4 * 4;
}

static size_t vector_floats(const infer_model *model) {
  size_t floats = 0;
  for (int set = 0; set <= model->config.layer_count; set++) {
    for (int role = 0; role < INFER_ROLES; role++) {
      if (model->sets[set].vectors[role]) floats += padded_size(&model->config, role);
    }
  }
  return floats;
}

// Norms and biases onto the device.
static int32_t send_vectors(infer_context *c) {
  const infer_model *model = c->model;
  size_t count = (size_t)(model->config.layer_count + 1) * INFER_ROLES;
  c->vector_places = (const float **)calloc(count, sizeof *c->vector_places);
  if (!c->vector_places) return fail(INFER_NO_MEMORY, "Cannot make a context");
  float *to = c->vectors;
  for (int set = 0; set <= model->config.layer_count; set++) {
    for (int role = 0; role < INFER_ROLES; role++) {
      const float *vector = model->sets[set].vectors[role];
      if (!vector) continue;
      size_t bytes = vector_size(&model->config, role) * sizeof(float);
      cudaError_t error = cudaMemcpy(to, vector, bytes, cudaMemcpyHostToDevice);
      if (error != cudaSuccess) return cuda_status(error, "send norms to the GPU");
      c->vector_places[(size_t)set * INFER_ROLES + (size_t)role] = to;
      to += padded_size(&model->config, role);
    }
  }
  return INFER_OK;
}

static int32_t fill_context(infer_context *c) {
  const infer_model_config *m = &c->model->config;
  int32_t status = kv_create(&c->kv, c->config.kv_type, m->layer_count, m->kv_head_count,
                             m->head_size, c->config.block_tokens, c->config.block_count);
  if (status) return status;
  cutter counted = {};
  lay_out(c, &counted);
  status = device_allocate((void **)&c->memory, counted.taken, "a step");
  if (status) return status;
  c->memory_bytes = counted.taken;
  cutter cuts = {c->memory, 0};
  lay_out(c, &cuts);
  status = send_vectors(c);
  if (status || c->device->part.index > 0) return status;
  size_t words = (size_t)lay_out_step(largest_step(c->config)).words;
  cudaError_t error = cudaMallocHost((void **)&c->pinned_step, words * sizeof(int32_t));
  if (error == cudaSuccess) error = cudaEventCreateWithFlags(&c->is_done, cudaEventDisableTiming);
  if (error != cudaSuccess) return cuda_status(error, "make a context");
  memset(c->pinned_step, 0, words * sizeof(int32_t));
  return INFER_OK;
}

// A context of one GPU; what could not be made is NULL in it.
static int32_t create_part(infer_model *part, const infer_context_config *config,
                           infer_context **place) {
  infer_context *made = (infer_context *)calloc(1, sizeof *made);
  *place = made;
  if (!made) return fail(INFER_NO_MEMORY, "Cannot make a context");
  made->model = part;
  made->device = part->device;
  made->config = *config;
  device_enter(made->device);
  int32_t status = model_check_complete(part);
  if (!status) status = fill_context(made);
  if (!status) status = cuda_status(cudaDeviceSynchronize(), "make a context");
  if (!status) status = large_create(made);
  return status ? status : resident_create(made);
}

int32_t infer_context_create(infer_model *model, const infer_context_config *config,
                             infer_context **context) {
  *context = NULL;
  int32_t status = bounds_check(config);
  if (status) return status;
  device_scope scope(model->device);
  infer_context *first = NULL, **place = &first;
  for (infer_model *part = model; part && !status; part = part->next) {
    status = create_part(part, config, place);
    if (!status) place = &(*place)->next;
  }
  if (!status) {
    *context = first;
  } else if (first) {
    infer_context_destroy(first);
  }
  return status;
}

static void destroy_part(infer_context *part) {
  device_enter(part->device);
  step_free_graphs(part);
  draw_free(part);
  large_drop(part->large);
  resident_drop(part->resident);
  kv_free(&part->kv);
  void *const device_memory[] = {part->memory, part->output, part->gathered, part->copy_pairs};
  for (void *memory : device_memory) {
    if (memory) cudaFree(memory);
  }
  if (part->pinned_step) cudaFreeHost(part->pinned_step);
  if (part->pinned_output) cudaFreeHost(part->pinned_output);
  if (part->is_done) cudaEventDestroy(part->is_done);
  free(part->vector_places);
  free(part);
}

void infer_context_destroy(infer_context *context) {
  if (!context) return;
  context_join(context->device);
  group_synchronize(context->device);
  context_set_idle(context);
  device_scope scope(context->device);
  while (context) {
    infer_context *next = context->next;
    destroy_part(context);
    context = next;
  }
}

static int32_t grow_part(infer_context *c, int rows) {
  if (c->output) cudaFree(c->output);
  if (c->gathered) cudaFree(c->gathered);
  c->output = c->gathered = NULL;
  c->output_rows = 0;
  const infer_model_config *m = &c->model->config;
  int parts = c->device->part.count;
  size_t part_numbers = (size_t)shard_vocabulary_rows(&c->model->whole, parts);
  size_t numbers = (size_t)rows * (size_t)(m->vocabulary_size + m->hidden_size);
  int32_t status = device_allocate((void **)&c->output, numbers * sizeof(float), "logits");
  if (!status && parts > 1) {
    status = device_allocate((void **)&c->gathered,
                             (size_t)parts * (size_t)rows * part_numbers * sizeof(float), "logits");
  }
  if (!status) c->output_rows = rows;
  return status;
}

int32_t context_grow_outputs(infer_context *c, int rows) {
  if (rows <= c->output_rows) return INFER_OK;
  int most = 1;
  while (most < rows) most *= 2;
  // Graphs write there, and steps that are on their way.
  (void)wait_for_stream(c->device, "make room for logits");
  step_free_graphs(c);
  if (c->pinned_output) cudaFreeHost(c->pinned_output);
  c->pinned_output = NULL;
  const infer_model_config *m = &c->model->config;
  size_t bytes = (size_t)most * (size_t)(m->vocabulary_size + m->hidden_size) * sizeof(float);
  device_scope scope(c->device);
  int32_t status = INFER_OK;
  for (infer_context *at = c; at && !status; at = at->next) {
    device_enter(at->device);
    status = grow_part(at, most);
  }
  if (!status) {
    status = cuda_status(cudaMallocHost((void **)&c->pinned_output, bytes), "make room for logits");
  }
  if (!status) status = resident_update(c);
  // The next step tries again.
  if (status) c->output_rows = 0;
  return status;
}

int32_t infer_submit(infer_context *c, const int32_t *step, size_t words, float *logits,
                     float *states) {
  const infer_model_config *m = &c->model->config;
  int32_t status = device_check_idle(c->device);
  if (!status) status = step_check(step, words, &c->config, m->vocabulary_size,
                                   m->context_tokens_max, 0);
  step_shape shape;
  if (!status) status = shape_step(c->config, step, c->device->has_graphs, 0, &shape);
  if (!status) status = context_grow_outputs(c, shape.logits);
  if (status) return status;
  c->logits_to = logits;
  c->states_to = states;
  c->logit_count = step_header(step)->logit_count;
  cudaError_t error = cudaSuccess;
  if (shape.tokens > 0) {
    pack_step(step, shape, c->pinned_step);
    error = step_start(c, shape);
  }
  if (error == cudaSuccess) error = cudaEventRecord(c->is_done, c->device->place.stream);
  if (error != cudaSuccess) return group_failed(c->device, error, "start a step");
  c->failed = INFER_OK;
  context_set_running(c);
  return INFER_OK;
}

void context_set_running(infer_context *context) {
  pthread_mutex_lock(&context->device->lock);
  context->device->running = context;
  pthread_mutex_unlock(&context->device->lock);
}

void context_set_idle(infer_context *context) {
  pthread_mutex_lock(&context->device->lock);
  if (context->device->running == context) context->device->running = NULL;
  pthread_mutex_unlock(&context->device->lock);
}

// The step has ended: its outputs to where they are wanted. Holding the lock.
static void take_outputs(infer_device *device) {
  infer_context *c = device->running;
  const infer_model_config *m = &c->model->config;
  size_t rows = (size_t)c->logit_count, hidden = (size_t)m->hidden_size;
  size_t vocabulary = (size_t)m->vocabulary_size;
  if (rows > 0) {
    memcpy(c->states_to, c->pinned_output, rows * hidden * sizeof(float));
    memcpy(c->logits_to, c->pinned_output + (size_t)c->output_rows * hidden,
           rows * vocabulary * sizeof(float));
  }
  device->running = NULL;
}

bool context_is_idle(infer_device *device) {
  pthread_mutex_lock(&device->lock);
  infer_context *c = device->running;
  // What was drawn is fetched by the caller.
  bool is_drawing = c && c->draws.on_way > 0;
  if (c && !is_drawing && cudaEventQuery(c->is_done) == cudaSuccess) take_outputs(device);
  bool is_idle = device->running == NULL;
  pthread_mutex_unlock(&device->lock);
  return is_idle;
}

int32_t context_join(infer_device *device) {
  pthread_mutex_lock(&device->lock);
  infer_context *c = device->running;
  pthread_mutex_unlock(&device->lock);
  if (!c) return INFER_OK;
  if (c->draws.on_way > 0) {
    return wait_for_stream(device, "run a step");
  }
  int32_t status = wait_for_event(device, c->is_done, "run a step");
  pthread_mutex_lock(&device->lock);
  // Another thread that waited may have been here first.
  if (device->running == c && !status) take_outputs(device);
  if (device->running == c) device->running = NULL;
  if (status) {
    c->failed = status;
    infer_error(c->failure, sizeof c->failure);
  }
  pthread_mutex_unlock(&device->lock);
  return status;
}

int32_t infer_wait(infer_context *context) {
  int32_t status = context_join(context->device);
  // Another thread that waited may have heard of a failure first.
  return status || !context->failed ? status : fail(context->failed, "%s", context->failure);
}

int32_t infer_idle(infer_context *context) { return context_is_idle(context->device); }

static int32_t copy_part(infer_context *c, const int32_t *pairs, int32_t count) {
  cudaStream_t stream = c->device->place.stream;
  if (count > c->copy_pairs_max) {
    cudaStreamSynchronize(stream);
    if (c->copy_pairs) cudaFree(c->copy_pairs);
    c->copy_pairs_max = 0;
    int32_t status = device_allocate((void **)&c->copy_pairs, (size_t)count * 2 * sizeof(int32_t),
                                     "pairs of blocks");
    if (status) return status;
    c->copy_pairs_max = count;
  }
  // From pageable memory: the call returns when the numbers have been taken.
  cudaError_t error = cudaMemcpyAsync(c->copy_pairs, pairs, (size_t)count * 2 * sizeof(int32_t),
                                      cudaMemcpyHostToDevice, stream);
  if (error == cudaSuccess) error = kv_copy_run(c->kv, c->copy_pairs, count, c->device->place);
  return cuda_status(error, "copy blocks");
}

int32_t infer_copy_blocks(infer_context *c, const int32_t *pairs, int32_t count) {
  int32_t status = device_check_idle(c->device);
  if (status) return status;
  for (int32_t i = 0; i < 2 * count; i++) {
    if (pairs[i] >= 0 && pairs[i] < c->config.block_count) continue;
    return fail(INFER_INVALID, "Cannot copy block %d of %d", pairs[i], c->config.block_count);
  }
  if (count <= 0) return INFER_OK;
  device_scope scope(c->device);
  for (infer_context *at = c; at && !status; at = at->next) {
    device_enter(at->device);
    status = copy_part(at, pairs, count);
  }
  return status;
}
