// Copyright 2026 the Photon for Deno authors. Apache-2.0 license.
// Drawing a token as a single operator, see infer.h.
#include <math.h>

#include "device.cuh"
#include "sample.cuh"

// What goes to the device and back.
struct sample_memory {
  sample_row how;
  sample_result result;
};

static cudaError_t sample_once(sample_memory *memory, const float *logits, int count,
                               unsigned char *data, const run_place &place) {
  sample_memory *there = (sample_memory *)data;
  float *row = (float *)(there + 1);
  cudaStream_t stream = place.stream;
  RETURN_IF_FAILED(
      cudaMemcpyAsync(there, memory, sizeof *memory, cudaMemcpyHostToDevice, stream));
  RETURN_IF_FAILED(cudaMemcpyAsync(row, logits, (size_t)count * sizeof *logits,
                                   cudaMemcpyHostToDevice, stream));
  RETURN_IF_FAILED(sample_run({row, &there->how, &there->result, 1, count}, place));
  RETURN_IF_FAILED(cudaMemcpyAsync(&memory->result, &there->result, sizeof memory->result,
                                   cudaMemcpyDeviceToHost, stream));
  return cudaStreamSynchronize(stream);
}

int32_t infer_op_sample(infer_device *device, const float *logits, int32_t count,
                        const infer_sampling *sampling, int32_t *token) {
  if (count < 1) return fail(INFER_INVALID, "Cannot draw one of %d tokens", count);
  int32_t status = device_check_idle(device);
  if (status) return status;
  float min_p = sampling->min_p;
  sample_memory memory = {};
  memory.how.sampling = *sampling;
  memory.how.log_min_p = min_p > 0 ? logf(min_p < 1 ? min_p : 1) : -INFINITY;
  void *data;
  size_t bytes = sizeof memory + (size_t)count * sizeof *logits;
  status = device_allocate(&data, bytes, "a row of logits");
  if (status) return status;
  cudaError_t error = sample_once(&memory, logits, count, (unsigned char *)data, device->place);
  cudaFree(data);
  if (error != cudaSuccess) return cuda_status(error, "draw a token");
  if (memory.result.strange >= 0) {
    return fail(INFER_INVALID, "The logit of token %d is not a finite number",
                memory.result.strange);
  }
  *token = memory.result.token;
  return INFER_OK;
}
