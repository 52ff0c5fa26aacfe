// Copyright 2026 the Photon for Deno authors. Apache-2.0 license.
#include "resident_room.cuh"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "context.cuh"

#define USE_VARIABLE "PHOTON_INFER_RESIDENT"
#define TIMED_STEPS 5
#define TIMED_CONTEXT 512
// What is fetched ahead is this part of the second cache: it has keys, values and states as well.
#define LEAD_PART 3
// Rows of a tile that attends: query heads of a key-value head.
#define SHARING_MAX TILE_ROWS

enum resident_use { RESIDENT_NEVER, RESIDENT_MEASURED, RESIDENT_ALWAYS };

static enum resident_use chosen_use() {
  const char *chosen = getenv(USE_VARIABLE);
  if (chosen && strcmp(chosen, "never") == 0) return RESIDENT_NEVER;
  if (chosen && strcmp(chosen, "always") == 0) return RESIDENT_ALWAYS;
  return RESIDENT_MEASURED;
}

static int count_products(const infer_model_config &m) {
  return m.layer_count * RESIDENT_PRODUCTS + 1;
}

// What only the host needs to know of all products.
struct product_list {
  product_args *products;
  place_layer *layers;
};

static int32_t list_products(infer_context *c, product_list *list) {
  const infer_model_config &m = c->model->config;
  list->products = (product_args *)calloc((size_t)count_products(m), sizeof *list->products);
  list->layers = (place_layer *)calloc((size_t)m.layer_count + 1, sizeof *list->layers);
  if (!list->products || !list->layers) return fail(INFER_NO_MEMORY, "Cannot make a context");
  step_products(c, list->products, list->layers);
  return INFER_OK;
}

static void free_list(product_list *list) {
  free(list->products);
  free(list->layers);
}

// Whether the kernel takes such a model and context; fills in what it is chosen by.
static bool is_possible(const infer_context *c, const product_list &list, resident_room *room) {
  const infer_model_config &m = c->model->config;
  const device_matrix &first = list.products[0].jobs[0].matrix;
  for (int i = 0; i < count_products(m); i++) {
    for (const linear_job &job : list.products[i].jobs) {
      if (!job.matrix.levels) continue;
      if (job.matrix.type != first.type || job.matrix.group_size != first.group_size) return false;
    }
  }
  int sharing = m.head_count / m.kv_head_count;
  if (first.type == INFER_F32) return false;
  if (c->kv.type == INFER_F32 || m.head_size > TILE_HEAD_MAX || sharing > SHARING_MAX) return false;
  const run_place &place = c->device->place;
  room->kind = {first.type, first.chunk_groups, m.head_size, c->kv.type,
                place.compute >= 80 ? 2 : 1};
  room->layout = resident_lay_out(room->kind, list.products, count_products(m), sharing, place);
  bool is_possible = resident_check(room->kind, room->layout, place) == cudaSuccess;
  // What the runtime keeps of a refusal is nobody else's.
  if (!is_possible) (void)cudaGetLastError();
  return is_possible;
}

static int32_t fill_room(infer_context *c, resident_room *room) {
  const infer_model_config &m = c->model->config;
  int cache_bytes = 0;
  cudaError_t error =
      cudaDeviceGetAttribute(&cache_bytes, cudaDevAttrL2CacheSize, c->device->gpu);
  if (error != cudaSuccess) return cuda_status(error, "ask the GPU what it is");
  room->lead_bytes = cache_bytes / LEAD_PART / c->device->place.multiprocessors;
  int32_t status = device_allocate((void **)&room->meeting, sizeof *room->meeting, "a step");
  if (!status) {
    status = device_allocate((void **)&room->products,
                             (size_t)count_products(m) * sizeof *room->products, "a step");
  }
  if (status) return status;
  return device_allocate((void **)&room->layers, (size_t)(m.layer_count + 1) * sizeof *room->layers,
                         "a step");
}

static int32_t send_products(infer_context *c, const product_list &list) {
  const infer_model_config &m = c->model->config;
  resident_room *room = c->resident;
  cudaError_t error = cudaMemcpy(room->products, list.products,
                                 (size_t)count_products(m) * sizeof *list.products,
                                 cudaMemcpyHostToDevice);
  if (error == cudaSuccess) {
    error = cudaMemcpy(room->layers, list.layers, (size_t)m.layer_count * sizeof *list.layers,
                       cudaMemcpyHostToDevice);
  }
  // The device's stream does not wait for the one that copies are on.
  if (error == cudaSuccess) error = cudaDeviceSynchronize();
  return cuda_status(error, "send a step to the GPU");
}

int32_t resident_update(infer_context *c) {
  if (!c->resident) return INFER_OK;
  product_list list = {};
  int32_t status = list_products(c, &list);
  if (!status) status = send_products(c, list);
  free_list(&list);
  return status;
}

size_t resident_bytes(const infer_context *c) {
  const resident_room *room = c->resident;
  if (!room) return 0;
  const infer_model_config &m = c->model->config;
  return sizeof *room->meeting + (size_t)count_products(m) * sizeof *room->products +
         (size_t)(m.layer_count + 1) * sizeof *room->layers;
}

void resident_drop(resident_room *room) {
  if (!room) return;
  void *const pieces[] = {room->meeting, room->products, room->layers};
  for (void *piece : pieces) {
    if (piece) cudaFree(piece);
  }
  free(room);
}

// A step of one sequence with one token, as it will be timed.
static step_shape shape_one(const infer_context *c) {
  const infer_context_config &config = c->config;
  int most = config.blocks_per_sequence_max * config.block_tokens;
  step_shape shape = {};
  shape.tokens = shape.sequences = shape.logits = shape.query_max = 1;
  shape.context_max = most < TIMED_CONTEXT ? most : TIMED_CONTEXT;
  shape.blocks_per_sequence = (shape.context_max + config.block_tokens - 1) / config.block_tokens;
  shape.block_tokens = config.block_tokens;
  shape.is_graph = c->device->has_graphs;
  return shape;
}

// Token 0 at the end of a context that is block 0 again and again.
static void pack_one(infer_context *c) {
  step_shape shape = shape_one(c);
  step_layout layout = lay_out_step(shape);
  memset(c->pinned_step, 0, (size_t)layout.words * sizeof(int32_t));
  c->pinned_step[layout.positions] = shape.context_max - 1;
  c->pinned_step[layout.query_starts + 1] = 1;
  c->pinned_step[layout.context_lengths] = shape.context_max;
}

// Best of some steps in milliseconds, after two that are not timed.
static cudaError_t time_steps(infer_context *c, bool is_taken, float *best) {
  cudaStream_t stream = c->device->place.stream;
  step_shape shape = shape_one(c);
  c->resident->is_taken = is_taken;
  step_free_graphs(c);
  cudaEvent_t begin, end = NULL;
  RETURN_IF_FAILED(cudaEventCreate(&begin));
  cudaError_t error = cudaEventCreate(&end);
  *best = INFINITY;
  for (int i = -2; i < TIMED_STEPS && error == cudaSuccess; i++) {
    float time = INFINITY;
    error = cudaEventRecord(begin, stream);
    if (error == cudaSuccess) error = step_start(c, shape);
    if (error == cudaSuccess) error = cudaEventRecord(end, stream);
    if (error == cudaSuccess) error = cudaEventSynchronize(end);
    if (error == cudaSuccess) error = cudaEventElapsedTime(&time, begin, end);
    if (i >= 0 && time < *best) *best = time;
  }
  step_free_graphs(c);
  cudaEventDestroy(begin);
  if (end) cudaEventDestroy(end);
  return error;
}

// Times a step both ways. A GPU that cannot record the kernel, or start it, goes without.
static int32_t measure(infer_context *c) {
  infer_device *device = c->device;
  bool had_graphs = device->has_graphs;
  pack_one(c);
  float own = INFINITY, resident = INFINITY;
  cudaError_t error = time_steps(c, false, &own);
  if (error != cudaSuccess) return cuda_status(error, "measure a step");
  bool is_refused = time_steps(c, true, &resident) != cudaSuccess;
  is_refused = is_refused || device->has_graphs != had_graphs;
  device->has_graphs = had_graphs;
  if (is_refused) (void)cudaGetLastError();
  c->resident->is_taken = !is_refused && resident < own;
  snprintf(device->resident, sizeof device->resident, "%s: %.0f us, not %.0f us",
           is_refused              ? "refused"
           : c->resident->is_taken ? "measured"
                                   : "not taken",
           1000.0 * (double)(is_refused || c->resident->is_taken ? resident : own),
           1000.0 * (double)(c->resident->is_taken ? own : resident));
  return cuda_status(cudaStreamSynchronize(device->place.stream), "measure a step");
}

int32_t resident_create(infer_context *c) {
  enum resident_use use = chosen_use();
  const run_place &place = c->device->place;
  bool is_wanted = use != RESIDENT_NEVER && !place.is_deterministic && c->device->part.count == 1;
  snprintf(c->device->resident, sizeof c->device->resident, "never");
  if (!is_wanted) return INFER_OK;
  // The products name where logits go.
  int32_t status = context_grow_outputs(c, 1);
  if (status) return status;
  product_list list = {};
  resident_room *room = (resident_room *)calloc(1, sizeof *room);
  status = room ? list_products(c, &list) : fail(INFER_NO_MEMORY, "Cannot make a context");
  if (!status && is_possible(c, list, room)) {
    c->resident = room;
    status = fill_room(c, room);
    if (!status) status = send_products(c, list);
  } else {
    free(room);
  }
  free_list(&list);
  if (status || !c->resident) return status;
  if (use == RESIDENT_MEASURED) return measure(c);
  c->resident->is_taken = true;
  snprintf(c->device->resident, sizeof c->device->resident, "always");
  return INFER_OK;
}

bool resident_takes(const resident_room *room, const step_shape &shape) {
  return room && room->is_taken && shape.tokens == 1 && shape.sequences == 1 &&
         shape.logits == 1 && shape.context_max <= RESIDENT_CONTEXT_MAX;
}
