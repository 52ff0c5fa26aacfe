// Copyright 2026 the Photon for Deno authors. Apache-2.0 license.
// Sums through pinned memory of the host, for GPUs without NCCL and for parts that share a GPU:
//
//     GPU 0, 1, ...  --own part-->  | slot 0, 1, ... |  --all parts-->  GPU 0, 1, ...
//
// Streams wait for each other's events, never the host for a stream.
#include <stdio.h>
#include <stdlib.h>

#include "communicator.cuh"

// Two in turn: who writes one anew has waited for the other, and so for all that read the first.
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
