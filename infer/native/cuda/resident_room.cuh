// Copyright 2026 the Photon for Deno authors. Apache-2.0 license.
// What a context has for steps that are one kernel, and which steps those are.
#ifndef INFER_CUDA_RESIDENT_ROOM_CUH
#define INFER_CUDA_RESIDENT_ROOM_CUH

#include "resident.cuh"
#include "step_pack.cuh"

// A longer context wants more threads that read keys and values than such a kernel has.
#define RESIDENT_CONTEXT_MAX 4096

struct resident_room {
  resident_kind kind;
  bool is_taken;
  resident_layout layout;
  int lead_bytes;
  // In device memory:
  unsigned *meeting;
  product_args *products;
  place_layer *layers;
};

// Makes it where the model is one that such kernels take. When they are taken is for the
// environment variable PHOTON_INFER_RESIDENT: "never", "always", or else where a step was measured
// to be faster.
int32_t resident_create(struct infer_context *context);

// Names where logits and states go, which has changed.
int32_t resident_update(struct infer_context *context);

void resident_drop(resident_room *room);

// Bytes of device memory that a context has for it.
size_t resident_bytes(const struct infer_context *context);

// Whether a step is one kernel.
bool resident_takes(const resident_room *room, const step_shape &shape);

#endif
