// Copyright 2026 the Photon for Deno authors. Apache-2.0 license.
// Inputs of products: rows of F32, normed where wanted, rounded to what the weights are multiplied
// with. A warp rounds a chunk of a row at a time, a lane four numbers.
#ifndef INFER_CUDA_ROUND_CUH
#define INFER_CUDA_ROUND_CUH

#include "matrix.cuh"
#include "step_view.cuh"

#define LEVEL_LARGEST 127.0f

// Chunks of a rounded input row. INT8: levels. BF16 and F16: a row of numbers, then one of what is
// missing from them, so that products of both are as exact as those of F32 inputs nearly are.
static inline __host__ __device__ int rounded_chunks(int type, int chunks) {
  return type == INFER_INT8 ? chunks : type == INFER_F32 ? 0 : 2 * chunks;
}

struct round_args {
  const float *rows;      // [any][stride]
  int stride;
  int columns;
  const int32_t *chosen;  // row of each token; null: in order
  const float *norm;      // weight of an RMSNorm before; null: none
  float epsilon;
  int type;               // of the weights
  int group_size;
  int chunks;
  unsigned char *rounded; // [tokens][rounded_chunks * CHUNK_BYTES]
  float *scales;          // INT8: [groups][scale_stride], a number for each token
  int scale_stride;
  float *normed;          // [tokens][columns] F32; null: not wanted
  int tokens;
};

// One block a token. `rounded` null: only the normed rows.
cudaError_t round_run(const round_args &args, const run_place &place);

// --- Device code, also in front of the products themselves ---

// Four numbers of a row from `column` on, zeros behind its end.
DEVICE_INLINE float4 load_four(const float *row, int column, int columns) {
  if (column + 4 <= columns && ((uintptr_t)(row + column) & 15) == 0) {
    return *(const float4 *)(row + column);
  }
  return make_float4(column < columns ? row[column] : 0, column + 1 < columns ? row[column + 1] : 0,
                     column + 2 < columns ? row[column + 2] : 0,
                     column + 3 < columns ? row[column + 3] : 0);
}

// Stores what of four numbers is within the row.
DEVICE_INLINE void store_four(float *row, int column, int columns, float4 x) {
  if (column < columns) row[column] = x.x;
  if (column + 1 < columns) row[column + 1] = x.y;
  if (column + 2 < columns) row[column + 2] = x.z;
  if (column + 3 < columns) row[column + 3] = x.w;
}

// Sums of a norm are those of so many warps, however many there are.
#define NORM_SHARES 16

// What an RMSNorm multiplies the row with: the same, to the bit, whatever the size of the block.
// All threads of the block; `sums` has 32 floats.
DEVICE_INLINE float norm_factor(const float *row, int columns, float epsilon, float *sums) {
  int warp = (int)threadIdx.x / 32, lane = (int)threadIdx.x % 32, warps = (int)blockDim.x / 32;
  __syncthreads();
  // Two shares at a time: their numbers come together.
  for (int share = warp; share < NORM_SHARES; share += 2 * warps) {
    float own[2] = {0, 0};
    for (int begin = lane * 4; begin < columns; begin += NORM_SHARES * 32 * 4) {
#pragma unroll
      for (int i = 0; i < 2; i++) {
        int column = begin + (share + i * warps) * 32 * 4;
        float4 x = load_four(row, column, share + i * warps < NORM_SHARES ? columns : 0);
        own[i] += x.x * x.x + x.y * x.y + x.z * x.z + x.w * x.w;
      }
    }
#pragma unroll
    for (int i = 0; i < 2; i++) {
      float sum = warp_sum(own[i]);
      if (lane == 0 && share + i * warps < NORM_SHARES) sums[share + i * warps] = sum;
    }
  }
  __syncthreads();
  float sum = warp_sum(lane < NORM_SHARES ? sums[lane] : 0);
  return 1.0f / sqrtf(sum / (float)columns + epsilon);
}

DEVICE_INLINE float4 norm_four(float4 x, float factor, float4 w) {
  return make_float4(x.x * factor * w.x, x.y * factor * w.y, x.z * factor * w.z,
                     x.w * factor * w.w);
}

// Four numbers as levels, `inverse` for each 1.
DEVICE_INLINE uint32_t pack_levels(float4 x, float inverse) {
  const float four[4] = {x.x, x.y, x.z, x.w};
  uint32_t word = 0;
#pragma unroll
  for (int i = 0; i < 4; i++) {
    float level = fmaxf(fminf(four[i] * inverse, LEVEL_LARGEST), -LEVEL_LARGEST);
    word |= ((uint32_t)__float2int_rn(level) & 0xff) << (8 * i);
  }
  return word;
}

// The lane's four numbers as levels, and the scale of its group: that of the CPU library, bit by
// bit. A number that is not finite makes the scale a NaN. All lanes of the warp.
DEVICE_INLINE uint32_t round_four(float4 x, int group_size, float *scale) {
  float most = fmaxf(fmaxf(fabsf(x.x), fabsf(x.y)), fmaxf(fabsf(x.z), fabsf(x.w)));
  float strange = (x.x - x.x) + (x.y - x.y) + (x.z - x.z) + (x.w - x.w);
#pragma unroll
  for (int step = 16; step > 0; step /= 2) {
    float other = __shfl_xor_sync(ALL_LANES, most, step);
    float other_strange = __shfl_xor_sync(ALL_LANES, strange, step);
    if (4 * step < group_size) {
      most = fmaxf(most, other);
      strange += other_strange;
    }
  }
  *scale = most / LEVEL_LARGEST + strange;
  return pack_levels(x, most == 0 ? 0 : LEVEL_LARGEST / most);
}

#endif
