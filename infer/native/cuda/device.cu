// Copyright 2026 the Photon for Deno authors. Apache-2.0 license.
#include "device.cuh"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "context.cuh"
#include "cublaslt.cuh"

#define THREADS_MAX 256
// Turing: the first with INT8 tensor cores.
#define COMPUTE_MIN 75

uint32_t infer_abi_version(void) { return INFER_ABI_VERSION; }

int32_t cuda_status(cudaError_t error, const char *what) {
  if (error == cudaSuccess) return INFER_OK;
  // Those that are no device's end are kept by the runtime until they are asked for.
  (void)cudaGetLastError();
  int32_t status = error == cudaErrorMemoryAllocation ? INFER_NO_MEMORY : INFER_IO;
  return fail(status, "Cannot %s: %s", what, cudaGetErrorString(error));
}

int32_t device_allocate(void **data, size_t bytes, const char *what) {
  *data = NULL;
  cudaError_t error = cudaMalloc(data, bytes);
  if (error == cudaSuccess) error = cudaMemset(*data, 0, bytes);
  // On a stream that the device's own does not wait for.
  if (error == cudaSuccess) error = cudaDeviceSynchronize();
  if (error == cudaSuccess) return INFER_OK;
  (void)cudaGetLastError();
  if (*data) cudaFree(*data);
  *data = NULL;
  return fail(INFER_NO_MEMORY, "Cannot allocate %zu bytes of device memory for %s: %s", bytes, what,
              cudaGetErrorString(error));
}

// What the kernels are chosen by.
static int32_t read_properties(infer_device *device) {
  int count = 0, driver = 0;
  if (cudaDriverGetVersion(&driver) != cudaSuccess || driver == 0) {
    (void)cudaGetLastError();
    return fail(INFER_UNSUPPORTED, "Cannot use CUDA: there is no NVIDIA driver");
  }
  cudaError_t error = cudaGetDeviceCount(&count);
  if (error != cudaSuccess || count == 0) {
    (void)cudaGetLastError();
    return fail(INFER_UNSUPPORTED, "Cannot use CUDA: %s",
                error == cudaSuccess ? "there is no GPU" : cudaGetErrorString(error));
  }
  cudaDeviceProp properties;
  error = cudaGetDeviceProperties(&properties, 0);
  if (error != cudaSuccess) return cuda_status(error, "ask the GPU what it is");
  run_place *place = &device->place;
  place->compute = properties.major * 10 + properties.minor;
  place->multiprocessors = properties.multiProcessorCount;
  place->shared_bytes_max = (int)properties.sharedMemPerBlockOptin;
  place->overlaps = place->compute >= 90;
  snprintf(device->name, sizeof device->name, "%s", properties.name);
  if (place->compute >= COMPUTE_MIN) return INFER_OK;
  return fail(INFER_UNSUPPORTED, "Cannot use %s: its compute capability is %d, not %d or more",
              device->name, place->compute, COMPUTE_MIN);
}

static int32_t make_stream(infer_device *device) {
  cudaError_t error = cudaStreamCreateWithFlags(&device->place.stream, cudaStreamNonBlocking);
  for (int i = 0; i < LOAD_SLOTS && error == cudaSuccess; i++) {
    error = cudaEventCreateWithFlags(&device->slots[i].is_free, cudaEventDisableTiming);
  }
  if (error != cudaSuccess) return cuda_status(error, "make a stream");
  return device_allocate((void **)&device->strange, sizeof(unsigned long long), "a device");
}

int32_t infer_device_open(int32_t threads, const char *path, infer_device **device) {
  *device = NULL;
  if (threads < 0 || threads > THREADS_MAX) {
    return fail(INFER_INVALID, "Cannot use %d threads, not 1 to %d", threads, THREADS_MAX);
  }
  // "eager" starts kernels one by one, for tools that look at them.
  bool is_deterministic = strcmp(path, "deterministic") == 0, is_eager = strcmp(path, "eager") == 0;
  bool is_w8a8 = strcmp(path, "w8a8") == 0;
  if (*path && strcmp(path, "cuda") != 0 && !is_deterministic && !is_eager && !is_w8a8) {
    return fail(INFER_INVALID, "Cannot use the instruction path \"%s\": there is no such path",
                path);
  }
  infer_device *made = (infer_device *)calloc(1, sizeof *made);
  if (!made) return fail(INFER_NO_MEMORY, "Cannot make a device");
  pthread_mutex_init(&made->lock, NULL);
  made->place.is_deterministic = is_deterministic;
  made->has_graphs = !is_eager;
  made->is_w8a8 = is_w8a8;
  int32_t status = read_properties(made);
  if (!status) status = make_stream(made);
  if (status) {
    infer_device_close(made);
    return status;
  }
  *device = made;
  return INFER_OK;
}

size_t infer_device_describe(infer_device *device, char *text, size_t size) {
  const run_place *place = &device->place;
  const char *path = place->is_deterministic ? "deterministic" : device->is_w8a8 ? "w8a8" : "cuda";
  char library[CUBLASLT_REASON_BYTES] = "not opened";
  if (device->library) cublaslt_describe(device->library, library, sizeof library);
  int length = snprintf(text, size,
                        "{\"kind\":\"cuda\",\"path\":\"%s\",\"threads\":%d,\"name\":\"%s\","
                        "\"compute\":%d,\"cublasLt\":\"%s\"}",
                        path, place->multiprocessors, device->name, place->compute, library);
  return (size_t)length < size ? (size_t)length : size - 1;
}

void infer_device_close(infer_device *device) {
  if (!device) return;
  if (device->place.stream) cudaStreamSynchronize(device->place.stream);
  for (int i = 0; i < LOAD_SLOTS; i++) {
    load_slot *slot = &device->slots[i];
    if (slot->pinned) cudaFreeHost(slot->pinned);
    if (slot->staged) cudaFree(slot->staged);
    if (slot->is_free) cudaEventDestroy(slot->is_free);
  }
  if (device->strange) cudaFree(device->strange);
  if (device->library) cublaslt_close(device->library);
  free(device->library);
  if (device->place.stream) cudaStreamDestroy(device->place.stream);
  pthread_mutex_destroy(&device->lock);
  free(device);
}

int32_t device_check_idle(infer_device *device) {
  if (context_is_idle(device)) return INFER_OK;
  return fail(INFER_BUSY, "A step is on its way");
}
