// Copyright 2026 the Photon for Deno authors. Apache-2.0 license.
// Memory, streams, events and graphs of the CUDA runtime, see cuda_runtime.h.
#include <stdio.h>
#include <stdlib.h>

#include <atomic>
#include <chrono>
#include <deque>
#include <map>
#include <mutex>
#include <vector>

#include "cuda_runtime.h"

struct host_graph {
  std::vector<std::function<void()>> work;
};
struct host_stream {
  host_graph *captured = nullptr;
  std::deque<std::function<void()>> late;
};
struct host_event {
  double at_ms;
  host_stream *stream;
};

namespace {

constexpr size_t MEMORY_BYTES = size_t{8} << 30;
std::mutex lock;
std::map<void *, size_t> allocated;
size_t allocated_bytes;

// Memory that copies may read and write later; all other is copied at once.
std::map<char *, size_t> pinned;

bool is_pinned(const void *data) {
  auto after = pinned.upper_bound(static_cast<char *>(const_cast<void *>(data)));
  if (after == pinned.begin()) return false;
  auto found = std::prev(after);
  return static_cast<const char *>(data) < found->first + found->second;
}

// With INFER_HOST_LATE set a stream does nothing before somebody waits for it: what the host changes
// too early is seen.
bool is_late() { return getenv("INFER_HOST_LATE") != nullptr; }

void catch_up(host_stream *stream) {
  while (stream && !stream->late.empty()) {
    auto work = std::move(stream->late.front());
    stream->late.pop_front();
    work();
  }
}

double now_ms() {
  auto now = std::chrono::steady_clock::now().time_since_epoch();
  return std::chrono::duration<double, std::milli>(now).count();
}

// With INFER_HOST_FAILS_AFTER set the device is gone after so many waits.
cudaError_t fail_sometimes() {
  static int waits = 0;
  const char *after = getenv("INFER_HOST_FAILS_AFTER");
  if (!after) waits = 0;
  return after && waits++ >= atoi(after) ? cudaErrorLaunchFailure : cudaSuccess;
}

// With INFER_HOST_LEAKS set a program that did not free all device memory does not end well.
struct leak_check {
  ~leak_check() {
    if (allocated_bytes == 0 || !getenv("INFER_HOST_LEAKS")) return;
    fprintf(stderr, "host emulation: %zu bytes of device memory are never freed\n",
            allocated_bytes);
    abort();
  }
} check_at_end;

}  // namespace

namespace host {

cudaError_t enqueue(cudaStream_t stream, std::function<void()> work) {
  if (stream && stream->captured) {
    stream->captured->work.push_back(std::move(work));
  } else if (stream && is_late()) {
    stream->late.push_back(std::move(work));
  } else {
    catch_up(stream);
    work();
  }
  return cudaSuccess;
}

size_t device_bytes() { return allocated_bytes; }

}  // namespace host

cudaError_t cudaGetDeviceCount(int *count) {
  *count = 1;
  return cudaSuccess;
}
cudaError_t cudaSetDevice(int device) {
  return device == 0 ? cudaSuccess : cudaErrorInvalidValue;
}
cudaError_t cudaGetDevice(int *device) {
  *device = 0;
  return cudaSuccess;
}
cudaError_t cudaGetDeviceProperties(cudaDeviceProp *p, int) {
  *p = {};
  snprintf(p->name, sizeof p->name, "host emulation");
  p->totalGlobalMem = MEMORY_BYTES;
  p->major = 9;
  p->multiProcessorCount = 4;
  p->l2CacheSize = 1 << 20;
  p->sharedMemPerBlockOptin = 227 << 10;
  return cudaSuccess;
}
cudaError_t cudaDeviceGetAttribute(int *value, cudaDeviceAttr attribute, int device) {
  cudaDeviceProp p;
  cudaGetDeviceProperties(&p, device);
  const int values[] = {p.multiProcessorCount, static_cast<int>(p.sharedMemPerBlockOptin), p.major,
                        p.minor, p.l2CacheSize};
  *value = values[attribute];
  return cudaSuccess;
}
cudaError_t cudaDriverGetVersion(int *version) {
  *version = 13000;
  return cudaSuccess;
}
cudaError_t cudaRuntimeGetVersion(int *version) { return cudaDriverGetVersion(version); }
cudaError_t cudaDeviceSynchronize() { return cudaSuccess; }
cudaError_t cudaGetLastError() { return cudaSuccess; }
cudaError_t cudaPeekAtLastError() { return cudaSuccess; }
const char *cudaGetErrorString(cudaError_t error) {
  return error == cudaSuccess ? "no error" : "an error of the emulation";
}
const char *cudaGetErrorName(cudaError_t error) { return cudaGetErrorString(error); }

cudaError_t cudaMalloc(void **data, size_t bytes) {
  std::lock_guard<std::mutex> held(lock);
  *data = nullptr;
  if (bytes > MEMORY_BYTES - allocated_bytes) return cudaErrorMemoryAllocation;
  if (posix_memalign(data, 256, bytes + (bytes == 0)) != 0) return cudaErrorMemoryAllocation;
  memset(*data, 0xff, bytes);
  allocated[*data] = bytes;
  allocated_bytes += bytes;
  return cudaSuccess;
}
cudaError_t cudaFree(void *data) {
  if (!data) return cudaSuccess;
  std::lock_guard<std::mutex> held(lock);
  auto found = allocated.find(data);
  if (found == allocated.end()) return cudaErrorInvalidValue;
  allocated_bytes -= found->second;
  allocated.erase(found);
  free(data);
  return cudaSuccess;
}
cudaError_t cudaMallocHost(void **data, size_t bytes) {
  if (posix_memalign(data, 4096, bytes + (bytes == 0)) != 0) return cudaErrorMemoryAllocation;
  std::lock_guard<std::mutex> held(lock);
  pinned[static_cast<char *>(*data)] = bytes;
  return cudaSuccess;
}
cudaError_t cudaHostAlloc(void **data, size_t bytes, unsigned) {
  return cudaMallocHost(data, bytes);
}
cudaError_t cudaFreeHost(void *data) {
  std::lock_guard<std::mutex> held(lock);
  pinned.erase(static_cast<char *>(data));
  free(data);
  return cudaSuccess;
}
cudaError_t cudaMemGetInfo(size_t *free, size_t *total) {
  *free = MEMORY_BYTES - allocated_bytes;
  *total = MEMORY_BYTES;
  return cudaSuccess;
}
cudaError_t cudaMemcpy(void *to, const void *from, size_t bytes, cudaMemcpyKind) {
  if (bytes > 0) memmove(to, from, bytes);
  return cudaSuccess;
}
cudaError_t cudaMemcpyAsync(void *to, const void *from, size_t bytes, cudaMemcpyKind kind,
                            cudaStream_t stream) {
  const void *host = kind == cudaMemcpyHostToDevice ? from : to;
  host::enqueue(stream, [=] { cudaMemcpy(to, from, bytes, kind); });
  if (kind != cudaMemcpyDeviceToDevice && !is_pinned(host)) catch_up(stream);
  return cudaSuccess;
}
cudaError_t cudaMemset(void *data, int value, size_t bytes) {
  if (bytes > 0) memset(data, value, bytes);
  return cudaSuccess;
}
cudaError_t cudaMemsetAsync(void *data, int value, size_t bytes, cudaStream_t stream) {
  return host::enqueue(stream, [=] { cudaMemset(data, value, bytes); });
}

cudaError_t cudaStreamCreate(cudaStream_t *stream) {
  *stream = new host_stream;
  return cudaSuccess;
}
cudaError_t cudaStreamCreateWithFlags(cudaStream_t *stream, unsigned) {
  return cudaStreamCreate(stream);
}
cudaError_t cudaStreamDestroy(cudaStream_t stream) {
  catch_up(stream);
  delete stream;
  return cudaSuccess;
}
cudaError_t cudaStreamSynchronize(cudaStream_t stream) {
  catch_up(stream);
  return cudaSuccess;
}
cudaError_t cudaStreamQuery(cudaStream_t stream) { return cudaStreamSynchronize(stream); }
cudaError_t cudaStreamWaitEvent(cudaStream_t, cudaEvent_t, unsigned) { return cudaSuccess; }
cudaError_t cudaEventCreate(cudaEvent_t *event) {
  *event = new host_event{};
  return cudaSuccess;
}
cudaError_t cudaEventCreateWithFlags(cudaEvent_t *event, unsigned) {
  return cudaEventCreate(event);
}
cudaError_t cudaEventDestroy(cudaEvent_t event) {
  delete event;
  return cudaSuccess;
}
cudaError_t cudaEventRecord(cudaEvent_t event, cudaStream_t stream) {
  event->stream = stream;
  return host::enqueue(stream, [=] { event->at_ms = now_ms(); });
}
cudaError_t cudaEventSynchronize(cudaEvent_t event) {
  catch_up(event->stream);
  return fail_sometimes();
}
cudaError_t cudaEventQuery(cudaEvent_t event) {
  catch_up(event->stream);
  return cudaSuccess;
}
cudaError_t cudaEventElapsedTime(float *milliseconds, cudaEvent_t begin, cudaEvent_t end) {
  *milliseconds = static_cast<float>(end->at_ms - begin->at_ms);
  return cudaSuccess;
}

cudaError_t cudaStreamBeginCapture(cudaStream_t stream, cudaStreamCaptureMode) {
  stream->captured = new host_graph;
  return cudaSuccess;
}
cudaError_t cudaStreamEndCapture(cudaStream_t stream, cudaGraph_t *graph) {
  *graph = stream->captured;
  stream->captured = nullptr;
  return cudaSuccess;
}
cudaError_t cudaGraphInstantiate(cudaGraphExec_t *made, cudaGraph_t graph, unsigned long long) {
  *made = new host_graph(*graph);
  return cudaSuccess;
}
cudaError_t cudaGraphLaunch(cudaGraphExec_t graph, cudaStream_t stream) {
  // A graph may be destroyed before it has run.
  if (is_late()) {
    for (const auto &work : graph->work) host::enqueue(stream, work);
    return cudaSuccess;
  }
  return host::enqueue(stream, [=] {
    for (const auto &work : graph->work) work();
  });
}
cudaError_t cudaGraphDestroy(cudaGraph_t graph) {
  delete graph;
  return cudaSuccess;
}
cudaError_t cudaGraphExecDestroy(cudaGraphExec_t graph) {
  delete graph;
  return cudaSuccess;
}
