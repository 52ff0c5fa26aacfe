// Copyright 2026 the Photon for Deno authors. Apache-2.0 license.
// Memory, streams, events and graphs of the CUDA runtime, see cuda_runtime.h.
#include <stdio.h>
#include <stdlib.h>

#include <atomic>
#include <chrono>
#include <deque>
#include <functional>
#include <map>
#include <mutex>
#include <vector>

#include "cuda_runtime.h"
#include "streams.h"

struct host_event {
  double at_ms = 0;
  int device = 0;
  // Where it was recorded last, how often it was, and how many of these records are done.
  cudaStream_t stream = nullptr;
  host_graph *captured = nullptr;
  int recorded = 0;
  int done = 0;
};

namespace {

constexpr size_t MEMORY_BYTES = size_t{8} << 30;
constexpr int DEVICES_MAX = 16;
std::mutex lock;
std::map<void *, size_t> allocated;
size_t allocated_bytes;
// Allocations until one fails; negative: none does.
int allocations_left = -1;
thread_local int entered;

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

// What cudaMemcpy has taken from memory that is not pinned, and not yet written: it may return
// before (CUDA Runtime API, "API synchronization behavior"), and no stream of ours waits for the one
// that such copies are on.
constexpr size_t TAKEN_BYTES_MAX = 64 << 10;
std::deque<std::function<void()>> taken;

void copy_now(void *to, const void *from, size_t bytes) {
  if (bytes > 0) memmove(to, from, bytes);
}

void write_taken() {
  std::deque<std::function<void()>> all;
  {
    std::lock_guard<std::mutex> held(lock);
    all.swap(taken);
  }
  for (const auto &write : all) write();
}

void do_next(host_stream *stream) {
  auto work = std::move(stream->late.front());
  stream->late.pop_front();
  work();
}

void catch_up(host_stream *stream) {
  while (stream && !stream->is_stuck && !stream->late.empty()) do_next(stream);
}

// A GPU would be waited for for ever.
void wait_for(host_stream *stream) {
  catch_up(stream);
  if (!stream || !stream->is_stuck) return;
  fprintf(stderr, "host emulation: a wait for a stream that comes to no end\n");
  abort();
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

bool is_to_fail() {
  if (allocations_left < 0) return false;
  return allocations_left-- == 0;
}

}  // namespace

// For tests: bytes of device memory that are allocated.
extern "C" __attribute__((visibility("default"))) size_t host_device_bytes() {
  std::lock_guard<std::mutex> held(lock);
  return allocated_bytes;
}

// For tests: so many allocations succeed, then one fails; -1: all succeed.
extern "C" __attribute__((visibility("default"))) void host_fail_allocation(int after) {
  std::lock_guard<std::mutex> held(lock);
  allocations_left = after;
}

// For tests: work on a stream, for a library that is none of this.
extern "C" __attribute__((visibility("default"))) void host_enqueue(cudaStream_t stream,
                                                                    void (*work)(void *),
                                                                    void *argument) {
  host::enqueue(stream, [=] { work(argument); });
}

// For tests: what is on a stream comes to no end; or it does after all.
extern "C" __attribute__((visibility("default"))) void host_stick(cudaStream_t stream,
                                                                  bool is_stuck) {
  stream->is_stuck = is_stuck;
}

namespace host {

cudaError_t enqueue(cudaStream_t stream, std::function<void()> work) {
  if (stream && stream->captured) {
    host_graph *graph = stream->captured;
    graph->work.push_back(std::move(work));
    if (stream != graph->origin) graph->open.insert(stream);
  } else if (stream && (is_late() || stream->is_stuck)) {
    stream->late.push_back(std::move(work));
  } else {
    catch_up(stream);
    work();
  }
  return cudaSuccess;
}

bool is_entered(cudaStream_t stream) { return !stream || stream->device == entered; }

}  // namespace host

// INFER_HOST_DEVICES: how many there are.
cudaError_t cudaGetDeviceCount(int *count) {
  const char *text = getenv("INFER_HOST_DEVICES");
  int wanted = text ? atoi(text) : 1;
  *count = wanted < 1 ? 1 : wanted > DEVICES_MAX ? DEVICES_MAX : wanted;
  return cudaSuccess;
}
cudaError_t cudaSetDevice(int device) {
  int count;
  cudaGetDeviceCount(&count);
  if (device < 0 || device >= count) return cudaErrorInvalidDevice;
  entered = device;
  return cudaSuccess;
}
cudaError_t cudaGetDevice(int *device) {
  *device = entered;
  return cudaSuccess;
}
cudaError_t cudaGetDeviceProperties(cudaDeviceProp *p, int) {
  *p = {};
  snprintf(p->name, sizeof p->name, "host emulation");
  p->totalGlobalMem = MEMORY_BYTES;
  p->major = 9;
  p->multiProcessorCount = 4;
  p->l2CacheSize = 1 << 20;
  // INFER_HOST_SHARED_KB: another GPU has less.
  const char *shared = getenv("INFER_HOST_SHARED_KB");
  p->sharedMemPerBlockOptin = static_cast<size_t>(shared ? atoi(shared) : 227) << 10;
  return cudaSuccess;
}
cudaError_t cudaDeviceGetAttribute(int *value, cudaDeviceAttr attribute, int device) {
  cudaDeviceProp p;
  cudaGetDeviceProperties(&p, device);
  const int values[] = {p.multiProcessorCount, static_cast<int>(p.sharedMemPerBlockOptin), p.major,
                        p.minor, p.l2CacheSize, 1};
  *value = values[attribute];
  return cudaSuccess;
}
cudaError_t cudaDriverGetVersion(int *version) {
  *version = 13000;
  return cudaSuccess;
}
cudaError_t cudaRuntimeGetVersion(int *version) { return cudaDriverGetVersion(version); }
cudaError_t cudaDeviceSynchronize() {
  write_taken();
  return cudaSuccess;
}
cudaError_t cudaGetLastError() { return cudaSuccess; }
cudaError_t cudaPeekAtLastError() { return cudaSuccess; }
const char *cudaGetErrorString(cudaError_t error) {
  return error == cudaSuccess ? "no error" : "an error of the emulation";
}
const char *cudaGetErrorName(cudaError_t error) { return cudaGetErrorString(error); }

cudaError_t cudaMalloc(void **data, size_t bytes) {
  std::lock_guard<std::mutex> held(lock);
  *data = nullptr;
  if (is_to_fail() || bytes > MEMORY_BYTES - allocated_bytes) return cudaErrorMemoryAllocation;
  if (posix_memalign(data, 256, bytes + (bytes == 0)) != 0) return cudaErrorMemoryAllocation;
  memset(*data, 0xff, bytes);
  allocated[*data] = bytes;
  allocated_bytes += bytes;
  return cudaSuccess;
}
cudaError_t cudaFree(void *data) {
  if (!data) return cudaSuccess;
  write_taken();
  std::lock_guard<std::mutex> held(lock);
  auto found = allocated.find(data);
  if (found == allocated.end()) return cudaErrorInvalidValue;
  allocated_bytes -= found->second;
  allocated.erase(found);
  free(data);
  return cudaSuccess;
}
cudaError_t cudaMallocHost(void **data, size_t bytes) {
  *data = nullptr;
  std::lock_guard<std::mutex> held(lock);
  if (is_to_fail()) return cudaErrorMemoryAllocation;
  if (posix_memalign(data, 4096, bytes + (bytes == 0)) != 0) return cudaErrorMemoryAllocation;
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
cudaError_t cudaMemcpy(void *to, const void *from, size_t bytes, cudaMemcpyKind kind) {
  if (is_late() && kind == cudaMemcpyHostToDevice && bytes <= TAKEN_BYTES_MAX && !is_pinned(from)) {
    const char *first = static_cast<const char *>(from);
    std::vector<char> numbers(first, first + bytes);
    std::lock_guard<std::mutex> held(lock);
    taken.push_back([=] { copy_now(to, numbers.data(), bytes); });
    return cudaSuccess;
  }
  write_taken();
  copy_now(to, from, bytes);
  return cudaSuccess;
}
cudaError_t cudaMemcpyAsync(void *to, const void *from, size_t bytes, cudaMemcpyKind kind,
                            cudaStream_t stream) {
  const void *host = kind == cudaMemcpyHostToDevice ? from : to;
  host::enqueue(stream, [=] { copy_now(to, from, bytes); });
  if (kind != cudaMemcpyDeviceToDevice && !is_pinned(host)) catch_up(stream);
  return cudaSuccess;
}
cudaError_t cudaMemset(void *data, int value, size_t bytes) {
  write_taken();
  if (bytes > 0) memset(data, value, bytes);
  return cudaSuccess;
}
cudaError_t cudaMemsetAsync(void *data, int value, size_t bytes, cudaStream_t stream) {
  return host::enqueue(stream, [=] {
    if (bytes > 0) memset(data, value, bytes);
  });
}

cudaError_t cudaStreamCreate(cudaStream_t *stream) {
  *stream = new host_stream;
  (*stream)->device = entered;
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
  wait_for(stream);
  return cudaSuccess;
}
cudaError_t cudaStreamQuery(cudaStream_t stream) {
  catch_up(stream);
  return stream && stream->is_stuck ? cudaErrorNotReady : cudaSuccess;
}
// A stream that waits for one that is recorded is recorded from then on, in the same graph, whose
// work is in order as it is.
cudaError_t cudaStreamWaitEvent(cudaStream_t stream, cudaEvent_t event, unsigned) {
  if (!event->captured) {
    int awaited = event->recorded;
    return host::enqueue(stream, [=] {
      while (event->done < awaited && !event->stream->late.empty() && !event->stream->is_stuck) {
        do_next(event->stream);
      }
    });
  }
  if (stream->captured && stream->captured != event->captured) return cudaErrorInvalidValue;
  stream->captured = event->captured;
  stream->captured->streams.insert(stream);
  if (stream == stream->captured->origin) {
    stream->captured->open.erase(event->stream);
  } else {
    stream->captured->open.insert(stream);
  }
  return cudaSuccess;
}
cudaError_t cudaEventCreate(cudaEvent_t *event) {
  *event = new host_event;
  (*event)->device = entered;
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
  if (stream && stream->device != event->device) return cudaErrorInvalidResourceHandle;
  event->stream = stream;
  event->captured = stream ? stream->captured : nullptr;
  int record = event->captured ? 0 : ++event->recorded;
  return host::enqueue(stream, [=] {
    event->at_ms = now_ms();
    if (event->done < record) event->done = record;
  });
}
cudaError_t cudaEventSynchronize(cudaEvent_t event) {
  wait_for(event->stream);
  return fail_sometimes();
}
cudaError_t cudaEventQuery(cudaEvent_t event) {
  catch_up(event->stream);
  bool is_stuck = event->stream && event->stream->is_stuck && event->done < event->recorded;
  return is_stuck ? cudaErrorNotReady : cudaSuccess;
}
cudaError_t cudaEventElapsedTime(float *milliseconds, cudaEvent_t begin, cudaEvent_t end) {
  *milliseconds = static_cast<float>(end->at_ms - begin->at_ms);
  return cudaSuccess;
}

cudaError_t cudaStreamBeginCapture(cudaStream_t stream, cudaStreamCaptureMode) {
  stream->captured = new host_graph;
  stream->captured->origin = stream;
  return cudaSuccess;
}
cudaError_t cudaStreamEndCapture(cudaStream_t stream, cudaGraph_t *graph) {
  *graph = nullptr;
  host_graph *made = stream->captured;
  if (!made || made->origin != stream) return cudaErrorInvalidValue;
  for (cudaStream_t other : made->streams) other->captured = nullptr;
  stream->captured = nullptr;
  if (!made->open.empty()) {
    delete made;
    return cudaErrorStreamCaptureUnjoined;
  }
  *graph = made;
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
