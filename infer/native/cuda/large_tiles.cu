// Copyright 2026 the Photon for Deno authors. Apache-2.0 license.
// What large products read and write: weights and inputs as plain rows, and sums on their way out.
#include "large.cuh"

#define UNPACK_WARPS 8
#define LARGE_THREADS (32 * UNPACK_WARPS)
#define F16_LARGEST 65504.0f

// --- Weights ---

// Eight levels as F16.
DEVICE_INLINE uint4 scale_eight(uint32_t low, uint32_t high, float scale) {
  uint32_t words[4];
#pragma unroll
  for (int i = 0; i < 4; i++) {
    uint32_t pair = (i < 2 ? low : high) >> (i % 2 * 16);
    words[i] = pack_f16((float)(int8_t)pair * scale, (float)(int8_t)(pair >> 8) * scale);
  }
  return make_uint4(words[0], words[1], words[2], words[3]);
}

// Four levels by another scale: `ratio` is the old one in terms of the new one, 1 at most.
DEVICE_INLINE uint32_t rescale_four(uint32_t levels, float ratio) {
  uint32_t word = 0;
#pragma unroll
  for (int i = 0; i < 4; i++) {
    int level = __float2int_rn((float)(int8_t)(levels >> (8 * i)) * ratio);
    word |= ((uint32_t)level & 0xff) << (8 * i);
  }
  return word;
}

// The largest scale of each row of a tile: its largest level is as good as always 127.
DEVICE_INLINE void row_scales(const uint32_t *scales, int words, int chunk_groups,
                              unsigned *largest) {
  if (threadIdx.x < TILE_ROWS) largest[threadIdx.x] = 0;
  __syncthreads();
  // A thread's words are all of the same two rows, for 8 * chunk_groups divides the threads.
  for (int i = (int)threadIdx.x; i < words; i += LARGE_THREADS) {
    float2 pair = scale_pair(scales[i]);
    int row = i / chunk_groups % 8;
    atomicMax(largest + row, __float_as_uint(pair.x));
    atomicMax(largest + row + 8, __float_as_uint(pair.y));
  }
  __syncthreads();
}

// Puts a lane's eight bytes of a row.
DEVICE_INLINE void unpack_eight(const unpack_args &a, unsigned char *row, int at, uint32_t low,
                                uint32_t high, float scale, float row_scale) {
  if (a.matrix.type != INFER_INT8) {
    *(uint2 *)(row + at) = make_uint2(low, high);
  } else if (a.scales) {
    float ratio = row_scale > 0 ? scale / row_scale : 0;
    *(uint2 *)(row + at) = make_uint2(rescale_four(low, ratio), rescale_four(high, ratio));
  } else {
    *(uint4 *)(row + 2 * at) = scale_eight(low, high, scale);
  }
}

// A block unpacks a row tile, a warp a chunk of it at a time.
__global__ void __launch_bounds__(LARGE_THREADS) unpack_kernel(unpack_args a) {
  __shared__ unsigned largest[TILE_ROWS];
  let_next_kernel_begin();
  wait_for_earlier_kernels();
  const device_matrix &m = a.matrix;
  const int lane = (int)threadIdx.x % 32, group = lane / 4;
  const size_t tile = (size_t)(a.begin / TILE_ROWS) + blockIdx.x;
  const unsigned char *levels = m.levels + tile * (size_t)m.chunks * CHUNK_TILES * TILE_BYTES;
  const int words = m.chunks * 8 * m.chunk_groups;
  const uint32_t *scales = m.scales + tile * (size_t)words;
  if (a.scales) {
    row_scales(scales, words, m.chunk_groups, largest);
    if (threadIdx.x < TILE_ROWS) {
      a.scales[blockIdx.x * TILE_ROWS + threadIdx.x] = __uint_as_float(largest[threadIdx.x]);
    }
  }
  const bool is_wider = m.type == INFER_INT8 && !a.scales;
  const size_t row_bytes = (size_t)m.chunks * CHUNK_BYTES * (is_wider ? 2 : 1);
  unsigned char *rows = a.to + ((size_t)blockIdx.x * TILE_ROWS + (size_t)group) * row_bytes;
  const float row_scale = a.scales ? __uint_as_float(largest[group]) : 0;
  const float next_scale = a.scales ? __uint_as_float(largest[group + 8]) : 0;
  for (int chunk = (int)threadIdx.x / 32; chunk < m.chunks; chunk += UNPACK_WARPS) {
#pragma unroll
    for (int i = 0; i < CHUNK_TILES; i++) {
      const uint4 w = load_streamed(levels + (chunk * CHUNK_TILES + i) * TILE_BYTES + lane * 16);
      const int at = chunk * CHUNK_BYTES + i * 32 + lane % 4 * 8;
      float2 scale = make_float2(0, 0);
      if (m.type == INFER_INT8) {
        scale = scale_pair(scales[(chunk * 8 + group) * m.chunk_groups + i * 32 / m.group_size]);
      }
      unpack_eight(a, rows, at, w.x, w.z, scale.x, row_scale);
      unpack_eight(a, rows + 8 * row_bytes, at, w.y, w.w, scale.y, next_scale);
    }
  }
}

cudaError_t unpack_run(const unpack_args &args, const run_place &place) {
  unsigned tiles = (unsigned)((args.rows + TILE_ROWS - 1) / TILE_ROWS);
  return launch({dim3(tiles), dim3(LARGE_THREADS), 0, place.stream, place.overlaps}, unpack_kernel,
                args);
}

// --- Inputs ---

DEVICE_INLINE float4 input_four(const input_args &a, const float *row, int column, float factor) {
  float4 x = load_four(row, column, a.columns);
  return a.norm ? norm_four(x, factor, load_four(a.norm, column, a.columns)) : x;
}

// As F16, never infinite but of what is not finite already.
DEVICE_INLINE float f16_input(float x) {
  return fmaxf(fminf(x * LARGE_INPUT_FACTOR, F16_LARGEST), -F16_LARGEST) + (x - x);
}

// The scale of a row's levels; a NaN when a number is not finite. All threads; 32 floats.
DEVICE_INLINE float input_scale(const input_args &a, const float *row, float factor,
                                float *shared) {
  float most = 0, strange = 0;
  for (int column = (int)threadIdx.x * 4; column < a.columns; column += LARGE_THREADS * 4) {
    float4 x = input_four(a, row, column, factor);
    most = fmaxf(fmaxf(most, fmaxf(fabsf(x.x), fabsf(x.y))), fmaxf(fabsf(x.z), fabsf(x.w)));
    strange += (x.x - x.x) + (x.y - x.y) + (x.z - x.z) + (x.w - x.w);
  }
  most = warp_max(most);
  strange = warp_sum(strange);
  __syncthreads();
  // What is not a number stays none: it is no maximum's operand.
  if (threadIdx.x % 32 == 0) shared[threadIdx.x / 32] = most;
  if (threadIdx.x % 32 == 1) shared[UNPACK_WARPS + threadIdx.x / 32] = strange;
  __syncthreads();
  for (int i = 0; i < UNPACK_WARPS; i++) {
    most = fmaxf(most, shared[i]);
    if (i != (int)threadIdx.x / 32) strange += shared[UNPACK_WARPS + i];
  }
  return most / LEVEL_LARGEST + strange;
}

// A block writes a token.
__global__ void __launch_bounds__(LARGE_THREADS) input_kernel(input_args a) {
  __shared__ float shared[32];
  let_next_kernel_begin();
  wait_for_earlier_kernels();
  const int token = (int)blockIdx.x, columns = token < a.tokens ? a.columns : 0;
  const float *row = a.rows + (size_t)(columns ? token : 0) * (size_t)a.stride;
  input_args mine = a;
  mine.columns = columns;
  float factor = a.norm && columns ? norm_factor(row, columns, a.epsilon, shared) : 1;
  float scale = a.scales ? input_scale(mine, row, factor, shared) : 0;
  float inverse = scale > 0 ? 1 / scale : 0;
  if (a.scales && threadIdx.x == 0) a.scales[token] = scale;
  unsigned char *to = a.to + (size_t)token * (size_t)a.padded * (a.scales ? 1 : 2);
  for (int column = (int)threadIdx.x * 4; column < a.padded; column += LARGE_THREADS * 4) {
    float4 x = input_four(mine, row, column, factor);
    if (!a.scales) {
      *(uint2 *)(to + 2 * column) = make_uint2(pack_f16(f16_input(x.x), f16_input(x.y)),
                                               pack_f16(f16_input(x.z), f16_input(x.w)));
      continue;
    }
    *(uint32_t *)(to + column) = pack_levels(x, inverse);
  }
}

cudaError_t input_run(const input_args &args, const run_place &place) {
  return launch({dim3((unsigned)args.padded_tokens), dim3(LARGE_THREADS), 0, place.stream,
                 place.overlaps},
                input_kernel, args);
}

// --- Outputs ---

DEVICE_INLINE float sum_at(const finish_args &a, int token, int row) {
  const float *at = a.sums + (size_t)token * (size_t)a.stride + (size_t)row;
  if (!a.input_scales) return *at;
  return (float)*(const int *)at * (a.input_scales[token] * a.weight_scales[row]);
}

// A thread gives one number.
__global__ void __launch_bounds__(LARGE_THREADS) finish_kernel(finish_args a) {
  let_next_kernel_begin();
  wait_for_earlier_kernels();
  const int row = (int)(blockIdx.y * LARGE_THREADS + threadIdx.x), token = (int)blockIdx.x;
  if (row >= a.rows) return;
  float value = sum_at(a, token, row) + (a.bias ? a.bias[row] : 0);
  float *to = a.output + (size_t)token * (size_t)a.output_stride + (size_t)row;
  if (a.kind == LINEAR_GATED) {
    float other = sum_at(a, token, row + a.other) + (a.other_bias ? a.other_bias[row] : 0);
    value = silu(value) * other;
  } else if (a.kind == LINEAR_ADDED) {
    value += *to;
  }
  *to = value;
}

cudaError_t finish_run(const finish_args &args, const run_place &place) {
  unsigned blocks = (unsigned)((args.rows + LARGE_THREADS - 1) / LARGE_THREADS);
  return launch({dim3((unsigned)args.tokens, blocks), dim3(LARGE_THREADS), 0, place.stream,
                 place.overlaps},
                finish_kernel, args);
}
