// Copyright 2026 the Photon for Deno authors. Apache-2.0 license.
#include "attend.cuh"

#include "attend_chunk.cuh"
#include "attend_part.cuh"

// Four warps with 16 rows each, or four that share the positions of 16 rows.
template <int HEAD, int TYPE, bool IS_DECODE>
DEVICE_INLINE void attend_chunks(const attend_plan &plan, const chunk_source &source, int begin,
                                 int end, warp_tile<HEAD> &tile, unsigned char *shared) {
  typedef chunk_shape<HEAD, TYPE> shape;
  constexpr int position_tiles = CHUNK_POSITIONS / 8 / (IS_DECODE ? ATTEND_WARPS : 1);
  int first = IS_DECODE ? (int)threadIdx.x / 32 * 8 * position_tiles : 0;
  float *scales = (float *)(shared + shape::halves_bytes) - 2 * CHUNK_POSITIONS;
  unsigned char *stages = shared + shape::halves_bytes;
  float next_scale = 0, scale = 0;
  if (begin < end) next_scale = begin_chunk<HEAD, TYPE>(plan.args, source, begin, stages);
  copy_async_commit();
  for (int chunk = begin; chunk < end; chunk++) {
    unsigned char *stage = stages + (chunk - begin) % plan.stages * shape::stage_bytes;
    scale = next_scale;
    if (plan.stages == 2) {
      unsigned char *other = stages + (chunk + 1 - begin) % 2 * shape::stage_bytes;
      if (chunk + 1 < end) {
        next_scale = begin_chunk<HEAD, TYPE>(plan.args, source, chunk + 1, other);
      }
      copy_async_commit();
      copy_async_wait<1>();
    } else {
      copy_async_wait<0>();
    }
    if (kv_has_scales(TYPE)) scales[threadIdx.x] = scale;
    __syncthreads();
    const __half *keys = (const __half *)(kv_has_scales(TYPE) ? shared : stage);
    if (kv_has_scales(TYPE)) {
      widen_chunk<HEAD, TYPE>(stage, (__half *)shared, scales);
      __syncthreads();
    }
    float scores[position_tiles][4];
    uint32_t weights[position_tiles][2];
    const __half *mine = keys + first * ROW_HALVES(HEAD);
    score_tile<HEAD, position_tiles>(tile, mine, scores);
    weigh_tile<HEAD, position_tiles>(tile, scores, chunk * CHUNK_POSITIONS + first,
                                     kv_has_scales(TYPE) ? scales + first : NULL, weights);
    mix_tile<HEAD, position_tiles>(tile, weights, mine + CHUNK_POSITIONS * ROW_HALVES(HEAD));
    __syncthreads();
    if (plan.stages == 1 && chunk + 1 < end) {
      next_scale = begin_chunk<HEAD, TYPE>(plan.args, source, chunk + 1, stages);
      copy_async_commit();
    }
  }
  copy_async_wait<0>();
}

// A block: a tile of a sequence, a key-value head, and a part of the context.
template <int HEAD, int TYPE, bool IS_DECODE>
__global__ void __launch_bounds__(ATTEND_THREADS) attend_tiles(attend_plan plan) {
  DYNAMIC_SHARED(shared);
  let_next_kernel_begin();
  wait_for_earlier_kernels();
  constexpr int tile_rows = IS_DECODE ? TILE_ROWS : TILE_ROWS * ATTEND_WARPS;
  const attend_args &args = plan.args;
  tile_place place = find_tile(plan, (int)blockIdx.x, tile_rows);
  if (place.sequence < 0) return;
  int kv_head = (int)blockIdx.y, sharing = args.heads / args.kv_heads;
  int rows = min(place.row + tile_rows, place.rows);
  chunk_source source = {
      args.step.block_tables + (size_t)place.sequence * (size_t)args.step.blocks_per_sequence,
      kv_head, place.first_position + (rows - 1) / sharing + 1};
  int chunks = (source.end + CHUNK_POSITIONS - 1) / CHUNK_POSITIONS;
  int each = (chunks + plan.splits - 1) / plan.splits;
  int begin = min((int)blockIdx.z * each, chunks), end = min(begin + each, chunks);
  warp_tile<HEAD> tile;
  int warp_row = IS_DECODE ? 0 : (int)threadIdx.x / 32 * TILE_ROWS;
  begin_tile<HEAD>(tile, args, place, kv_head, place.row + warp_row);
  attend_chunks<HEAD, TYPE, IS_DECODE>(plan, source, begin, end, tile, shared);
  if (IS_DECODE) {
    end_parts<HEAD>(tile, plan, place, kv_head, (float *)shared);
  } else {
    end_rows<HEAD>(tile, args, place, kv_head, place.row + warp_row);
  }
}

template <int HEAD, int TYPE, bool IS_DECODE>
static cudaError_t launch_tiles(const attend_plan &plan, int tiles, const run_place &place) {
  typedef chunk_shape<HEAD, TYPE> shape;
  size_t chunks = (size_t)(shape::halves_bytes + plan.stages * shape::stage_bytes);
  size_t parts = IS_DECODE ? ATTEND_WARPS * PART_FLOATS(HEAD) * sizeof(float) : 0;
  dim3 grid((unsigned)tiles, (unsigned)plan.args.kv_heads, (unsigned)plan.splits);
  launch_shape launched = {grid, dim3(ATTEND_THREADS), chunks > parts ? chunks : parts,
                           place.stream, place.overlaps};
  return launch(launched, attend_tiles<HEAD, TYPE, IS_DECODE>, plan);
}

template <int HEAD, bool IS_DECODE>
static cudaError_t choose_type(const attend_plan &plan, int tiles, const run_place &place) {
  switch (plan.args.kv.type) {
    case INFER_INT8:
      return launch_tiles<HEAD, INFER_INT8, IS_DECODE>(plan, tiles, place);
    case INFER_FP8:
      return launch_tiles<HEAD, INFER_FP8, IS_DECODE>(plan, tiles, place);
    default:
      return launch_tiles<HEAD, INFER_F16, IS_DECODE>(plan, tiles, place);
  }
}

template <bool IS_DECODE>
static cudaError_t choose_tiles(const attend_plan &plan, int tiles, const run_place &place) {
  return plan.args.head_size <= 64 ? choose_type<64, IS_DECODE>(plan, tiles, place)
                                   : choose_type<128, IS_DECODE>(plan, tiles, place);
}

// Parts of a context, so that there is about twice what the GPU runs at a time.
static int choose_splits(const attend_args &args, int tiles, const run_place &place) {
  int blocks = tiles * args.kv_heads;
  int splits = (2 * place.multiprocessors + blocks - 1) / blocks;
  int chunks = (args.step.context_max + CHUNK_POSITIONS - 1) / CHUNK_POSITIONS;
  const int bounds[] = {chunks, SPLITS_MAX, SPLIT_BLOCKS_MAX / blocks};
  for (int bound : bounds) splits = splits < bound ? splits : bound;
  return splits > 1 ? splits : 1;
}

size_t attend_workspace_bytes(int head_size) {
  if (head_size > TILE_HEAD_MAX) return 0;
  size_t part = head_size <= 64 ? PART_FLOATS(64) : PART_FLOATS(TILE_HEAD_MAX);
  return SPLIT_BLOCKS_MAX * (sizeof(unsigned) + part * sizeof(float));
}

cudaError_t attend_run(const attend_args &args, const run_place &place) {
  if (args.step.tokens == 0 || args.step.sequences == 0) return cudaSuccess;
  if (args.kv.type == INFER_F32 || args.head_size > TILE_HEAD_MAX) {
    return attend_rows_run(args, place);
  }
  int sharing = args.heads / args.kv_heads, sequences = args.step.sequences;
  int64_t rows = (int64_t)args.step.tokens * sharing;
  attend_plan plan = {};
  plan.args = args;
  plan.rows_min = 1;
  plan.rows_max = place.is_deterministic ? INT32_MAX : DECODE_ROWS_MAX;
  plan.splits = 1;
  plan.stages = place.compute >= 80 ? 2 : 1;
  plan.tickets = (unsigned *)args.workspace;
  plan.parts = (float *)((unsigned char *)args.workspace + SPLIT_BLOCKS_MAX * sizeof(unsigned));
  // A sequence has at most one tile that is not full.
  int64_t tiles = rows / TILE_ROWS + sequences;
  if (!place.is_deterministic) {
    int64_t most = (int64_t)sequences * (DECODE_ROWS_MAX / TILE_ROWS);
    tiles = tiles < most ? tiles : most;
    int64_t longest = (int64_t)args.step.query_max * sharing;
    if (longest <= TILE_ROWS) tiles = sequences;
    plan.splits = choose_splits(args, (int)tiles, place);
  }
  RETURN_IF_FAILED(choose_tiles<true>(plan, (int)tiles, place));
  if (place.is_deterministic || args.step.query_max * sharing <= DECODE_ROWS_MAX) {
    return cudaSuccess;
  }
  plan.rows_min = DECODE_ROWS_MAX + 1;
  plan.rows_max = INT32_MAX;
  plan.splits = 1;
  int64_t large = rows / (TILE_ROWS * ATTEND_WARPS) + sequences;
  return choose_tiles<false>(plan, (int)large, place);
}
