// Copyright 2026 the Photon for Deno authors. Apache-2.0 license.
#include "round.cuh"

#define ROUND_THREADS 256

// Four numbers as BF16 or F16, and then as what is left of them.
DEVICE_INLINE void put_halves(const round_args &a, unsigned char *row, int column, float4 x) {
  float four[4] = {x.x, x.y, x.z, x.w};
#pragma unroll
  for (int part = 0; part < 2; part++) {
    uint32_t words[2];
#pragma unroll
    for (int i = 0; i < 2; i++) {
      float *pair = four + 2 * i;
      words[i] = a.type == INFER_BF16 ? pack_bf16(pair[0], pair[1]) : pack_f16(pair[0], pair[1]);
#pragma unroll
      for (int j = 0; j < 2; j++) {
        uint16_t bits = (uint16_t)(words[i] >> (16 * j));
        pair[j] -= a.type == INFER_BF16 ? bf16_to_float(bits) : f16_to_float(bits);
      }
    }
    *(uint2 *)(row + part * a.chunks * CHUNK_BYTES + 2 * column) = make_uint2(words[0], words[1]);
  }
}

// Rounds the lane's four numbers to where the product reads them.
DEVICE_INLINE void put_four(const round_args &a, int token, int column, float4 x) {
  size_t row_bytes = (size_t)rounded_chunks(a.type, a.chunks) * CHUNK_BYTES;
  unsigned char *row = a.rounded + (size_t)token * row_bytes;
  if (a.type != INFER_INT8) {
    put_halves(a, row, column, x);
    return;
  }
  float scale;
  *(uint32_t *)(row + column) = round_four(x, a.group_size, &scale);
  if (column % a.group_size == 0) {
    a.scales[(size_t)(column / a.group_size) * (size_t)a.scale_stride + (size_t)token] = scale;
  }
}

__global__ void __launch_bounds__(ROUND_THREADS) round_kernel(round_args a) {
  __shared__ float sums[32];
  let_next_kernel_begin();
  wait_for_earlier_kernels();
  int token = (int)blockIdx.x, lane = (int)threadIdx.x % 32;
  const float *row = a.rows + (size_t)(a.chosen ? a.chosen[token] : token) * (size_t)a.stride;
  float factor = a.norm ? norm_factor(row, a.columns, a.epsilon, sums) : 1;
  // Whole warps: the lanes of a chunk round together.
  int padded = a.chunks * (CHUNK_BYTES / type_bytes(a.type));
  for (int begin = (int)(threadIdx.x - lane) * 4; begin < padded; begin += ROUND_THREADS * 4) {
    int column = begin + lane * 4;
    float4 x = load_four(row, column, a.columns);
    if (a.norm) x = norm_four(x, factor, load_four(a.norm, column, a.columns));
    if (a.normed) {
      store_four(a.normed + (size_t)token * (size_t)a.columns, column, a.columns, x);
    }
    // A BF16 row may end within the warp's 128 numbers; an INT8 row does not.
    if (a.rounded && (a.type == INFER_INT8 || column < padded)) put_four(a, token, column, x);
  }
}

cudaError_t round_run(const round_args &args, const run_place &place) {
  if (args.tokens == 0) return cudaSuccess;
  return launch({dim3((unsigned)args.tokens), dim3(ROUND_THREADS), 0, place.stream, place.overlaps},
                round_kernel, args);
}
