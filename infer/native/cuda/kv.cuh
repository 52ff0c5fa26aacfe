// Copyright 2026 the Photon for Deno authors. Apache-2.0 license.
// Keys and values of all layers in blocks of tokens, in device memory.
//
//     layer:  | block 0 | block 1 | ...
//     block:  | head 0 | head 1 | ...
//     head:   | keys [block_tokens][row_bytes] | values [block_tokens][row_bytes]
//             | INT8, FP8: F32 scales of keys [block_tokens], of values [block_tokens] |
//
// A row is one token's head, padded with zeros to 16 bytes: what a thread copies at a time.
#ifndef INFER_CUDA_KV_CUH
#define INFER_CUDA_KV_CUH

extern "C" {
#include "../infer.h"
}
#include "launch.cuh"
#include "step_view.cuh"

// Whether each row has a scale.
static inline __host__ __device__ constexpr bool kv_has_scales(int type) {
  return type == INFER_INT8 || type == INFER_FP8;
}

struct device_kv {
  int type; // INFER_F32, INFER_F16, INFER_INT8, INFER_FP8
  int layers;
  int kv_heads;
  int head_size;
  int block_tokens;
  int block_count;
  int row_bytes;
  size_t head_bytes;
  size_t block_bytes;
  unsigned char *data;
};

// The sizes, without memory.
int32_t kv_lay_out(device_kv *made, int type, int layers, int kv_heads, int head_size,
                   int block_tokens, int block_count);

// Of all blocks in all layers.
static inline size_t kv_bytes(const device_kv &kv) {
  return kv.block_bytes * (size_t)kv.block_count * (size_t)kv.layers;
}

int32_t kv_create(device_kv *made, int type, int layers, int kv_heads, int head_size,
                  int block_tokens, int block_count);

void kv_free(device_kv *kv);

// Copies blocks in all layers. `pairs`, in device memory, holds from, to, from, to, ...; one after
// the other, so that a block may be copied and then overwritten.
cudaError_t kv_copy_run(const device_kv &kv, const int32_t *pairs, int count,
                        const run_place &place);

// Where the values of a head begin.
DEVICE_INLINE size_t kv_values_offset(const device_kv &kv) {
  return (size_t)kv.block_tokens * (size_t)kv.row_bytes;
}

// A head of a block.
DEVICE_INLINE unsigned char *kv_head(const device_kv &kv, int layer, int block, int head) {
  size_t at = (size_t)layer * (size_t)kv.block_count + (size_t)block;
  return kv.data + at * kv.block_bytes + (size_t)head * kv.head_bytes;
}

// INT8, FP8: the scales of a head's keys; those of its values follow.
DEVICE_INLINE float *kv_scales(const device_kv &kv, unsigned char *head) {
  return (float *)(head + 2 * kv_values_offset(kv));
}

#endif
