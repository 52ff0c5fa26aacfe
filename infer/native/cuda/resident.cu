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

static size_t round_up(size_t bytes) { return (bytes + 127) / 128 * 128; }

resident_layout resident_lay_out(const resident_kind &kind, const product_args *products,
                                 int count, int sharing, const run_place &place) {
  size_t attention =
      kind.head_size <= 64 ? attend_bytes<64>(kind) : attend_bytes<TILE_HEAD_MAX>(kind);
  attention += round_up((size_t)(sharing + 2) * (size_t)kind.head_size * sizeof(float));
  size_t input = 0;
  for (int i = 0; i < count; i++) {
    // Teams have NARROW_WARPS_MAX shares together at most.
    size_t sums = NARROW_WARPS_MAX * 2 * TILE_ROWS * sizeof(float);
    size_t bytes = narrow_shared_bytes(kind.type, products[i].chunks, kind.chunk_groups, 1, 2);
    if (bytes + sums > input) input = bytes + sums;
  }
  resident_layout layout = {};
  layout.ring_offset = (int)round_up(input);
  for (int depth : {RING_DEEP, RING_SHALLOW}) {
    size_t rings = (size_t)layout.ring_offset + RESIDENT_WARPS * RING_SLOT_BYTES * (size_t)depth;
    layout.ring_depth = depth;
    layout.bytes = RESIDENT_PRODUCT_BYTES + (rings > attention ? rings : attention);
    if (layout.bytes <= (size_t)place.shared_bytes_max) break;
  }
  return layout;
}

static resident_kernel kernel_of(const resident_kind &kind) {
  return kind.type == INFER_INT8 ? resident_int8(kind) : resident_half(kind);
}

cudaError_t resident_check(const resident_kind &kind, const resident_layout &layout,
                           const run_place &place) {
  bool fits = layout.bytes <= (size_t)place.shared_bytes_max;
  if (!fits || place.compute < RESIDENT_COMPUTE_MIN) return cudaErrorNotSupported;
  resident_kernel kernel = kernel_of(kind);
  int device = 0, can_meet = 0, blocks = 0;
  RETURN_IF_FAILED(cudaGetDevice(&device));
  RETURN_IF_FAILED(cudaDeviceGetAttribute(&can_meet, cudaDevAttrCooperativeLaunch, device));
  RETURN_IF_FAILED(cudaFuncSetAttribute(kernel, cudaFuncAttributeMaxDynamicSharedMemorySize,
                                        (int)layout.bytes));
  RETURN_IF_FAILED(cudaOccupancyMaxActiveBlocksPerMultiprocessor(&blocks, kernel, RESIDENT_THREADS,
                                                                 layout.bytes));
  return can_meet && blocks > 0 ? cudaSuccess : cudaErrorNotSupported;
}

cudaError_t resident_run(const resident_kind &kind, const resident_args &args,
                         const resident_layout &layout, const run_place &place) {
  launch_shape shape = {};
  shape.grid = dim3((unsigned)place.multiprocessors);
  shape.block = dim3(RESIDENT_THREADS);
  shape.shared_bytes = layout.bytes;
  shape.stream = place.stream;
  shape.is_together = true;
  resident_args laid_out = args;
  laid_out.ring_offset = layout.ring_offset;
  laid_out.ring_depth = layout.ring_depth;
  return launch(shape, kernel_of(kind), laid_out);
}
