// Copyright 2026 the Photon for Deno authors. Apache-2.0 license.
// What a warp does with a head of a token.
#ifndef INFER_CUDA_PLACE_HEAD_CUH
#define INFER_CUDA_PLACE_HEAD_CUH

#include "kv_put.cuh"
#include "place.cuh"

// 1 / sqrt(mean(x^2) + epsilon) of a head.
DEVICE_INLINE float head_norm(const float *x, int size, float epsilon, int lane) {
  float sum = 0;
  for (int i = lane; i < size; i += WARP_LANES) sum += x[i] * x[i];
  return 1.0f / sqrtf(warp_sum(sum) / (float)size + epsilon);
}

// A lane turns its pairs: numbers i and size / 2 + i. `weight` NULL: no norm.
DEVICE_INLINE void turn_head(float *x, const float *weight, const float *turns, int size,
                             float epsilon, int lane) {
  int half = size / 2;
  float norm = weight ? head_norm(x, size, epsilon, lane) : 1.0f;
  __syncwarp();
  for (int i = lane; i < half; i += WARP_LANES) {
    float a = x[i], b = x[half + i];
    if (weight) {
      a = a * norm * weight[i];
      b = b * norm * weight[half + i];
    }
    float cosine = turns[i], sine = turns[half + i];
    x[i] = a * cosine - b * sine;
    x[half + i] = b * cosine + a * sine;
  }
  __syncwarp();
}

// Does a head of a token that is there: `x` is its row, or a copy. All lanes of a warp.
DEVICE_INLINE void place_head(const place_args &args, const place_layer &at, int token, int slot,
                              float *x, int lane) {
  const step_view &step = args.step;
  int size = args.head_size, position = step.positions[token];
  const float *turns = step.turns + (size_t)token * (size_t)size;
  int head = slot - args.heads;
  bool isQuery = head < 0, isValue = head >= args.kv_heads;
  if (!isValue) {
    turn_head(x, isQuery ? at.query_norm : at.key_norm, turns, size, args.epsilon, lane);
  }
  if (isQuery) return;
  if (isValue) head -= args.kv_heads;
  const device_kv &kv = args.kv;
  const int32_t *table = step.block_tables +
                         (size_t)step.token_sequences[token] * (size_t)step.blocks_per_sequence;
  unsigned char *data = kv_head(kv, at.layer, table[position / kv.block_tokens], head);
  kv_put(kv, data, position % kv.block_tokens, isValue, x, lane);
}

#endif
