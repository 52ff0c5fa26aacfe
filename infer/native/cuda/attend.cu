// Copyright 2026 the Photon for Deno authors. Apache-2.0 license.
#include "attend.cuh"

#include "attend_block.cuh"

// A block: a tile of a sequence, a key-value head, and a part of the context.
template <int HEAD, int TYPE, bool IS_DECODE>
__global__ void __launch_bounds__(ATTEND_THREADS) attend_tiles(attend_plan plan) {
  DYNAMIC_SHARED(shared);
  let_next_kernel_begin();
  wait_for_earlier_kernels();
  constexpr int tile_rows = IS_DECODE ? TILE_ROWS : TILE_ROWS * ATTEND_WARPS;
  const attend_args &args = plan.args;
  const attend_item item = {(int)blockIdx.x, (int)gridDim.x, (int)blockIdx.y, (int)blockIdx.z};
  tile_place place = find_tile(plan, item.tile, tile_rows);
  if (place.sequence < 0) return;
  attend_tile<HEAD, TYPE, IS_DECODE>(plan, item, place, args.layer, args.queries, shared);
}

template <int HEAD, int TYPE, bool IS_DECODE>
static cudaError_t launch_tiles(const attend_plan &plan, int tiles, const run_place &place) {
  dim3 grid((unsigned)tiles, (unsigned)plan.args.kv_heads, (unsigned)plan.splits);
  size_t shared_bytes = attend_shared_bytes<HEAD, TYPE, IS_DECODE>(plan.stages);
  launch_shape launched = {grid, dim3(ATTEND_THREADS), shared_bytes, place.stream,
                           place.overlaps};
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

attend_plan attend_plan_of(const attend_args &args, const run_place &place, int *tiles) {
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
  int64_t count = rows / TILE_ROWS + sequences;
  if (!place.is_deterministic) {
    int64_t most = (int64_t)sequences * (DECODE_ROWS_MAX / TILE_ROWS);
    count = count < most ? count : most;
    int64_t longest = (int64_t)args.step.query_max * sharing;
    if (longest <= TILE_ROWS) count = sequences;
    plan.splits = choose_splits(args, (int)count, place);
  }
  *tiles = (int)count;
  return plan;
}

cudaError_t attend_run(const attend_args &args, const run_place &place) {
  if (args.step.tokens == 0 || args.step.sequences == 0) return cudaSuccess;
  if (args.kv.type == INFER_F32 || args.head_size > TILE_HEAD_MAX) {
    return attend_rows_run(args, place);
  }
  int tiles, sharing = args.heads / args.kv_heads;
  attend_plan plan = attend_plan_of(args, place, &tiles);
  RETURN_IF_FAILED(choose_tiles<true>(plan, tiles, place));
  if (place.is_deterministic || args.step.query_max * sharing <= DECODE_ROWS_MAX) {
    return cudaSuccess;
  }
  plan.rows_min = DECODE_ROWS_MAX + 1;
  plan.rows_max = INT32_MAX;
  plan.splits = 1;
  int64_t rows = (int64_t)args.step.tokens * sharing;
  int64_t large = rows / (TILE_ROWS * ATTEND_WARPS) + args.step.sequences;
  return choose_tiles<false>(plan, (int)large, place);
}
