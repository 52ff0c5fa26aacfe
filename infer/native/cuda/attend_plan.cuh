// Copyright 2026 the Photon for Deno authors. Apache-2.0 license.
// How attention is cut into blocks of threads. The rows of a sequence are its tokens' query heads
// of one key-value head: those share what is read.
//
//     row = token * shared + head        shared = heads / kv_heads
//     tile = 16 rows (decode: the warps share the positions) or 64 (prefill: each warp has 16)
//
// A context is read in chunks of 64 positions. In decode it is split over several blocks where
// there are fewer tiles than the GPU can run; the last of them puts the parts together.
#ifndef INFER_CUDA_ATTEND_PLAN_CUH
#define INFER_CUDA_ATTEND_PLAN_CUH

#include "attend.cuh"

#define ATTEND_WARPS 4
#define ATTEND_THREADS (32 * ATTEND_WARPS)
#define TILE_ROWS 16
#define CHUNK_POSITIONS 64
// Blocks of a split context at most, and for how many of them there is workspace.
#define SPLITS_MAX 32
#define SPLIT_BLOCKS_MAX 1024
// Rows of a sequence that go as tiles of 16.
#define DECODE_ROWS_MAX 32
// The largest head that tiles take; others, and F32, go row by row.
#define TILE_HEAD_MAX 128

struct attend_plan {
  attend_args args;
  int rows_min; // sequences with fewer rows, or with more, are another launch's
  int rows_max;
  int splits;
  int stages;   // chunks in shared memory: 2 where copies are asynchronous
  float *parts; // [kv_heads][tiles][splits][PART_FLOATS]
  unsigned *tickets; // [kv_heads][tiles]
};

// What a warp or a block knows of a tile: for each row its sums, then its largest score (in powers
// of 2), its total, and two that align the next.
#define PART_ROW_FLOATS(HEAD) ((HEAD) + 4)
#define PART_FLOATS(HEAD) (TILE_ROWS * PART_ROW_FLOATS(HEAD))

// The rows of a tile.
struct tile_place {
  int sequence; // -1: there is no such tile
  int row;      // first
  int rows;     // of the sequence
  int first_token;
  int first_position; // of the sequence's first token in this step
};

// What a block does: a part of the context of a tile, for a key-value head.
struct attend_item {
  int tile;
  int tiles; // of the launch
  int kv_head;
  int split;
};

// All threads of a block that attend: the block may have more.
DEVICE_INLINE void attend_barrier() { barrier_of(1, ATTEND_THREADS); }

// Tiles that a sequence of so many rows has in this launch.
DEVICE_INLINE int tiles_of(const attend_plan &plan, int rows, int tile_rows) {
  if (rows < plan.rows_min || rows > plan.rows_max) return 0;
  return (rows + tile_rows - 1) / tile_rows;
}

// Finds a tile of the step; every lane of a warp looks at one sequence of 32.
DEVICE_INLINE tile_place find_tile(const attend_plan &plan, int tile, int tile_rows) {
  const step_view &step = plan.args.step;
  int lane = (int)threadIdx.x % 32, shared = plan.args.heads / plan.args.kv_heads;
  for (int first = 0; first < step.sequences; first += 32) {
    int sequence = first + lane, begin = 0, end = 0;
    if (sequence < step.sequences) {
      begin = step.query_starts[sequence];
      end = step.query_starts[sequence + 1];
    }
    int rows = (end - begin) * shared, tiles = tiles_of(plan, rows, tile_rows), until = tiles;
#pragma unroll
    for (int by = 1; by < 32; by *= 2) {
      int before = __shfl_up_sync(ALL_LANES, until, by);
      if (lane >= by) until += before;
    }
    unsigned found = __ballot_sync(ALL_LANES, tile < until);
    if (found != 0) {
      int from = __ffs((int)found) - 1;
      tile_place place;
      place.sequence = first + from;
      place.row = (tile - __shfl_sync(ALL_LANES, until - tiles, from)) * tile_rows;
      place.rows = __shfl_sync(ALL_LANES, rows, from);
      place.first_token = __shfl_sync(ALL_LANES, begin, from);
      place.first_position = step.context_lengths[place.sequence] - place.rows / shared;
      return place;
    }
    tile -= __shfl_sync(ALL_LANES, until, 31);
  }
  return {-1, 0, 0, 0, 0};
}

// How short sequences are attended, in tiles of 16 rows; so many of them.
attend_plan attend_plan_of(const attend_args &args, const run_place &place, int *tiles);

// Row by row, for F32 and for heads that no tile takes.
cudaError_t attend_rows_run(const attend_args &args, const run_place &place);

#endif
