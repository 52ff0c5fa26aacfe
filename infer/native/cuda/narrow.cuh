// Copyright 2026 the Photon for Deno authors. Apache-2.0 license.
// The narrow kernel: a block streams row tiles, its warps take turns at the chunks of columns and
// add up at the end. Weights of the first chunks are on their way before the earlier kernel is
// done, and the next chunk's while this one is multiplied. What a block does is a function of its
// own, for the kernel that stays for a whole step (resident.cuh) does it too.
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

// Warps that stream units together: a block, or some of its warps. They share the sums of a unit as
// so many `shares` as there are warps in the narrow kernel; a warp may have several.
struct narrow_team {
  int thread;
  int threads;
  int barrier; // see barrier_of
  int shares;
  int unit;    // the first
  int stride;  // from unit to unit
};

// A row tile of a matrix.
struct tile_source {
  const unsigned char *levels;
  const uint32_t *scales;
};

DEVICE_INLINE tile_source source_of(const device_matrix &matrix, int tile) {
  size_t at = (size_t)tile * (size_t)matrix.chunks;
  return {matrix.levels + at * (CHUNK_TILES * TILE_BYTES),
          matrix.scales + at * 8 * (size_t)matrix.chunk_groups};
}

// Chunks of an input row that a warp loads before it rounds the first.
#define FILL_CHUNKS 4

// A chunk of a row tile, on its way into registers.
template <int GROUPS>
DEVICE_INLINE void load_chunk(lane_chunk<GROUPS> &to, const tile_source &source, int chunk,
                              int lane) {
  const unsigned char *from =
      source.levels + (size_t)chunk * (CHUNK_TILES * TILE_BYTES) + lane * 16;
#pragma unroll
  for (int i = 0; i < CHUNK_TILES; i++) to.tiles[i] = load_streamed(from + i * TILE_BYTES);
  if (GROUPS == 0) return;
  const uint32_t *scales = source.scales + (chunk * 8 + lane / 4) * GROUPS;
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
  // Known to the compiler, unlike those of `a`.
  constexpr int GROUP = CHUNK_BYTES / (MATH::GROUPS > 0 ? MATH::GROUPS : 1);
  const int columns = a.columns, chunks = a.chunks;
  const float *norm = a.norm;
  for (int token = 0; token < tokens; token++) {
    const float *row = a.rows + (size_t)(first + token) * (size_t)a.stride;
    float factor = norm ? norm_factor(row, columns, a.epsilon, sums) : 1;
    for (int begin = warp; begin < chunks; begin += FILL_CHUNKS * warps) {
      float4 fours[FILL_CHUNKS], weights[FILL_CHUNKS];
#pragma unroll
      for (int i = 0; i < FILL_CHUNKS; i++) {
        int column = (begin + i * warps) * CHUNK_BYTES + lane * 4;
        fours[i] = load_four(row, column, columns);
        if (norm) weights[i] = load_four(norm, column, columns);
      }
#pragma unroll
      for (int i = 0; i < FILL_CHUNKS; i++) {
        int chunk = begin + i * warps, column = chunk * CHUNK_BYTES + lane * 4;
        if (chunk >= chunks) break;
        float4 x = fours[i];
        if (norm) x = norm_four(x, factor, weights[i]);
        if (a.normed && blockIdx.x == 0) {
          store_four(a.normed + (size_t)(first + token) * (size_t)columns, column, columns, x);
        }
        float scale;
        *(uint32_t *)(rows + token * row_bytes + column) = round_four(x, GROUP, &scale);
        if (lane * 4 % GROUP == 0) {
          scales[(chunk * MATH::GROUPS + lane * 4 / GROUP) * MATH::TOKENS + token] = scale;
        }
      }
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
      if (a.norm) x = norm_four(x, factor, load_four(a.norm, column, a.columns));
      if (a.normed && blockIdx.x == 0) {
        store_four(a.normed + (size_t)(first + token) * (size_t)a.columns, column, a.columns, x);
      }
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

// A unit's tile: of gate or up when there are two.
template <int TILES>
DEVICE_INLINE tile_source unit_source(const product_args &a, int unit, int tile) {
  int job = TILES == 2 ? tile : job_of(a, &unit);
  return source_of(a.jobs[job].matrix, unit);
}

// Bytes of a matrix's row tile: of levels, and of scales.
DEVICE_INLINE int2 tile_bytes(const device_matrix &m) {
  return make_int2(m.chunks * (CHUNK_TILES * TILE_BYTES),
                   m.chunks * 8 * m.chunk_groups * (int)sizeof(uint32_t));
}

// Fetches a unit into the second cache, all lanes of a warp together.
template <int TILES>
DEVICE_INLINE void prefetch_unit(const product_args &a, int unit, int lane) {
  const int2 bytes = tile_bytes(a.jobs[0].matrix);
#pragma unroll
  for (int tile = 0; tile < TILES; tile++) {
    tile_source source = unit_source<TILES>(a, unit, tile);
    prefetch(source.levels, bytes.x, lane);
    prefetch(source.scales, bytes.y, lane);
  }
}

// The chunks that a warp of a team multiplies, in their order: of each unit, share by share, and of
// each chunk its tiles.
template <int TILES>
struct chunk_walk {
  int unit, share, chunk, tile;

  DEVICE_MEMBER void enter(const narrow_team &team) {
    share = chunk = team.thread / 32;
    tile = 0;
  }

  DEVICE_MEMBER void begin(const product_args &a, const narrow_team &team) {
    // Some warps have nothing to do where there are few chunks.
    unit = team.thread / 32 < a.chunks ? team.unit : a.units;
    enter(team);
  }

  DEVICE_MEMBER bool is_over(const product_args &a) const { return unit >= a.units; }

  DEVICE_MEMBER tile_source source(const product_args &a) const {
    return unit_source<TILES>(a, unit, tile);
  }

  DEVICE_MEMBER void advance(const product_args &a, const narrow_team &team) {
    if (++tile < TILES) return;
    tile = 0;
    chunk += team.shares;
    if (chunk < a.chunks) return;
    share += team.threads / 32;
    chunk = share;
    if (share < min(team.shares, a.chunks)) return;
    unit += team.stride;
    enter(team);
  }
};

// Chunks on their way into registers, one ahead of the one that is multiplied.
template <class MATH, int TILES>
struct register_feed {
  chunk_walk<TILES> walk;
  lane_chunk<MATH::GROUPS> next;

  DEVICE_MEMBER void begin(const product_args &a, const narrow_team &team) {
    walk.begin(a, team);
    if (!walk.is_over(a)) load_chunk(next, walk.source(a), walk.chunk, team.thread % 32);
  }

  DEVICE_MEMBER lane_chunk<MATH::GROUPS> take(const product_args &a, const narrow_team &team) {
    lane_chunk<MATH::GROUPS> now = next;
    walk.advance(a, team);
    if (!walk.is_over(a)) load_chunk(next, walk.source(a), walk.chunk, team.thread % 32);
    return now;
  }
};

// Adds up what the shares of a unit are and gives it away.
template <class MATH, int TILES>
DEVICE_INLINE void give_unit(const product_args &a, const narrow_team &team, int unit, int first,
                             int tokens, const float *sums) {
  constexpr int SIZE = TILE_ROWS * MATH::TOKENS;
  int job = TILES == 2 ? 0 : job_of(a, &unit);
  for (int i = team.thread; i < TILE_ROWS * tokens; i += team.threads) {
    int row = i % TILE_ROWS, token = i / TILE_ROWS;
    float values[2] = {0, 0};
    for (int share = 0; share < team.shares; share++) {
#pragma unroll
      for (int tile = 0; tile < TILES; tile++) {
        values[tile] += sums[(share * TILES + tile) * SIZE + row * MATH::TOKENS + token];
      }
    }
    give_product(a.jobs, a.jobs[job], a.kind, a.output_stride, first + token,
                 unit * TILE_ROWS + row, values[0], values[1]);
  }
}

// Multiplies a team's units with what `feed` gives, which has begun. Units that are `ahead` strides
// on are fetched into the second cache, 0: none are.
template <class MATH, int TILES, class FEED>
DEVICE_INLINE void multiply_units(FEED &feed, const product_args &a, const narrow_team &team,
                                  const narrow_input &in, int first, int tokens, float *sums,
                                  int ahead) {
  constexpr int SIZE = TILE_ROWS * MATH::TOKENS;
  const int warp = team.thread / 32, lane = team.thread % 32;
  for (int unit = team.unit; unit < a.units; unit += team.stride) {
    int later = unit + ahead * team.stride;
    if (ahead > 0 && warp == 0 && later < a.units) prefetch_unit<TILES>(a, later, lane);
    for (int share = warp; share < team.shares; share += team.threads / 32) {
      MATH math[TILES];
      for (int chunk = share; chunk < a.chunks; chunk += team.shares) {
#pragma unroll
        for (int tile = 0; tile < TILES; tile++) {
          math[tile].multiply(feed.take(a, team), in, chunk, lane);
        }
      }
#pragma unroll
      for (int tile = 0; tile < TILES; tile++) {
        math[tile].put_sums(lane, sums + (share * TILES + tile) * SIZE);
      }
    }
    barrier_of(team.barrier, team.threads);
    give_unit<MATH, TILES>(a, team, unit, first, tokens, sums);
    barrier_of(team.barrier, team.threads);
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
  const int first = (int)blockIdx.y * MATH::TOKENS;
  const int tokens = min(MATH::TOKENS, a.tokens - first);
  const narrow_team team = {(int)threadIdx.x,      (int)blockDim.x, 0,
                            (int)blockDim.x / 32, (int)blockIdx.x, (int)gridDim.x};
  register_feed<MATH, TILES> feed;
  // Weights are nobody's output: they need not wait.
  feed.begin(a, team);
  let_next_kernel_begin();
  wait_for_earlier_kernels();
  if (MATH::TYPE == INFER_INT8) {
    fill_levels<MATH>(a, first, tokens, shared, row_bytes, scales, sums);
  } else {
    fill_floats<MATH>(a, first, tokens, shared, row_bytes, sums);
  }
  __syncthreads();
  multiply_units<MATH, TILES>(feed, a, team, {shared, row_bytes, scales}, first, tokens, sums, 0);
}

// A power of two: as many blocks of them as fit fill a multiprocessor.
static inline __host__ __device__ int narrow_warps(int chunks) {
  int warps = 2;
  while (warps < NARROW_WARPS_MAX && 2 * warps * NARROW_WARP_CHUNKS <= chunks) warps *= 2;
  return warps;
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
