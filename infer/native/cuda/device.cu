// Copyright 2026 the Photon for Deno authors. Apache-2.0 license.
#include "device.cuh"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "communicator.cuh"
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

// How many GPUs there are; fails where there is none.
static int32_t count_gpus(int *count) {
  int driver = 0;
  if (cudaDriverGetVersion(&driver) != cudaSuccess || driver == 0) {
    (void)cudaGetLastError();
    return fail(INFER_UNSUPPORTED, "Cannot use CUDA: there is no NVIDIA driver");
  }
  cudaError_t error = cudaGetDeviceCount(count);
  if (error == cudaSuccess && *count > 0) return INFER_OK;
  (void)cudaGetLastError();
  return fail(INFER_UNSUPPORTED, "Cannot use CUDA: %s",
              error == cudaSuccess ? "there is no GPU" : cudaGetErrorString(error));
}

// What the kernels are chosen by.
static int32_t read_properties(infer_device *device) {
  cudaDeviceProp properties;
  cudaError_t error = cudaGetDeviceProperties(&properties, device->gpu);
  if (error != cudaSuccess) return cuda_status(error, "ask the GPU what it is");
  run_place *place = &device->place;
  place->compute = properties.major * 10 + properties.minor;
  place->multiprocessors = properties.multiProcessorCount;
  place->shared_bytes_max = (int)properties.sharedMemPerBlockOptin;
  // Edges of a graph that lead from GPU to GPU know no overlap.
  place->overlaps = place->compute >= 90 && device->part.count == 1;
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
  if (error == cudaSuccess) error = cudaEventCreateWithFlags(&device->turn, cudaEventDisableTiming);
  if (error != cudaSuccess) return cuda_status(error, "make a stream");
  return device_allocate((void **)&device->strange, sizeof(unsigned long long), "a device");
}

// A GPU that is one of several; what could not be made is NULL in it.
static int32_t open_part(int gpu, shard part, const char *path, infer_device **device) {
  infer_device *made = (infer_device *)calloc(1, sizeof *made);
  *device = made;
  if (!made) return fail(INFER_NO_MEMORY, "Cannot make a device");
  pthread_mutex_init(&made->lock, NULL);
  made->gpu = gpu;
  made->part = part;
  made->place.is_deterministic = strcmp(path, "deterministic") == 0;
  // "eager" starts kernels one by one, for tools that look at them.
  made->has_graphs = strcmp(path, "eager") != 0;
  made->is_w8a8 = strcmp(path, "w8a8") == 0;
  device_enter(made);
  int32_t status = read_properties(made);
  return status ? status : make_stream(made);
}

static int32_t check_path(const char *path) {
  const char *const paths[] = {"", "cuda", "deterministic", "eager", "w8a8"};
  for (const char *known : paths) {
    if (strcmp(path, known) == 0) return INFER_OK;
  }
  return fail(INFER_INVALID, "Cannot use the instruction path \"%s\": there is no such path", path);
}

static int32_t check_group(int32_t count, const char *name, int gpus) {
  if (count < 1 || count > INFER_GROUP_MAX) {
    return fail(INFER_INVALID, "Cannot use %d GPUs together, not 1 to %d", count, INFER_GROUP_MAX);
  }
  bool is_host = strcmp(name, "host") == 0;
  if (*name && !is_host && strcmp(name, "nccl") != 0) {
    return fail(INFER_INVALID, "Cannot add up by \"%s\": there are \"nccl\" and \"host\"", name);
  }
  if (count <= gpus || is_host) return INFER_OK;
  return fail(INFER_UNSUPPORTED, "Cannot use %d GPUs together: there %s %d (CUDA_VISIBLE_DEVICES "
              "names those that may be used)", count, gpus == 1 ? "is" : "are", gpus);
}

int32_t infer_cuda_open_group(int32_t count, const char *name, const char *path,
                              infer_device **device) {
  *device = NULL;
  int gpus = 0;
  int32_t status = count_gpus(&gpus);
  if (!status) status = check_path(path);
  if (!status) status = check_group(count, name, gpus);
  infer_device *first = NULL, **place = &first, *parts[INFER_GROUP_MAX] = {};
  for (int i = 0; i < count && !status; i++) {
    status = open_part(i % gpus, {i, count}, path, place);
    parts[i] = *place;
    if (!status) place = &(*place)->next;
  }
  if (!status && count > 1) {
    device_enter(first);
    status = communicator_create(&first->communicator, parts, count, name);
  }
  if (status) {
    infer_device_close(first);
    return status;
  }
  *device = first;
  return INFER_OK;
}

int32_t infer_device_open(int32_t threads, const char *path, infer_device **device) {
  *device = NULL;
  if (threads < 0 || threads > THREADS_MAX) {
    return fail(INFER_INVALID, "Cannot use %d threads, not 1 to %d", threads, THREADS_MAX);
  }
  return infer_cuda_open_group(1, "", path, device);
}

// Appends, without what JSON would have to escape.
static size_t append_plain(char *text, size_t size, size_t length, const char *more) {
  for (; *more && length + 1 < size; more++) {
    bool is_plain = *more >= ' ' && *more != '"' && *more != '\\';
    text[length++] = is_plain ? *more : '\'';
  }
  text[length] = 0;
  return length;
}

size_t infer_device_describe(infer_device *device, char *text, size_t size) {
  const run_place *place = &device->place;
  const char *path = place->is_deterministic ? "deterministic" : device->is_w8a8 ? "w8a8" : "cuda";
  char library[CUBLASLT_REASON_BYTES] = "not opened";
  if (device->library) cublaslt_describe(device->library, library, sizeof library);
  char group[COMMUNICATOR_TEXT_BYTES + 64] = "";
  if (device->communicator) {
    int begun = snprintf(group, sizeof group, ",\"tensorParallel\":%d,\"communicator\":\"",
                         device->part.count);
    size_t end = append_plain(group, sizeof group - 1, (size_t)begun, device->communicator->text);
    memcpy(group + end, "\"", 2);
  }
  int length = snprintf(text, size,
                        "{\"kind\":\"cuda\",\"path\":\"%s\",\"threads\":%d,\"name\":\"%s\","
                        "\"compute\":%d,\"cublasLt\":\"%s\",\"resident\":\"%s\"%s}",
                        path, place->multiprocessors, device->name, place->compute, library,
                        device->resident, group);
  return (size_t)length < size ? (size_t)length : size - 1;
}

static void close_part(infer_device *device) {
  device_enter(device);
  if (device->place.stream) cudaStreamSynchronize(device->place.stream);
  for (int i = 0; i < LOAD_SLOTS; i++) {
    load_slot *slot = &device->slots[i];
    if (slot->pinned) cudaFreeHost(slot->pinned);
    if (slot->staged) cudaFree(slot->staged);
    if (slot->is_free) cudaEventDestroy(slot->is_free);
  }
  if (device->strange) cudaFree(device->strange);
  if (device->turn) cudaEventDestroy(device->turn);
  if (device->library) cublaslt_close(device->library);
  free(device->library);
  if (device->place.stream) cudaStreamDestroy(device->place.stream);
  pthread_mutex_destroy(&device->lock);
  free(device);
}

void infer_device_close(infer_device *device) {
  if (!device) return;
  group_synchronize(device);
  communicator_destroy(device->communicator);
  while (device->next) {
    infer_device *part = device->next;
    device->next = part->next;
    close_part(part);
  }
  // The last, for it is the GPU of threads that have entered no other.
  close_part(device);
}

int32_t device_check_idle(infer_device *device) {
  int32_t status = group_check(device, "start a step");
  if (status || context_is_idle(device)) return status;
  return fail(INFER_BUSY, "A step is on its way");
}

shard device_shard(const infer_device *device) { return device->part; }

infer_device *device_next(const infer_device *device) { return device->next; }

void device_enter(const infer_device *device) {
  // A thread that has entered none is on the first, which is the only one mostly.
  if (device->part.count > 1) (void)cudaSetDevice(device->gpu);
}

cudaError_t group_fork(infer_device *first) {
  if (!first->next) return cudaSuccess;
  RETURN_IF_FAILED(cudaEventRecord(first->turn, first->place.stream));
  for (infer_device *at = first->next; at; at = at->next) {
    RETURN_IF_FAILED(cudaStreamWaitEvent(at->place.stream, first->turn, 0));
  }
  return cudaSuccess;
}

cudaError_t group_join(infer_device *first) {
  device_scope scope(first);
  for (infer_device *at = first->next; at; at = at->next) {
    device_enter(at);
    RETURN_IF_FAILED(cudaEventRecord(at->turn, at->place.stream));
    RETURN_IF_FAILED(cudaStreamWaitEvent(first->place.stream, at->turn, 0));
  }
  return cudaSuccess;
}
