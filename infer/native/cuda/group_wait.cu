// Copyright 2026 the Photon for Deno authors. Apache-2.0 license.
// Waiting for GPUs that compute together. One that fails amid a sum never comes to its end, nor do
// the others, and the CUDA runtime does not know: who waits asks the communicator now and then.
#include <sched.h>
#include <time.h>

#include "communicator.cuh"
#include "device.cuh"

// How often the communicator is asked.
#define ASK_MS 1.0
// GPUs that were told to give up, and still do not end, are not waited for any longer.
#define GIVE_UP_MS 10000.0

static double now_ms() {
  struct timespec now;
  clock_gettime(CLOCK_MONOTONIC, &now);
  return (double)now.tv_sec * 1e3 + (double)now.tv_nsec * 1e-6;
}

// Waits while `query` says that it is not done.
template <class F>
static cudaError_t wait_while(communicator *group, F query) {
  double begun = now_ms(), asked = begun, over = 0;
  for (;;) {
    cudaError_t error = query();
    if (error != cudaErrorNotReady) return error;
    double now = now_ms();
    if (over == 0 && now - asked >= ASK_MS) {
      asked = now;
      if (communicator_is_over(group, now - begun)) over = now;
    }
    if (over > 0 && now - over > GIVE_UP_MS) return cudaErrorLaunchFailure;
    sched_yield();
  }
}

static int32_t status_of(infer_device *first, cudaError_t error, const char *what) {
  int32_t status = group_check(first, what);
  return status ? status : cuda_status(error, what);
}

int32_t group_check(infer_device *first, const char *what) {
  communicator *group = first->communicator;
  if (!group || !group->is_over.load()) return INFER_OK;
  return fail(INFER_IO, "Cannot %s: %s", what, group->trouble);
}

int32_t wait_for_event(infer_device *first, cudaEvent_t event, const char *what) {
  communicator *group = first->communicator;
  if (!group || !group->look) return cuda_status(cudaEventSynchronize(event), what);
  return status_of(first, wait_while(group, [=] { return cudaEventQuery(event); }), what);
}

static cudaError_t wait_for_stream_of(infer_device *first, cudaStream_t stream) {
  communicator *group = first->communicator;
  if (!group || !group->look) return cudaStreamSynchronize(stream);
  return wait_while(group, [=] { return cudaStreamQuery(stream); });
}

int32_t wait_for_stream(infer_device *first, const char *what) {
  return status_of(first, wait_for_stream_of(first, first->place.stream), what);
}

cudaError_t group_synchronize(infer_device *first) {
  cudaError_t error = cudaSuccess;
  for (infer_device *at = first; at; at = at->next) {
    if (!at->place.stream) continue;
    cudaError_t own = wait_for_stream_of(first, at->place.stream);
    if (error == cudaSuccess) error = own;
  }
  return error;
}

int32_t group_failed(infer_device *first, cudaError_t error, const char *what) {
  (void)group_synchronize(first);
  return status_of(first, error, what);
}
