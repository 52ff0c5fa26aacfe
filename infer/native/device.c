// Copyright 2026 the Photon for Deno authors. Apache-2.0 license.
#define _GNU_SOURCE
#include "device.h"

#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "status.h"

#define THREADS_MAX 256

uint32_t infer_abi_version(void) { return INFER_ABI_VERSION; }

#if defined(__x86_64__)
static int has_avx2(void) {
  return __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma");
}

static int has_vnni(void) {
  return has_avx2() && __builtin_cpu_supports("avx512vnni") &&
         __builtin_cpu_supports("avx512bw") && __builtin_cpu_supports("avx512vl") &&
         __builtin_cpu_supports("avx512dq");
}
#endif

const kernels *kernels_choose(const char *path, int32_t *status) {
  // The best first.
  const struct {
    const kernels *kernels;
    int is_there;
  } paths[] = {
#if defined(__x86_64__)
      {&kernels_vnni, has_vnni()},
      {&kernels_avx2, has_avx2()},
#endif
      {&kernels_portable, 1},
  };
  *status = INFER_INVALID;
  for (size_t i = 0; i < sizeof paths / sizeof *paths; i++) {
    if (*path && strcmp(path, paths[i].kernels->name) != 0) continue;
    *status = INFER_UNSUPPORTED;
    if (!paths[i].is_there) continue;
    *status = INFER_OK;
    return paths[i].kernels;
  }
  return NULL;
}

// Processors that this process may use.
static int processors(void) {
  cpu_set_t allowed;
  if (sched_getaffinity(0, sizeof allowed, &allowed) == 0) return CPU_COUNT(&allowed);
  long online = sysconf(_SC_NPROCESSORS_ONLN);
  return online > 0 ? (int)online : 1;
}

int32_t infer_device_open(int32_t threads, const char *path, infer_device **device) {
  *device = NULL;
  if (threads < 0 || threads > THREADS_MAX) {
    return fail(INFER_INVALID, "Cannot use %d threads, not 1 to %d", threads, THREADS_MAX);
  }
  int32_t status;
  const kernels *kernels = kernels_choose(path, &status);
  if (!kernels) {
    const char *why = status == INFER_INVALID ? "there is no such path" : "the processor lacks it";
    return fail(status, "Cannot use the instruction path \"%s\": %s", path, why);
  }
  infer_device *made = malloc(sizeof *made);
  if (!made) return fail(INFER_NO_MEMORY, "Cannot make a device");
  made->kernels = kernels;
  made->pool = pool_create(threads ? threads : processors());
  if (!made->pool) {
    free(made);
    return fail(INFER_NO_MEMORY, "Cannot start threads");
  }
  *device = made;
  return INFER_OK;
}

size_t infer_device_describe(infer_device *device, char *text, size_t size) {
  int length = snprintf(text, size, "{\"kind\":\"cpu\",\"path\":\"%s\",\"threads\":%d}",
                        device->kernels->name, pool_threads(device->pool));
  return (size_t)length < size ? (size_t)length : size - 1;
}

void infer_device_close(infer_device *device) {
  if (!device) return;
  pool_join(device->pool);
  pool_destroy(device->pool);
  free(device);
}

int32_t device_check_idle(infer_device *device) {
  return pool_is_idle(device->pool) ? INFER_OK : fail(INFER_BUSY, "A step is on its way");
}

typedef struct {
  const memory_region *memory;
  atomic_ulong sum;
} bandwidth_job;

// One piece after the other by whoever is free, as weights are read.
#define PIECE_BYTES ((int64_t)1 << 18)

static void read_memory(worker *self, void *argument) {
  bandwidth_job *job = argument;
  int64_t pieces = (int64_t)job->memory->bytes / PIECE_BYTES;
  unsigned long sums[8] = {0};
  for (int64_t piece; (piece = pool_take(self, pieces, 1)) >= 0;) {
    const unsigned long *words =
        (const unsigned long *)(job->memory->data + piece * PIECE_BYTES);
    for (size_t i = 0; i < PIECE_BYTES / sizeof *words; i += 8) {
      __builtin_prefetch((const char *)(words + i) + 4096);
      for (size_t j = 0; j < 8; j++) sums[j] += words[i + j];
    }
  }
  for (int j = 1; j < 8; j++) sums[0] += sums[j];
  atomic_fetch_add(&job->sum, sums[0]);
}

static double seconds_now(void) {
  struct timespec now;
  clock_gettime(CLOCK_MONOTONIC, &now);
  return (double)now.tv_sec + (double)now.tv_nsec * 1e-9;
}

int32_t infer_device_bandwidth(infer_device *device, size_t bytes, int32_t rounds,
                               double *bytes_per_second) {
  int32_t status = device_check_idle(device);
  if (status) return status;
  memory_region memory = memory_map(bytes);
  if (!memory.data) return fail(INFER_NO_MEMORY, "Cannot map %zu bytes", bytes);
  memset(memory.data, 1, memory.bytes);
  bandwidth_job job = {.memory = &memory};
  double best = 0;
  for (int32_t round = 0; round < rounds; round++) {
    double begin = seconds_now();
    pool_run(device->pool, read_memory, &job);
    double speed = (double)memory.bytes / (seconds_now() - begin);
    if (speed > best) best = speed;
  }
  memory_unmap(&memory);
  *bytes_per_second = best;
  return INFER_OK;
}
