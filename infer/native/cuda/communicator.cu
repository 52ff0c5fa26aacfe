// Copyright 2026 the Photon for Deno authors. Apache-2.0 license.
#include "communicator.cuh"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define ADD_THREADS 256

int32_t communicator_create(communicator **place, infer_device *const *devices, int count,
                            const char *name) {
  communicator *made = (communicator *)calloc(1, sizeof *made);
  *place = made;
  if (!made) return fail(INFER_NO_MEMORY, "Cannot make a group of GPUs");
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
  free(c);
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

// --- Through the host ---

// Two in turn: who writes one anew has waited for the other, and with it for all that read the first.
#define SLOTS 2

struct host_kind {
  float *slots[SLOTS]; // pinned, [count][PIECE_NUMBERS]
  cudaEvent_t written[SLOTS][INFER_GROUP_MAX];
  int turn;
};

static cudaError_t gather_piece(communicator *c, const float *const *from, float *const *to,
                                size_t begin, size_t count, size_t numbers) {
  host_kind *kind = (host_kind *)c->kind;
  float *slot = kind->slots[kind->turn];
  const cudaEvent_t *written = kind->written[kind->turn];
  kind->turn = (kind->turn + 1) % SLOTS;
  size_t bytes = count * sizeof(float);
  for (int i = 0; i < c->count; i++) {
    cudaStream_t stream = c->devices[i]->place.stream;
    device_enter(c->devices[i]);
    RETURN_IF_FAILED(cudaMemcpyAsync(slot + (size_t)i * PIECE_NUMBERS, from[i] + begin, bytes,
                                     cudaMemcpyDeviceToHost, stream));
    RETURN_IF_FAILED(cudaEventRecord(written[i], stream));
  }
  for (int i = 0; i < c->count; i++) {
    cudaStream_t stream = c->devices[i]->place.stream;
    device_enter(c->devices[i]);
    for (int j = 0; j < c->count; j++) {
      if (j != i) RETURN_IF_FAILED(cudaStreamWaitEvent(stream, written[j], 0));
      RETURN_IF_FAILED(cudaMemcpyAsync(to[i] + (size_t)j * numbers + begin,
                                       slot + (size_t)j * PIECE_NUMBERS, bytes,
                                       cudaMemcpyHostToDevice, stream));
    }
  }
  return cudaSuccess;
}

static cudaError_t host_gather(communicator *c, const float *const *from, float *const *to,
                               size_t numbers) {
  for (size_t begin = 0; begin < numbers; begin += PIECE_NUMBERS) {
    size_t count = numbers - begin < PIECE_NUMBERS ? numbers - begin : PIECE_NUMBERS;
    RETURN_IF_FAILED(gather_piece(c, from, to, begin, count, numbers));
  }
  return cudaSuccess;
}

static void host_close(communicator *c) {
  host_kind *kind = (host_kind *)c->kind;
  for (int slot = 0; slot < SLOTS; slot++) {
    if (kind->slots[slot]) cudaFreeHost(kind->slots[slot]);
    for (int i = 0; i < c->count; i++) {
      if (kind->written[slot][i]) cudaEventDestroy(kind->written[slot][i]);
    }
  }
  free(kind);
}

int32_t host_create(communicator *made) {
  host_kind *kind = (host_kind *)calloc(1, sizeof *kind);
  if (!kind) return fail(INFER_NO_MEMORY, "Cannot make a group of GPUs");
  made->kind = kind;
  made->close = host_close;
  made->gather = host_gather;
  made->reduce = reduce_in_order;
  snprintf(made->text, sizeof made->text, "host");
  size_t bytes = (size_t)made->count * PIECE_NUMBERS * sizeof(float);
  cudaError_t error = cudaSuccess;
  for (int slot = 0; slot < SLOTS; slot++) {
    if (error == cudaSuccess) error = cudaMallocHost((void **)&kind->slots[slot], bytes);
    for (int i = 0; i < made->count && error == cudaSuccess; i++) {
      device_enter(made->devices[i]);
      error = cudaEventCreateWithFlags(&kind->written[slot][i], cudaEventDisableTiming);
    }
  }
  device_enter(made->devices[0]);
  return error == cudaSuccess ? make_pieces(made) : cuda_status(error, "make a group of GPUs");
}
