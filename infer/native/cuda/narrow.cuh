// Copyright 2026 the Photon for Deno authors. Apache-2.0 license.
// The narrow kernel: a block streams row tiles, its warps take turns at the chunks of columns and
// add up at the end. Weights of the first chunks are on their way before the earlier kernel is
// done, and the next chunk's while this one is multiplied.
//
//     shared   | input rows [TOKENS] | scales [groups][TOKENS] | sums [warps][TILES][16][TOKENS] |
#ifndef INFER_CUDA_NARROW_CUH
#define INFER_CUDA_NARROW_CUH

#include "narrow_math.cuh"

#define NARROW_WARPS_MAX 16
#define NARROW_THREADS_MAX (32 * NARROW_WARPS_MAX)
// Chunks that a warp should have at least: else fewer warps.
#define NARROW_WARP_CHUNKS 2
// Threads that share a multiprocessor: as many blocks are started as find room at once, with up to
// 128 registers a thread. Each warp has 2 to 4 KiB on its way: 32 to 64 KiB a multiprocessor, where
// 4.8 TB/s at 700 ns ask for 25.
#define NARROW_RESIDENT_THREADS 512

// A chunk of a job's row tile, on its way into registers.
template <int GROUPS>
DEVICE_INLINE void load_chunk(lane_chunk<GROUPS> &to, const device_matrix &matrix, int tile,
                              int chunk, int lane) {
  size_t at = (size_t)tile * (size_t)matrix.chunks + (size_t)chunk;
  const unsigned char *from = matrix.levels + at * (CHUNK_TILES * TILE_BYTES) + lane * 16;
#pragma unroll
  for (int i = 0; i < CHUNK_TILES; i++) to.tiles[i] = load_streamed(from + i * TILE_BYTES);
  if (GROUPS == 0) return;
  const uint32_t *scales = matrix.scales + (at * 8 + (size_t)(lane / 4)) * GROUPS;
#pragma unroll
  for (int i = 0; i < GROUPS; i++) to.scales[i] = __ldg(scales + i);
}

// Puts INT8 rows and their scales into shared memory.
template <class MATH>
DEVICE_INLINE void fill_levels(const product_args &a, int first, int tokens, unsigned char *rows,
                               int row_bytes, float *scales, float *sums) {
  int warp = (int)threadIdx.x / 32, lane = (int)threadIdx.x % 32, warps = (int)blockDim.x / 32;
  if (!a.rows) {
    int row_words = a.chunks * (CHUNK_BYTES / 16);
    for (int i = (int)threadIdx.x; i < tokens * row_words; i += (int)blockDim.x) {
      int token = i / row_words, word = i % row_words;
      const uint4 *from = (const uint4 *)(a.rounded + (size_t)(first + token) *
                                                          (size_t)a.chunks * CHUNK_BYTES);
      *(uint4 *)(rows + token * row_bytes + word * 16) = from[word];
    }
    for (int i = (int)threadIdx.x; i < a.chunks * MATH::GROUPS * tokens; i += (int)blockDim.x) {
      int group = i / tokens, token = i % tokens;
      scales[group * MATH::TOKENS + token] =
          a.scales[(size_t)group * (size_t)a.scale_stride + (size_t)(first + token)];
    }
    return;
  }
  for (int token = 0; token < tokens; token++) {
    const float *row = a.rows + (size_t)(first + token) * (size_t)a.stride;
    float factor = a.norm ? norm_factor(row, a.columns, a.epsilon, sums) : 1;
    for (int chunk = warp; chunk < a.chunks; chunk += warps) {
      int column = chunk * CHUNK_BYTES + lane * 4;
      float4 x = load_four(row, column, a.columns);
      if (a.norm) x = norm_four(x, factor, a.norm, column, a.columns);
      float scale;
      *(uint32_t *)(rows + token * row_bytes + column) = round_four(x, a.group_size, &scale);
      if (column % a.group_size == 0) scales[column / a.group_size * MATH::TOKENS + token] = scale;
    }
  }
}

// Puts F32 rows into shared memory.
template <class MATH>
DEVICE_INLINE void fill_floats(const product_args &a, int first, int tokens, unsigned char *rows,
                               int row_bytes, float *sums) {
  int columns = a.chunks * (CHUNK_BYTES / (MATH::TYPE == INFER_F32 ? 4 : 2));
  for (int token = 0; token < tokens; token++) {
    const float *row = a.rows + (size_t)(first + token) * (size_t)a.stride;
    float factor = a.norm ? norm_factor(row, a.columns, a.epsilon, sums) : 1;
    for (int column = (int)threadIdx.x * 4; column < columns; column += (int)blockDim.x * 4) {
      float4 x = load_four(row, column, a.columns);
      if (a.norm) x = norm_four(x, factor, a.norm, column, a.columns);
      *(float4 *)(rows + token * row_bytes + column * 4) = x;
    }
  }
}

// Which matrix a unit belongs to; makes it the row tile there.
DEVICE_INLINE int job_of(const product_args &a, int *unit) {
  int job = 0;
#pragma unroll
  for (int i = 0; i + 1 < LINEAR_JOBS_MAX; i++) job += *unit >= a.unit_ends[i];
  *unit -= job == 0 ? 0 : a.unit_ends[job - 1];
  return job;
}

// A chunk of a unit's tile: of gate or up when there are two.
template <class MATH, int TILES>
DEVICE_INLINE void load_unit(lane_chunk<MATH::GROUPS> &to, const product_args &a, int unit,
                             int tile, int chunk, int lane) {
  int job = TILES == 2 ? tile : job_of(a, &unit);
  load_chunk(to, a.jobs[job].matrix, unit, chunk, lane);
}

// Adds up what the warps have and gives it away.
template <class MATH, int TILES>
DEVICE_INLINE void give_unit(const product_args &a, int unit, int first, int tokens,
                             const float *sums) {
  constexpr int SIZE = TILE_ROWS * MATH::TOKENS;
  int warps = (int)blockDim.x / 32, job = TILES == 2 ? 0 : job_of(a, &unit);
  for (int i = (int)threadIdx.x; i < TILE_ROWS * tokens; i += (int)blockDim.x) {
    int row = i % TILE_ROWS, token = i / TILE_ROWS;
    float values[2] = {0, 0};
    for (int warp = 0; warp < warps; warp++) {
#pragma unroll
      for (int tile = 0; tile < TILES; tile++) {
        values[tile] += sums[(warp * TILES + tile) * SIZE + row * MATH::TOKENS + token];
      }
    }
    give_product(a.jobs, a.jobs[job], a.kind, a.output_stride, first + token,
                 unit * TILE_ROWS + row, values[0], values[1]);
  }
}

static inline __host__ __device__ int narrow_row_bytes(int type, int chunks) {
  // INT8 rows as levels, others as F32.
  return chunks * CHUNK_BYTES * (type == INFER_INT8 || type == INFER_F32 ? 1 : 2) + ROW_GAP_BYTES;
}

template <class MATH, int TILES>
__global__ void __launch_bounds__(NARROW_THREADS_MAX, 1) narrow_kernel(product_args a) {
  DYNAMIC_SHARED(shared);
  const int row_bytes = narrow_row_bytes(MATH::TYPE, a.chunks);
  float *scales = (float *)(shared + MATH::TOKENS * row_bytes);
  float *sums = scales + a.chunks * MATH::GROUPS * MATH::TOKENS;
  const int warp = (int)threadIdx.x / 32, lane = (int)threadIdx.x % 32;
  const int warps = (int)blockDim.x / 32;
  const int first = (int)blockIdx.y * MATH::TOKENS;
  const int tokens = min(MATH::TOKENS, a.tokens - first);
  lane_chunk<MATH::GROUPS> now, next;
  // Weights are nobody's output: they need not wait.
  load_unit<MATH, TILES>(now, a, (int)blockIdx.x, 0, min(warp, a.chunks - 1), lane);
  let_next_kernel_begin();
  wait_for_earlier_kernels();
  if (MATH::TYPE == INFER_INT8) {
    fill_levels<MATH>(a, first, tokens, shared, row_bytes, scales, sums);
  } else {
    fill_floats<MATH>(a, first, tokens, shared, row_bytes, sums);
  }
  __syncthreads();
  const narrow_input in = {shared, row_bytes, scales};
  for (int unit = (int)blockIdx.x; unit < a.units; unit += (int)gridDim.x) {
    MATH math[TILES];
    for (int chunk = warp; chunk < a.chunks; chunk += warps) {
      bool is_last = chunk + warps >= a.chunks;
#pragma unroll
      for (int tile = 0; tile < TILES; tile++) {
        bool stays = tile + 1 < TILES;
        int next_unit = !stays && is_last ? unit + (int)gridDim.x : unit;
        int next_chunk = stays ? chunk : is_last ? warp : chunk + warps;
        if (next_unit < a.units) {
          load_unit<MATH, TILES>(next, a, next_unit, stays ? tile + 1 : 0, next_chunk, lane);
        }
        math[tile].multiply(now, in, chunk, lane);
        now = next;
      }
    }
    constexpr int SIZE = TILE_ROWS * MATH::TOKENS;
#pragma unroll
    for (int tile = 0; tile < TILES; tile++) {
      math[tile].put_sums(lane, sums + (warp * TILES + tile) * SIZE);
    }
    __syncthreads();
    give_unit<MATH, TILES>(a, unit, first, tokens, sums);
    __syncthreads();
  }
}

static inline int narrow_warps(int chunks) {
  int warps = (chunks + NARROW_WARP_CHUNKS - 1) / NARROW_WARP_CHUNKS;
  return warps < 2 ? 2 : warps > NARROW_WARPS_MAX ? NARROW_WARPS_MAX : warps;
}

static inline size_t narrow_shared_bytes(int type, int chunks, int groups, int tokens, int tiles) {
  size_t rows = (size_t)tokens * (size_t)narrow_row_bytes(type, chunks);
  size_t scales = (size_t)(chunks * groups * tokens) * sizeof(float);
  // The sums also serve as the 32 floats of norm_factor.
  size_t sums = (size_t)(narrow_warps(chunks) * tiles * TILE_ROWS * tokens) * sizeof(float);
  return rows + scales + (sums < 128 ? 128 : sums);
}

template <class MATH, int TILES>
static cudaError_t launch_tiles(const product_args &args, const run_place &place) {
  int threads = 32 * narrow_warps(args.chunks);
  int resident = place.multiprocessors * (NARROW_RESIDENT_THREADS / threads);
  launch_shape shape = {};
  shape.grid = dim3((unsigned)(args.units < resident ? args.units : resident),
                    (unsigned)((args.tokens + MATH::TOKENS - 1) / MATH::TOKENS));
  shape.block = dim3((unsigned)threads);
  shape.shared_bytes =
      narrow_shared_bytes(MATH::TYPE, args.chunks, MATH::GROUPS, MATH::TOKENS, TILES);
  shape.stream = place.stream;
  shape.overlaps = place.overlaps;
  return launch(shape, narrow_kernel<MATH, TILES>, args);
}

template <class MATH>
static cudaError_t launch_narrow(const product_args &args, const run_place &place) {
  return args.kind == LINEAR_GATED ? launch_tiles<MATH, 2>(args, place)
                                   : launch_tiles<MATH, 1>(args, place);
}

#endif
