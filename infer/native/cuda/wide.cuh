// Copyright 2026 the Photon for Deno authors. Apache-2.0 license.
// The wide kernel: a block multiplies PANELS units of 32 rows with 16 * EIGHTS tokens, two warps a
// unit, half of the tokens each. Chunks of weights and inputs go through a ring of stages in shared
// memory.
//
//     unit     two row tiles: neighbours of one matrix, or gate and up of the same rows
//     stage    | weights [PANELS][2 tiles][2048] | their scales [PANELS][2][8][GROUPS] words |
//              | input [TOKENS][128], 16-byte pieces turned about | its scales [GROUPS][TOKENS] |
//
// Tokens of a product are summed chunk by chunk, whatever the shape: with one split the results do
// not depend on what else is in the batch.
#ifndef INFER_CUDA_WIDE_CUH
#define INFER_CUDA_WIDE_CUH

#include "wide_sender.cuh"

// INT8 in GROUPS scales a chunk; two tiles times eight tokens, summed as floats.
template <int GROUPS_>
struct int8_product {
  static constexpr int TYPE = INFER_INT8, GROUPS = GROUPS_, TILES = CHUNK_TILES / GROUPS;

  DEVICE_MEMBER static void multiply(float sums[2][4], const uint4 a[2][TILES],
                                     const uint2 b[TILES], const float2 scales[2],
                                     float2 input_scale) {
#pragma unroll
    for (int half = 0; half < 2; half++) {
      int dots[4] = {DOT_BEGIN, DOT_BEGIN, DOT_BEGIN, DOT_BEGIN};
#pragma unroll
      for (int tile = 0; tile < TILES; tile++) {
        const uint4 w = a[half][tile];
        mma_s8(dots, w.x, w.y, w.z, w.w, b[tile].x, b[tile].y);
      }
      sums[half][0] += dot_value(dots[0]) * (scales[half].x * input_scale.x);
      sums[half][1] += dot_value(dots[1]) * (scales[half].x * input_scale.y);
      sums[half][2] += dot_value(dots[2]) * (scales[half].y * input_scale.x);
      sums[half][3] += dot_value(dots[3]) * (scales[half].y * input_scale.y);
    }
  }
};

// BF16 or F16 weights with inputs as two numbers of the same.
template <int TYPE_>
struct half_product {
  static constexpr int TYPE = TYPE_, GROUPS = 0, TILES = CHUNK_TILES;

  DEVICE_MEMBER static void multiply(float sums[2][4], const uint4 a[2][TILES],
                                     const uint2 b[TILES], const float2[2], float2) {
#pragma unroll
    for (int tile = 0; tile < TILES; tile++) {
#pragma unroll
      for (int half = 0; half < 2; half++) {
        const uint32_t w[4] = {a[half][tile].x, a[half][tile].y, a[half][tile].z, a[half][tile].w};
        if (TYPE == INFER_BF16) {
          mma_bf16(sums[half], w, b[tile].x, b[tile].y);
        } else {
          mma_f16(sums[half], w, b[tile].x, b[tile].y);
        }
      }
    }
  }
};

// Adds a stage's products to the warp's sums.
template <class MATH, int EIGHTS, int PANELS>
DEVICE_INLINE void multiply_stage(const unsigned char *stage, float sums[EIGHTS][2][4]) {
  using shape = wide_shape<MATH, EIGHTS, PANELS>;
  const int warp = (int)threadIdx.x / 32, lane = (int)threadIdx.x % 32;
  const int slot = warp / 2 * 2, first = warp % 2 * EIGHTS * 8;
  constexpr int STEPS = MATH::GROUPS > 0 ? MATH::GROUPS : 1, TILES = MATH::TILES;
#pragma unroll
  for (int step = 0; step < STEPS; step++) {
    uint4 weights[2][TILES];
    float2 scales[2] = {};
#pragma unroll
    for (int half = 0; half < 2; half++) {
      const unsigned char *from = stage + (slot + half) * CHUNK_LEVELS + lane * 16;
#pragma unroll
      for (int tile = 0; tile < TILES; tile++) {
        weights[half][tile] = *(const uint4 *)(from + (step * TILES + tile) * TILE_BYTES);
      }
      if (MATH::GROUPS > 0) {
        const uint32_t *words = (const uint32_t *)(stage + shape::SCALES_AT) +
                                (slot + half) * shape::SCALE_WORDS + lane / 4 * MATH::GROUPS;
        scales[half] = scale_pair(words[step]);
      }
    }
#pragma unroll
    for (int eight = 0; eight < EIGHTS; eight++) {
      const int row = first + eight * 8 + lane / 4;
      uint2 input[TILES];
#pragma unroll
      for (int tile = 0; tile < TILES; tile++) {
        int piece = (step * TILES + tile) * 2 + lane % 4 / 2;
        input[tile] = *(const uint2 *)(stage + shape::INPUT_AT + input_piece(row, piece) +
                                       lane % 2 * 8);
      }
      float2 input_scale = {};
      if (MATH::GROUPS > 0) {
        input_scale = *(const float2 *)(stage + shape::INPUT_SCALES_AT +
                                        (step * shape::TOKENS + first + eight * 8 + lane % 4 * 2) *
                                            4);
      }
      MATH::multiply(sums[eight], weights, input, scales, input_scale);
    }
  }
}

// Puts the sums of this split into memory; true in the block that comes last, with all splits
// added up in order. `shared` is a word.
template <int EIGHTS>
DEVICE_INLINE bool join_splits(const product_args &a, float sums[EIGHTS][2][4], unsigned *shared) {
  const int threads = (int)blockDim.x, thread = (int)threadIdx.x;
  const unsigned tile = blockIdx.y * gridDim.x + blockIdx.x;
  float4 *room = (float4 *)a.sums + (size_t)tile * (size_t)(a.splits * 2 * EIGHTS * threads);
  float4 *own = room + (size_t)blockIdx.z * (size_t)(2 * EIGHTS * threads);
#pragma unroll
  for (int i = 0; i < 2 * EIGHTS; i++) {
    const float *s = sums[i / 2][i % 2];
    own[i * threads + thread] = make_float4(s[0], s[1], s[2], s[3]);
  }
  __threadfence();
  __syncthreads();
  if (thread == 0) *shared = atomicInc(a.tickets + tile, (unsigned)a.splits - 1);
  __syncthreads();
  if (*shared != (unsigned)a.splits - 1) return false;
  __threadfence();
#pragma unroll
  for (int i = 0; i < 2 * EIGHTS; i++) {
    float4 sum = make_float4(0, 0, 0, 0);
    for (int split = 0; split < a.splits; split++) {
      float4 more = load_fresh(room + (size_t)(split * 2 * EIGHTS + i) * (size_t)threads + thread);
      sum = make_float4(sum.x + more.x, sum.y + more.y, sum.z + more.z, sum.w + more.w);
    }
    float *s = sums[i / 2][i % 2];
    s[0] = sum.x, s[1] = sum.y, s[2] = sum.z, s[3] = sum.w;
  }
  return true;
}

// Gives the warp's sums away.
template <int EIGHTS>
DEVICE_INLINE void give_sums(const product_args &a, int unit, int first,
                             const float sums[EIGHTS][2][4]) {
  if (unit >= a.units) return;
  const int lane = (int)threadIdx.x % 32;
  const bool is_gated = a.kind == LINEAR_GATED, is_added = a.kind == LINEAR_ADDED;
  int tile, other;
  const linear_job &job = unit_tile(a, unit, 0, &tile);
  const float *biases[2] = {job.bias, unit_tile(a, unit, 1, &other).bias};
  const int rows = job.matrix.rows, row = tile * TILE_ROWS + lane / 4;
  float bias[2][2];
#pragma unroll
  for (int i = 0; i < 4; i++) {
    const int at = row + i % 2 * 8 + (is_gated ? 0 : i / 2 * TILE_ROWS);
    bias[i / 2][i % 2] = biases[i / 2] && at < rows ? biases[i / 2][at] : 0;
  }
#pragma unroll
  for (int eight = 0; eight < EIGHTS; eight++) {
#pragma unroll
    for (int side = 0; side < 2; side++) {
      const int token = first + eight * 8 + lane % 4 * 2 + side;
      if (token >= a.tokens) continue;
      float *to = job.output + (size_t)token * (size_t)a.output_stride + (size_t)row;
#pragma unroll
      for (int i = 0; i < 4; i++) {
        const int half = i / 2, high = i % 2, offset = half * TILE_ROWS + high * 8;
        float value = sums[eight][half][high * 2 + side] + bias[half][high];
        if (is_gated) value = silu(sums[eight][0][high * 2 + side] + bias[0][high]) *
                              (sums[eight][1][high * 2 + side] + bias[1][high]);
        if (row + offset >= rows || (is_gated && half == 1)) continue;
        to[offset] = is_added ? to[offset] + value : value;
      }
    }
  }
}

template <class MATH, int EIGHTS, int PANELS>
__global__ void __launch_bounds__(64 * PANELS, 1) wide_kernel(product_args a) {
  using shape = wide_shape<MATH, EIGHTS, PANELS>;
  DYNAMIC_SHARED(shared);
  const int first_unit = (int)blockIdx.x * PANELS, first = (int)blockIdx.y * shape::TOKENS;
  const int begin = (int)blockIdx.z * a.chunks_per_split;
  const int end = min(begin + a.chunks_per_split, a.chunks);
  float sums[EIGHTS][2][4] = {};
  wide_sender<MATH, EIGHTS, PANELS> sender;
  sender.prepare(a, first_unit, first);
#pragma unroll
  for (int i = 0; i < WIDE_STAGES - 1; i++) {
    if (begin + i < end) sender.send_weights(begin + i, shared + i * shape::STAGE_BYTES, a.rounded);
  }
  let_next_kernel_begin();
  wait_for_earlier_kernels();
#pragma unroll
  for (int i = 0; i < WIDE_STAGES - 1; i++) {
    if (begin + i < end) sender.send_inputs(begin + i, shared + i * shape::STAGE_BYTES, a.rounded);
    copy_async_commit();
  }
  for (int chunk = begin; chunk < end; chunk++) {
    copy_async_wait<WIDE_STAGES - 2>();
    // All see the stage, and none reads the one before any more: that one is filled next.
    __syncthreads();
    int ahead = chunk + WIDE_STAGES - 1;
    if (ahead < end) {
      unsigned char *stage = shared + (ahead - begin) % WIDE_STAGES * shape::STAGE_BYTES;
      sender.send_weights(ahead, stage, a.rounded);
      sender.send_inputs(ahead, stage, a.rounded);
    }
    copy_async_commit();
    multiply_stage<MATH, EIGHTS, PANELS>(
        shared + (chunk - begin) % WIDE_STAGES * shape::STAGE_BYTES, sums);
  }
  copy_async_wait<0>();
  __syncthreads();
  if (a.splits > 1 && !join_splits<EIGHTS>(a, sums, (unsigned *)shared)) return;
  const int warp = (int)threadIdx.x / 32;
  give_sums<EIGHTS>(a, first_unit + warp / 2, first + warp % 2 * EIGHTS * 8, sums);
}

// Starts the kernel with as many splits as fill the device.
template <class MATH, int EIGHTS, int PANELS>
static cudaError_t launch_wide(product_args args, const run_place &place) {
  using shape = wide_shape<MATH, EIGHTS, PANELS>;
  int blocks_x = (args.units + PANELS - 1) / PANELS;
  int blocks_y = (args.tokens + shape::TOKENS - 1) / shape::TOKENS;
  int blocks = blocks_x * blocks_y;
  // Two stages a split at least, and no more than there is room for.
  int splits = place.is_deterministic ? 1 : place.multiprocessors / blocks;
  int splits_max = args.chunks / (WIDE_STAGES - 1);
  if (splits > splits_max) splits = splits_max;
  size_t tile_bytes = (size_t)blocks * 32 * EIGHTS * shape::THREADS;
  while (splits > 1 && (blocks > LINEAR_TICKETS || (size_t)splits * tile_bytes > LINEAR_SUMS_BYTES))
    splits--;
  if (splits < 1) splits = 1;
  args.chunks_per_split = (args.chunks + splits - 1) / splits;
  args.splits = (args.chunks + args.chunks_per_split - 1) / args.chunks_per_split;
  launch_shape at = {};
  at.grid = dim3((unsigned)blocks_x, (unsigned)blocks_y, (unsigned)args.splits);
  at.block = dim3(shape::THREADS);
  at.shared_bytes = shape::SHARED_BYTES;
  at.stream = place.stream;
  at.overlaps = place.overlaps;
  return launch(at, wide_kernel<MATH, EIGHTS, PANELS>, args);
}

// The shape for so many tokens; the widest needs more shared memory than sm_75 to 89 have.
template <class MATH>
static cudaError_t launch_fitting(const product_args &args, const run_place &place) {
  if (args.tokens <= 16) return launch_wide<MATH, 1, 2>(args, place);
  if (args.tokens <= 32) return launch_wide<MATH, 2, 2>(args, place);
  bool has_room = place.compute == 80 || place.compute >= 90;
  if (args.tokens <= 64 || !has_room) return launch_wide<MATH, 4, 2>(args, place);
  return launch_wide<MATH, 8, 4>(args, place);
}

#endif
