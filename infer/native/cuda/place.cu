// Copyright 2026 the Photon for Deno authors. Apache-2.0 license.
#include "place.cuh"

#include "kv_put.cuh"

#define PLACE_WARPS 4

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

// A warp does one head of one token: a query, a key or a value.
__global__ void __launch_bounds__(PLACE_WARPS *WARP_LANES) place_heads(place_args args) {
  let_next_kernel_begin();
  wait_for_earlier_kernels();
  const step_view &step = args.step;
  int lane = (int)threadIdx.x % WARP_LANES;
  int slots = args.heads + 2 * args.kv_heads;
  int64_t item = (int64_t)blockIdx.x * PLACE_WARPS + (int)threadIdx.x / WARP_LANES;
  int token = (int)(item / slots), slot = (int)(item % slots);
  if (token >= step.tokens || step.positions[token] < 0) return;
  int size = args.head_size, position = step.positions[token];
  float *x = args.rows + ((size_t)token * (size_t)slots + (size_t)slot) * (size_t)size;
  const float *turns = step.turns + (size_t)token * (size_t)size;
  if (slot < args.heads) {
    turn_head(x, args.query_norm, turns, size, args.epsilon, lane);
    return;
  }
  int head = slot - args.heads;
  bool isValue = head >= args.kv_heads;
  if (isValue) {
    head -= args.kv_heads;
  } else {
    turn_head(x, args.key_norm, turns, size, args.epsilon, lane);
  }
  const device_kv &kv = args.kv;
  const int32_t *table = step.block_tables +
                         (size_t)step.token_sequences[token] * (size_t)step.blocks_per_sequence;
  unsigned char *data =
      kv_head(kv, args.layer, table[position / kv.block_tokens], head);
  kv_put(kv, data, position % kv.block_tokens, isValue, x, lane);
}

cudaError_t place_run(const place_args &args, const run_place &place) {
  int64_t items = (int64_t)args.step.tokens * (args.heads + 2 * args.kv_heads);
  if (items == 0) return cudaSuccess;
  unsigned blocks = (unsigned)((items + PLACE_WARPS - 1) / PLACE_WARPS);
  launch_shape shape = {dim3(blocks), dim3(PLACE_WARPS * WARP_LANES), 0, place.stream,
                        place.overlaps};
  return launch(shape, place_heads, args);
}
