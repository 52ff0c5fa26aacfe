// Copyright 2026 the Photon for Deno authors. Apache-2.0 license.
// What a context has for large products: the library, memory, and what was measured.
#include <stdlib.h>
#include <string.h>

#include "context.cuh"
#include "large.cuh"

// When large products are taken: "never", "always", or else where they were measured to be faster.
#define USE_VARIABLE "PHOTON_INFER_CUBLASLT"
#define TIMED_RUNS 3
// A context is not held up for longer than about that; what is not measured then goes as the last.
#define MEASURE_MS_MAX 500.0f

static enum large_use chosen_use() {
  const char *chosen = getenv(USE_VARIABLE);
  if (chosen && strcmp(chosen, "never") == 0) return LARGE_NEVER;
  if (chosen && strcmp(chosen, "always") == 0) return LARGE_ALWAYS;
  return LARGE_MEASURED;
}

bool large_is_always(const infer_device *device) {
  return device->is_w8a8 || chosen_use() == LARGE_ALWAYS;
}

// The device's library, opened when a context first needs it; NULL where there is none.
static cublaslt *device_library(infer_device *device) {
  if (!device->library) {
    device->library = (cublaslt *)calloc(1, sizeof *device->library);
    if (!device->library) return NULL;
    cublaslt_open(device->library);
  }
  return device->library->file ? device->library : NULL;
}

static large_sizes sizes_of(const infer_model_config &m, int tokens_max) {
  large_sizes sizes = {};
  int queries = m.head_count * m.head_size, keys = m.kv_head_count * m.head_size;
  large_fit(&sizes, tokens_max, queries + 2 * keys, m.hidden_size);
  large_fit(&sizes, tokens_max, m.hidden_size, queries);
  large_fit(&sizes, tokens_max, 2 * m.intermediate_size, m.hidden_size);
  large_fit(&sizes, tokens_max, m.hidden_size, m.intermediate_size);
  return sizes;
}

static int32_t fill_room(large_room *room, const large_sizes &sizes, int tokens_max) {
  room->weight_bytes = sizes.weights;
  room->sum_bytes = sizes.sums;
  size_t tokens = ((size_t)tokens_max + LARGE_TOKENS_MIN) * sizeof(float);
  const struct {
    void **data;
    size_t bytes;
  } pieces[] = {
      {(void **)&room->weights, sizes.weights}, {(void **)&room->inputs, sizes.inputs},
      {(void **)&room->input_scales, tokens},   {(void **)&room->weight_scales, sizes.scales},
      {(void **)&room->sums, sizes.sums},
  };
  for (const auto &piece : pieces) {
    int32_t status = device_allocate(piece.data, piece.bytes, "large products");
    if (status) return status;
    room->bytes += piece.bytes;
  }
  return INFER_OK;
}

size_t large_bytes(const large_room *room) { return room ? room->bytes : 0; }

int32_t large_make(infer_device *device, const large_sizes &sizes, int tokens_max,
                   large_room **made) {
  *made = NULL;
  enum large_use use = chosen_use();
  bool is_wanted = !device->place.is_deterministic && tokens_max >= LARGE_TOKENS_MIN &&
                   (use != LARGE_NEVER || device->is_w8a8);
  cublaslt *library = is_wanted ? device_library(device) : NULL;
  if (!library) {
    if (!is_wanted || !device->is_w8a8) return INFER_OK;
    return fail(INFER_UNSUPPORTED, "Cannot multiply in W8A8: %s",
                device->library ? device->library->reason : "out of memory");
  }
  large_room *room = (large_room *)calloc(1, sizeof *room);
  if (!room) return fail(INFER_NO_MEMORY, "Cannot make room for large products");
  room->library = library;
  room->use = use;
  room->is_w8a8 = device->is_w8a8;
  int32_t status = fill_room(room, sizes, tokens_max);
  if (status) {
    large_drop(room);
    return status;
  }
  *made = room;
  return INFER_OK;
}

void large_drop(large_room *room) {
  if (!room) return;
  void *const pieces[] = {room->weights, room->inputs, room->input_scales, room->weight_scales,
                          room->sums};
  for (void *piece : pieces) {
    if (piece) cudaFree(piece);
  }
  free(room);
}

// Best of some runs in milliseconds, after one that is not timed.
static cudaError_t time_product(const linear_args &args, const run_place &place,
                                cudaError_t (*run)(const linear_args &, const run_place &),
                                float *best) {
  cudaEvent_t begin, end = NULL;
  RETURN_IF_FAILED(cudaEventCreate(&begin));
  cudaError_t error = cudaEventCreate(&end);
  *best = INFINITY;
  for (int i = 0; i <= TIMED_RUNS && error == cudaSuccess; i++) {
    float time = INFINITY;
    error = cudaEventRecord(begin, place.stream);
    if (error == cudaSuccess) error = run(args, place);
    if (error == cudaSuccess) error = cudaEventRecord(end, place.stream);
    if (error == cudaSuccess) error = cudaEventSynchronize(end);
    if (error == cudaSuccess) error = cudaEventElapsedTime(&time, begin, end);
    if (i > 0 && time < *best) *best = time;
  }
  cudaEventDestroy(begin);
  if (end) cudaEventDestroy(end);
  return error;
}

cudaError_t large_measure(const linear_args &args, const run_place &place) {
  large_room *room = args.room.large;
  large_choice *choice = large_can(args, place) ? large_choice_of(room, args) : NULL;
  if (!choice) return cudaSuccess;
  int bucket = large_bucket(args.tokens);
  float own = INFINITY, large = INFINITY;
  if (room->measured_ms < MEASURE_MS_MAX) {
    room->is_measuring = false;
    cudaError_t error = time_product(args, place, linear_run, &own);
    if (error == cudaSuccess) {
      error = time_product(args, place, large_run, &large);
      // What it cannot do is no failure.
      if (error == cudaErrorNotSupported) error = cudaSuccess;
    }
    room->is_measuring = true;
    RETURN_IF_FAILED(error);
    room->measured_ms += (1 + TIMED_RUNS) * (own + (large < INFINITY ? large : 0));
    choice->is_large = large < own;
  }
  if (choice->is_large) choice->buckets |= 1u << bucket;
  return cudaSuccess;
}

static cudaError_t measure_all(infer_context *c) {
  large_room *room = c->large;
  room->is_measuring = true;
  cudaError_t error = cudaSuccess;
  for (int i = 0; i < LARGE_BUCKETS && error == cudaSuccess; i++) {
    int64_t tokens = (int64_t)LARGE_TOKENS_MIN << i;
    if (tokens > c->config.tokens_max) break;
    error = step_measure(c, (int)tokens);
  }
  room->is_measuring = false;
  return error == cudaSuccess ? cudaStreamSynchronize(c->device->place.stream) : error;
}

int32_t large_create(infer_context *c) {
  int tokens_max = c->config.tokens_max;
  int32_t status = large_make(c->device, sizes_of(c->model->config, tokens_max), tokens_max,
                              &c->large);
  if (status || !c->large) return status;
  c->room.large = c->large;
  if (c->large->use != LARGE_MEASURED) return INFER_OK;
  return cuda_status(measure_all(c), "measure products");
}
