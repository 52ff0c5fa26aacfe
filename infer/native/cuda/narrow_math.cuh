// Copyright 2026 the Photon for Deno authors. Apache-2.0 license.
// What a warp does with a chunk of a row tile and the inputs in shared memory, for each kind of
// weights. All have the same members:
//
//     TYPE, TOKENS        of the weights; tokens that fit
//     GROUPS              scales of a chunk, 0 for none
//     multiply            adds a chunk's products to the lane's sums
//     put_sums            puts the warp's sums as [16 rows][TOKENS], whole
#ifndef INFER_CUDA_NARROW_MATH_CUH
#define INFER_CUDA_NARROW_MATH_CUH

#include "linear.cuh"

// Rows of input in shared memory lie so far apart that the lanes of a product hit all banks.
#define ROW_GAP_BYTES 32

// Inputs in shared memory: rows, then (INT8) scales [groups][TOKENS].
struct narrow_input {
  const unsigned char *rows;
  int row_bytes;
  const float *scales;
};

// A chunk of a row tile in a lane's registers.
template <int GROUPS>
struct lane_chunk {
  uint4 tiles[CHUNK_TILES];
  uint32_t scales[GROUPS > 0 ? GROUPS : 1];
};

// Sums of rows `group` and `group + 8` that are spread over four lanes.
template <int TOKENS>
DEVICE_INLINE void put_spread_sums(const float sums[][2], int lane, float *to) {
#pragma unroll
  for (int token = 0; token < TOKENS; token++) {
#pragma unroll
    for (int half = 0; half < 2; half++) {
      float sum = sums[token][half];
      sum += __shfl_xor_sync(ALL_LANES, sum, 1);
      sum += __shfl_xor_sync(ALL_LANES, sum, 2);
      if (lane % 4 == 0) to[(lane / 4 + 8 * half) * TOKENS + token] = sum;
    }
  }
}

// INT8 with dp4a.
template <int TOKENS_, int GROUPS_>
struct int8_dots {
  static constexpr int TYPE = INFER_INT8, TOKENS = TOKENS_, GROUPS = GROUPS_;
  float sums[TOKENS][2] = {};

  DEVICE_MEMBER void multiply(const lane_chunk<GROUPS> &weights, const narrow_input &in, int chunk,
                              int lane) {
    const unsigned char *at = in.rows + chunk * CHUNK_BYTES + lane % 4 * 8;
#pragma unroll
    for (int group = 0; group < GROUPS; group++) {
      int dots[TOKENS][2];
#pragma unroll
      for (int token = 0; token < TOKENS; token++) dots[token][0] = dots[token][1] = DOT_BEGIN;
#pragma unroll
      for (int i = 0; i < CHUNK_TILES / GROUPS; i++) {
        const int tile = group * (CHUNK_TILES / GROUPS) + i;
        const uint4 w = weights.tiles[tile];
#pragma unroll
        for (int token = 0; token < TOKENS; token++) {
          uint2 x = *(const uint2 *)(at + token * in.row_bytes + tile * 32);
          dots[token][0] = dot_4((int)w.z, (int)x.y, dot_4((int)w.x, (int)x.x, dots[token][0]));
          dots[token][1] = dot_4((int)w.w, (int)x.y, dot_4((int)w.y, (int)x.x, dots[token][1]));
        }
      }
      float2 scale = scale_pair(weights.scales[group]);
      const float *input_scales = in.scales + (chunk * GROUPS + group) * TOKENS;
#pragma unroll
      for (int token = 0; token < TOKENS; token++) {
        sums[token][0] += dot_value(dots[token][0]) * (scale.x * input_scales[token]);
        sums[token][1] += dot_value(dots[token][1]) * (scale.y * input_scales[token]);
      }
    }
  }

  DEVICE_MEMBER void put_sums(int lane, float *to) const {
    put_spread_sums<TOKENS>(sums, lane, to);
  }
};

// INT8 with tensor cores; EIGHTS times eight tokens.
template <int EIGHTS, int GROUPS_>
struct int8_tensor {
  static constexpr int TYPE = INFER_INT8, TOKENS = 8 * EIGHTS, GROUPS = GROUPS_;
  float sums[EIGHTS][4] = {};

  DEVICE_MEMBER void multiply(const lane_chunk<GROUPS> &weights, const narrow_input &in, int chunk,
                              int lane) {
    const unsigned char *at =
        in.rows + lane / 4 * in.row_bytes + chunk * CHUNK_BYTES + lane % 4 * 8;
#pragma unroll
    for (int group = 0; group < GROUPS; group++) {
      float2 scale = scale_pair(weights.scales[group]);
#pragma unroll
      for (int eight = 0; eight < EIGHTS; eight++) {
        int dots[4] = {DOT_BEGIN, DOT_BEGIN, DOT_BEGIN, DOT_BEGIN};
#pragma unroll
        for (int i = 0; i < CHUNK_TILES / GROUPS; i++) {
          const int tile = group * (CHUNK_TILES / GROUPS) + i;
          const uint4 w = weights.tiles[tile];
          uint2 x = *(const uint2 *)(at + eight * 8 * in.row_bytes + tile * 32);
          mma_s8(dots, w.x, w.y, w.z, w.w, x.x, x.y);
        }
        const float2 input_scale = *(const float2 *)(in.scales + (chunk * GROUPS + group) * TOKENS +
                                                     eight * 8 + lane % 4 * 2);
        sums[eight][0] += dot_value(dots[0]) * (scale.x * input_scale.x);
        sums[eight][1] += dot_value(dots[1]) * (scale.x * input_scale.y);
        sums[eight][2] += dot_value(dots[2]) * (scale.y * input_scale.x);
        sums[eight][3] += dot_value(dots[3]) * (scale.y * input_scale.y);
      }
    }
  }

  DEVICE_MEMBER void put_sums(int lane, float *to) const {
#pragma unroll
    for (int i = 0; i < 4 * EIGHTS; i++) {
      int row = lane / 4 + i % 4 / 2 * 8;
      to[row * TOKENS + i / 4 * 8 + lane % 4 * 2 + i % 2] = sums[i / 4][i % 4];
    }
  }
};

// BF16, F16 or F32 weights with F32 inputs.
template <int TYPE_, int TOKENS_>
struct float_dots {
  static constexpr int TYPE = TYPE_, TOKENS = TOKENS_, GROUPS = 0;
  // Numbers of a row that a lane holds of a tile.
  static constexpr int NUMBERS = TYPE == INFER_F32 ? 2 : 4;
  float sums[TOKENS][2] = {};

  DEVICE_MEMBER static void unpack(uint32_t first, uint32_t second, float to[NUMBERS]) {
    if (TYPE == INFER_F32) {
      to[0] = __uint_as_float(first);
      to[1] = __uint_as_float(second);
      return;
    }
    const uint16_t bits[4] = {(uint16_t)first, (uint16_t)(first >> 16), (uint16_t)second,
                              (uint16_t)(second >> 16)};
#pragma unroll
    for (int i = 0; i < NUMBERS; i++) {
      to[i] = TYPE == INFER_BF16 ? bf16_to_float(bits[i]) : f16_to_float(bits[i]);
    }
  }

  DEVICE_MEMBER void multiply(const lane_chunk<0> &weights, const narrow_input &in, int chunk,
                              int lane) {
    int column = chunk * (CHUNK_TILES * 4 * NUMBERS) + lane % 4 * NUMBERS;
#pragma unroll
    for (int tile = 0; tile < CHUNK_TILES; tile++) {
      float low[NUMBERS], high[NUMBERS];
      unpack(weights.tiles[tile].x, weights.tiles[tile].z, low);
      unpack(weights.tiles[tile].y, weights.tiles[tile].w, high);
#pragma unroll
      for (int token = 0; token < TOKENS; token++) {
        const float *x =
            (const float *)(in.rows + token * in.row_bytes) + column + tile * 4 * NUMBERS;
#pragma unroll
        for (int i = 0; i < NUMBERS; i++) {
          sums[token][0] += low[i] * x[i];
          sums[token][1] += high[i] * x[i];
        }
      }
    }
  }

  DEVICE_MEMBER void put_sums(int lane, float *to) const {
    put_spread_sums<TOKENS>(sums, lane, to);
  }
};

#endif
