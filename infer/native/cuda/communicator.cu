// Copyright 2026 the Photon for Deno authors. Apache-2.0 license.
#include "communicator.cuh"

#include <stdio.h>
#include <string.h>

#include <new>

#define ADD_THREADS 256

int32_t communicator_create(communicator **place, infer_device *const *devices, int count,
                            const char *name) {
  // All zero.
  communicator *made = new (std::nothrow) communicator();
  *place = made;
  if (!made) return fail(INFER_NO_MEMORY, "Cannot make a group of GPUs");
  pthread_mutex_init(&made->lock, NULL);
  made->count = count;
  for (int i = 0; i < count; i++) made->devices[i] = devices[i];
  if (strcmp(name, "host") == 0) return host_create(made);
  int32_t status = nccl_create(made);
  // Out of memory on a GPU is no reason to take another kind.
  if (!status || *name || made->kind) return status;
  char reason[COMMUNICATOR_TEXT_BYTES - 8];
  infer_error(reason, sizeof reason);
  status = host_create(made);
  snprintf(made->text, sizeof made->text, "host: %s", reason);
  return status;
}

void communicator_destroy(communicator *c) {
  if (!c) return;
  if (c->close) c->close(c);
  for (int i = 0; i < c->count; i++) {
    if (c->pieces[i]) cudaFree(c->pieces[i]);
  }
  pthread_mutex_destroy(&c->lock);
  delete c;
}

bool communicator_is_over(communicator *c, double waited_ms) {
  pthread_mutex_lock(&c->lock);
  if (!c->is_over.load() && c->look(c, waited_ms)) c->is_over.store(true);
  bool is_over = c->is_over.load();
  pthread_mutex_unlock(&c->lock);
  return is_over;
}

int32_t make_pieces(communicator *made) {
  int32_t status = INFER_OK;
  size_t bytes = (size_t)made->count * PIECE_NUMBERS * sizeof(float);
  for (int i = 0; i < made->count && !status; i++) {
    device_enter(made->devices[i]);
    status = device_allocate((void **)&made->pieces[i], bytes, "sums");
  }
  device_enter(made->devices[0]);
  return status;
}

struct add_args {
  const float *parts; // [count][numbers]
  int count;
  size_t numbers;
  float *sums;
};

__global__ void __launch_bounds__(ADD_THREADS) add_kernel(add_args a) {
  let_next_kernel_begin();
  wait_for_earlier_kernels();
  size_t at = (size_t)blockIdx.x * ADD_THREADS + threadIdx.x;
  if (at >= a.numbers) return;
  float sum = a.parts[at];
  for (int i = 1; i < a.count; i++) sum += a.parts[(size_t)i * a.numbers + at];
  a.sums[at] = sum;
}

static cudaError_t add_run(const add_args &args, const run_place &place) {
  unsigned blocks = (unsigned)((args.numbers + ADD_THREADS - 1) / ADD_THREADS);
  return launch({dim3(blocks), dim3(ADD_THREADS), 0, place.stream, place.overlaps}, add_kernel,
                args);
}

cudaError_t reduce_in_order(communicator *c, float *const *data, size_t numbers) {
  const float *from[INFER_GROUP_MAX];
  for (size_t begin = 0; begin < numbers; begin += PIECE_NUMBERS) {
    size_t count = numbers - begin < PIECE_NUMBERS ? numbers - begin : PIECE_NUMBERS;
    for (int i = 0; i < c->count; i++) from[i] = data[i] + begin;
    RETURN_IF_FAILED(c->gather(c, from, c->pieces, count));
    for (int i = 0; i < c->count; i++) {
      device_enter(c->devices[i]);
      RETURN_IF_FAILED(add_run({c->pieces[i], c->count, count, data[i] + begin},
                               c->devices[i]->place));
    }
  }
  return cudaSuccess;
}

__global__ void __launch_bounds__(ADD_THREADS) beside_kernel(beside_args a) {
  let_next_kernel_begin();
  wait_for_earlier_kernels();
  int at = (int)blockIdx.x * ADD_THREADS + (int)threadIdx.x, row = (int)blockIdx.y;
  if (at >= a.whole_numbers) return;
  size_t part = (size_t)(at / a.part_numbers) * (size_t)a.rows + (size_t)row;
  a.whole[(size_t)row * (size_t)a.whole_numbers + (size_t)at] =
      a.parts[part * (size_t)a.part_numbers + (size_t)(at % a.part_numbers)];
}

cudaError_t beside_run(const beside_args &args, const run_place &place) {
  unsigned blocks = (unsigned)((args.whole_numbers + ADD_THREADS - 1) / ADD_THREADS);
  return launch({dim3(blocks, (unsigned)args.rows), dim3(ADD_THREADS), 0, place.stream,
                 place.overlaps},
                beside_kernel, args);
}
