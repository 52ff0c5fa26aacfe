// Copyright 2026 the Photon for Deno authors. Apache-2.0 license.
#ifndef INFER_CUDA_KV_PUT_CUH
#define INFER_CUDA_KV_PUT_CUH

#include "kv.cuh"

#define WARP_LANES 32
#define KV_LEVEL_MAX 127.0f
#define KV_FP8_MAX 448.0f

// Puts a token's numbers of a head into its keys or values; all lanes of a warp together.
DEVICE_INLINE void kv_put(const device_kv &kv, unsigned char *head, int slot, bool is_value,
                          const float *x, int lane) {
  int size = kv.head_size;
  unsigned char *row = head + (is_value ? kv_values_offset(kv) : 0) +
                       (size_t)slot * (size_t)kv.row_bytes;
  if (kv.type == INFER_F32) {
    for (int i = lane; i < size; i += WARP_LANES) ((float *)row)[i] = x[i];
    return;
  }
  if (kv.type == INFER_F16) {
    for (int i = lane; i < size; i += WARP_LANES) ((__half *)row)[i] = __float2half_rn(x[i]);
    return;
  }
  float largest = 0;
  for (int i = lane; i < size; i += WARP_LANES) largest = fmaxf(largest, fabsf(x[i]));
  largest = warp_max(largest);
  float most = kv.type == INFER_FP8 ? KV_FP8_MAX : KV_LEVEL_MAX;
  float inverse = largest == 0 ? 0 : most / largest;
  for (int i = lane; i < size; i += WARP_LANES) {
    float number = x[i] * inverse;
    row[i] = kv.type == INFER_FP8 ? e4m3_of(number) : (unsigned char)__float2int_rn(number);
  }
  if (lane != 0) return;
  kv_scales(kv, head)[(is_value ? kv.block_tokens : 0) + slot] = largest / most;
}

#endif
