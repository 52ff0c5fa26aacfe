// Copyright 2026 the Photon for Deno authors. Apache-2.0 license.
// How the GPUs of a group meet. Everything is enqueued on their streams by one thread, for all of
// them in one call, and nothing waits on the host: both kinds may be part of a graph.
//
//     reduce   data[i] = data[0] + data[1] + ... on every GPU
//     gather   to[i] = | from[0] | from[1] | ... on every GPU; from[i] may be its place in to[i]
//
// In deterministic mode a sum is a gather and an addition in the order of the GPUs, since the order
// in which NCCL adds depends on how much there is to add.
#ifndef INFER_CUDA_COMMUNICATOR_CUH
#define INFER_CUDA_COMMUNICATOR_CUH

#include <pthread.h>

#include <atomic>

#include "device.cuh"
#include "group.h"

// Numbers that are gathered at a time, to be added or on their way through the host.
#define PIECE_NUMBERS ((size_t)1 << 18)
#define COMMUNICATOR_TEXT_BYTES 160

struct communicator {
  infer_device *devices[INFER_GROUP_MAX];
  int count;
  char text[COMMUNICATOR_TEXT_BYTES]; // what it is, and why nothing better
  cudaError_t (*reduce)(communicator *self, float *const *data, size_t numbers);
  cudaError_t (*gather)(communicator *self, const float *const *from, float *const *to,
                        size_t numbers);
  // Whether GPUs have failed, or have not come to an end for so long; then `trouble` says why and
  // they are made to give up. NULL for a kind that cannot fail by itself.
  bool (*look)(communicator *self, double waited_ms);
  std::atomic<bool> is_over; // nothing can be summed any more
  char trouble[COMMUNICATOR_TEXT_BYTES];
  pthread_mutex_t lock; // of the kind's calls, and of what ends them
  // Frees what the kind has; or NULL.
  void (*close)(communicator *self);
  void *kind;                      // what the kind keeps
  float *pieces[INFER_GROUP_MAX]; // [count][PIECE_NUMBERS] on each GPU, or NULL
};

// Makes one for devices that have their streams.
int32_t communicator_create(communicator **made, infer_device *const *devices, int count,
                            const char *name);

void communicator_destroy(communicator *communicator);

// Asks whether the GPUs cannot go on, who have been waited for for so long.
bool communicator_is_over(communicator *communicator, double waited_ms);

// What was gathered of rows, [parts][rows][part], lies beside each other then: [rows][whole].
struct beside_args {
  const float *parts;
  float *whole;
  int rows;
  int part_numbers;  // of a row
  int whole_numbers; // of a row
};

cudaError_t beside_run(const beside_args &args, const run_place &place);

// --- Between communicator.cu and the kinds ---

int32_t host_create(communicator *made);

// Fails with a text where there is no NCCL or it cannot be had.
int32_t nccl_create(communicator *made);

// `reduce` in terms of `gather`, in the order of the GPUs; needs `pieces`.
cudaError_t reduce_in_order(communicator *self, float *const *data, size_t numbers);

int32_t make_pieces(communicator *made);

#endif
