// Copyright 2026 the Photon for Deno authors. Apache-2.0 license.
// A GPU as a device: one stream, on which everything runs in order.
#ifndef INFER_CUDA_DEVICE_CUH
#define INFER_CUDA_DEVICE_CUH

#include <pthread.h>

#include "step_view.cuh"

extern "C" {
#include "../model.h"
#include "../status.h"
}

#define LOAD_SLOTS 2

// Memory that rows go through on their way into a matrix.
struct load_slot {
  unsigned char *pinned;
  unsigned char *staged; // in device memory
  size_t bytes;          // of each
  cudaEvent_t is_free;   // recorded when the rows have been packed
};

struct communicator;

// One GPU; where several compute together (group.h), the first stands for all of them.
struct infer_device {
  run_place place;
  int gpu;                // its number
  shard part;             // which of how many
  infer_device *next;     // or NULL
  cudaEvent_t turn;       // see group_fork
  struct communicator *communicator; // of the first of several
  char name[256];
  bool has_graphs;
  bool is_w8a8;              // prompts are multiplied as integers, with one scale a token
  char resident[64];         // what the last context has of resident_room.cuh, in words
  struct cublaslt *library;  // opened by the first context; NULL before
  load_slot slots[LOAD_SLOTS];
  unsigned long long *strange; // see pack_args
  pthread_mutex_t lock;   // of `running` and what its end does
  infer_context *running; // whose step is on its way
};

// A status for what the CUDA runtime says; `what` completes "Cannot ...".
int32_t cuda_status(cudaError_t error, const char *what);

// INFER_BUSY when a step is on its way, INFER_IO when none can be any more.
int32_t device_check_idle(infer_device *device);

// Enters a device again at the end of a block that went through others.
struct device_scope {
  explicit device_scope(const infer_device *device) : device_(device) {}
  ~device_scope() { device_enter(device_); }
  device_scope(const device_scope &) = delete;
  device_scope &operator=(const device_scope &) = delete;
  const infer_device *device_;
};

// The streams of a group go on where the first one's is, and the first one's where all are. Between
// the two, a graph that the first one's stream records takes in those of the others.
cudaError_t group_fork(infer_device *first);
cudaError_t group_join(infer_device *first);

// --- Waiting: where GPUs may fail amid a sum, no other call does (group_wait.cu) ---

// Fails when the GPUs of a group cannot go on.
int32_t group_check(infer_device *first, const char *what);

// Waits for an event, or for the first one's stream; `what` completes "Cannot ...".
int32_t wait_for_event(infer_device *first, cudaEvent_t event, const char *what);
int32_t wait_for_stream(infer_device *first, const char *what);

// Waits for all streams of a group.
cudaError_t group_synchronize(infer_device *first);

// Why a call has failed that enqueued kernels. Waits for those that have begun: what they use must
// stay as it is.
int32_t group_failed(infer_device *first, cudaError_t error, const char *what);

// Device memory of zeros; NULL with a text when there is none.
int32_t device_allocate(void **data, size_t bytes, const char *what);

#endif
