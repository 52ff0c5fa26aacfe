// Copyright 2026 the Photon for Deno authors. Apache-2.0 license.
#define _GNU_SOURCE
#include "device.h"

#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "model.h"
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

shard device_shard(const infer_device *device) {
  (void)device;
  return (shard){0, 1};
}

infer_device *device_next(const infer_device *device) {
  (void)device;
  return NULL;
}

void device_enter(const infer_device *device) { (void)device; }
