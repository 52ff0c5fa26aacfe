// Copyright 2026 the Photon for Deno authors. Apache-2.0 license.
// How the resident kernel is started.
#include "resident_block.cuh"

template <int HEAD>
static size_t attend_bytes(const resident_kind &kind) {
  switch (kind.kv_type) {
    case INFER_INT8:
      return attend_shared_bytes<HEAD, INFER_INT8, true>(kind.stages);
    case INFER_FP8:
      return attend_shared_bytes<HEAD, INFER_FP8, true>(kind.stages);
    default:
      return attend_shared_bytes<HEAD, INFER_F16, true>(kind.stages);
  }
}

size_t resident_shared_bytes(const resident_kind &kind, const product_args *products, int count,
                             int sharing) {
  size_t most = kind.head_size <= 64 ? attend_bytes<64>(kind) : attend_bytes<TILE_HEAD_MAX>(kind);
  most += ((size_t)(sharing + 2) * (size_t)kind.head_size * sizeof(float) + 127) / 128 * 128;
  for (int i = 0; i < count; i++) {
    // Teams have NARROW_WARPS_MAX shares together at most.
    size_t sums = NARROW_WARPS_MAX * 2 * TILE_ROWS * sizeof(float);
    size_t bytes = narrow_shared_bytes(kind.type, products[i].chunks, kind.chunk_groups, 1, 2);
    if (bytes + sums > most) most = bytes + sums;
  }
  return RESIDENT_PRODUCT_BYTES + most;
}

static resident_kernel kernel_of(const resident_kind &kind) {
  return kind.type == INFER_INT8 ? resident_int8(kind) : resident_float(kind);
}

cudaError_t resident_check(const resident_kind &kind, size_t shared_bytes,
                           const run_place &place) {
  if (shared_bytes > (size_t)place.shared_bytes_max) return cudaErrorNotSupported;
  resident_kernel kernel = kernel_of(kind);
  int device = 0, can_meet = 0, blocks = 0;
  RETURN_IF_FAILED(cudaGetDevice(&device));
  RETURN_IF_FAILED(cudaDeviceGetAttribute(&can_meet, cudaDevAttrCooperativeLaunch, device));
  RETURN_IF_FAILED(cudaFuncSetAttribute(kernel, cudaFuncAttributeMaxDynamicSharedMemorySize,
                                        (int)shared_bytes));
  RETURN_IF_FAILED(cudaOccupancyMaxActiveBlocksPerMultiprocessor(&blocks, kernel, RESIDENT_THREADS,
                                                                 shared_bytes));
  return can_meet && blocks > 0 ? cudaSuccess : cudaErrorNotSupported;
}

cudaError_t resident_run(const resident_kind &kind, const resident_args &args, size_t shared_bytes,
                         const run_place &place) {
  launch_shape shape = {};
  shape.grid = dim3((unsigned)place.multiprocessors);
  shape.block = dim3(RESIDENT_THREADS);
  shape.shared_bytes = shared_bytes;
  shape.stream = place.stream;
  shape.is_together = true;
  return launch(shape, kernel_of(kind), args);
}
