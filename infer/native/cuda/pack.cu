// Copyright 2026 the Photon for Deno authors. Apache-2.0 license.
#include "pack.cuh"

#include <stdlib.h>
#include <string.h>

#include "../half.h"

#define PACK_WARPS 8

// One number of a row; 0 behind its end. Sources are only as aligned as files are.
DEVICE_INLINE float source_number(const pack_args &a, const unsigned char *row, int column) {
  if (column >= a.matrix.columns) return 0;
  if (a.source_type == INFER_F32) {
    const unsigned char *at = row + 4 * (size_t)column;
    uint32_t bits = (uint32_t)at[0] | (uint32_t)at[1] << 8 | (uint32_t)at[2] << 16 |
                    (uint32_t)at[3] << 24;
    return __uint_as_float(bits);
  }
  const unsigned char *at = row + 2 * (size_t)column;
  uint16_t bits = (uint16_t)(at[0] | at[1] << 8);
  return a.source_type == INFER_BF16 ? bf16_to_float(bits) : f16_to_float(bits);
}

// Where a row of the source goes: rows 2 i and 2 i + 1 of a head to i and i + half.
DEVICE_INLINE int row_place(const pack_args &a, int row) {
  if (a.pairs_of == 0) return a.first_row + row;
  int within = row % a.pairs_of;
  return a.first_row + row - within + (within >> 1) + (within & 1) * (a.pairs_of / 2);
}

DEVICE_INLINE void put_word(const pack_args &a, int row, int chunk, int word, uint32_t value) {
  unsigned char *levels = (unsigned char *)a.matrix.levels;
  *(uint32_t *)(levels + word_offset(a.matrix.chunks, row, chunk, word)) = value;
}

DEVICE_INLINE void put_scale(const pack_args &a, int row, int group, uint16_t scale) {
  uint16_t *scales = (uint16_t *)a.matrix.scales;
  scales[scale_offset(a.matrix.chunks, a.matrix.chunk_groups, row, group)] = scale;
}

DEVICE_INLINE void note_strange(const pack_args &a, int row, int column) {
  int begin = column / a.matrix.group_size * a.matrix.group_size;
  atomicMin(a.strange, (unsigned long long)(a.first_row + row) * (unsigned)a.matrix.columns +
                           (unsigned)begin);
}

// Rounds the lane's four numbers; the lanes of a group share its scale.
DEVICE_INLINE void quantise_four(const pack_args &a, int row, int place, int chunk,
                                 const float x[4]) {
  int lane = (int)threadIdx.x % 32, column = chunk * CHUNK_BYTES + lane * 4;
  float most = 0, strange = 0;
#pragma unroll
  for (int i = 0; i < 4; i++) {
    most = fmaxf(most, fabsf(x[i]));
    strange += x[i] - x[i];
  }
#pragma unroll
  for (int step = 16; step > 0; step /= 2) {
    float other = __shfl_xor_sync(ALL_LANES, most, step);
    float other_strange = __shfl_xor_sync(ALL_LANES, strange, step);
    if (4 * step >= a.matrix.group_size) continue;
    most = fmaxf(most, other);
    strange += other_strange;
  }
  uint16_t scale = float_to_f16(most / 127.0f);
  float stored = f16_to_float(scale);
  if (!(strange == 0) || !(stored <= 65504.0f)) {
    note_strange(a, row, column);
    return;
  }
  uint32_t word = 0;
#pragma unroll
  for (int i = 0; i < 4; i++) {
    float level = stored == 0 ? 0 : fmaxf(fminf(x[i] / stored, 127.0f), -127.0f);
    word |= ((uint32_t)__float2int_rn(level) & 0xff) << (8 * i);
  }
  put_word(a, place, chunk, lane, word);
  // Columns are padded to whole chunks; groups behind the last have zeros.
  if (column % a.matrix.group_size == 0) put_scale(a, place, column / a.matrix.group_size, scale);
}

// Levels and scales as they are.
DEVICE_INLINE void copy_four(const pack_args &a, const unsigned char *source, int row, int place,
                             int chunk) {
  int lane = (int)threadIdx.x % 32, column = chunk * CHUNK_BYTES + lane * 4;
  int group = column / a.matrix.group_size;
  bool is_q8 = a.source_type == INFER_Q8_0;
  uint32_t word = 0;
  for (int i = 0; i < 4; i++) {
    int at = column + i;
    if (at >= a.matrix.columns) break;
    size_t offset = is_q8 ? (size_t)(at / Q8_GROUP) * Q8_BYTES + 2 + (size_t)(at % Q8_GROUP)
                          : (size_t)at;
    word |= (uint32_t)source[offset] << (8 * i);
  }
  put_word(a, place, chunk, lane, word);
  if (column % a.matrix.group_size != 0) return;
  uint16_t scale = 0;
  if (column < a.matrix.columns && is_q8) {
    const unsigned char *at = source + (size_t)group * Q8_BYTES;
    scale = (uint16_t)(at[0] | at[1] << 8);
  } else if (column < a.matrix.columns) {
    int groups = (a.matrix.columns + a.matrix.group_size - 1) / a.matrix.group_size;
    scale = float_to_f16(a.scales[(size_t)row * (size_t)groups + (size_t)group]);
  }
  put_scale(a, place, group, scale);
}

// A warp packs a chunk of a row, a lane four bytes.
__global__ void __launch_bounds__(32 * PACK_WARPS) pack_kernel(pack_args a) {
  let_next_kernel_begin();
  wait_for_earlier_kernels();
  int lane = (int)threadIdx.x % 32;
  int row = (int)blockIdx.x, place = row_place(a, row);
  const unsigned char *source = a.source + (size_t)row * a.row_bytes;
  for (int chunk = (int)threadIdx.x / 32; chunk < a.matrix.chunks; chunk += PACK_WARPS) {
    if (a.source_type == INFER_INT8 || a.source_type == INFER_Q8_0) {
      copy_four(a, source, row, place, chunk);
      continue;
    }
    float x[4];
    int numbers = 4 / type_bytes(a.matrix.type);
    int column = chunk * (CHUNK_BYTES / type_bytes(a.matrix.type)) + lane * numbers;
    for (int i = 0; i < 4; i++) x[i] = i < numbers ? source_number(a, source, column + i) : 0;
    uint32_t word = __float_as_uint(x[0]);
    if (a.matrix.type == INFER_INT8) {
      quantise_four(a, row, place, chunk, x);
      continue;
    }
    if (a.matrix.type == INFER_BF16) word = pack_bf16(x[0], x[1]);
    if (a.matrix.type == INFER_F16) word = pack_f16(x[0], x[1]);
    put_word(a, place, chunk, lane, word);
  }
}

cudaError_t pack_run(const pack_args &args, const run_place &place) {
  if (args.rows == 0) return cudaSuccess;
  return launch({dim3((unsigned)args.rows), dim3(32 * PACK_WARPS), 0, place.stream, place.overlaps},
                pack_kernel, args);
}

static float number_at(const device_matrix &m, const unsigned char *tile, int row, int column) {
  int bytes = type_bytes(m.type), at = column * bytes;
  size_t offset = word_offset(m.chunks, row % TILE_ROWS, at / CHUNK_BYTES, at % CHUNK_BYTES / 4);
  const unsigned char *from = tile + offset + at % 4;
  if (m.type == INFER_INT8) return (float)(int8_t)*from;
  uint16_t half;
  memcpy(&half, from, sizeof half);
  if (m.type == INFER_BF16) return bfloat_to_float(half);
  if (m.type == INFER_F16) return half_to_float(half);
  float number;
  memcpy(&number, from, sizeof number);
  return number;
}

cudaError_t unpack_row(const device_matrix &m, int row, float *host_values) {
  size_t level_bytes = (size_t)m.chunks * CHUNK_TILES * TILE_BYTES;
  size_t scale_bytes = (size_t)m.chunks * 8 * (size_t)m.chunk_groups * sizeof(uint32_t);
  unsigned char *tile = (unsigned char *)malloc(level_bytes + scale_bytes);
  if (!tile) return cudaErrorMemoryAllocation;
  size_t at = (size_t)(row / TILE_ROWS);
  cudaError_t error =
      cudaMemcpy(tile, m.levels + at * level_bytes, level_bytes, cudaMemcpyDeviceToHost);
  if (error == cudaSuccess && scale_bytes > 0) {
    error = cudaMemcpy(tile + level_bytes, (const unsigned char *)m.scales + at * scale_bytes,
                       scale_bytes, cudaMemcpyDeviceToHost);
  }
  const uint16_t *scales = (const uint16_t *)(tile + level_bytes);
  for (int column = 0; column < m.columns && error == cudaSuccess; column++) {
    host_values[column] = number_at(m, tile, row, column);
    if (m.type != INFER_INT8) continue;
    int group = column / m.group_size;
    host_values[column] *=
        half_to_float(scales[scale_offset(m.chunks, m.chunk_groups, row % TILE_ROWS, group)]);
  }
  free(tile);
  return error;
}
