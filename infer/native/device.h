// Copyright 2026 the Photon for Deno authors. Apache-2.0 license.
// The processor as a device: threads, and kernels of one instruction path.
#ifndef INFER_DEVICE_H
#define INFER_DEVICE_H

#include "kernels.h"
#include "pool.h"

struct infer_device {
  pool *pool;
  const kernels *kernels;
};

// INFER_BUSY when a job is on its way.
int32_t device_check_idle(infer_device *device);

#endif
