// Copyright 2026 the Photon for Deno authors. Apache-2.0 license.
// How an attention tile ends: what several warps, then several blocks, know of its rows is put
// together in a fixed order, and written.
#ifndef INFER_CUDA_ATTEND_PART_CUH
#define INFER_CUDA_ATTEND_PART_CUH

#include "attend_tile.cuh"

// In the end a row has eight threads; each has four numbers of every 32.
#define ROW_THREADS (ATTEND_THREADS / TILE_ROWS)

template <int HEAD>
struct combined_row {
  float4 sums[HEAD / 32];
  float largest;
  float total;
};

template <bool IS_FRESH>
DEVICE_INLINE float4 load_four(const float *from) {
  return IS_FRESH ? load_fresh((const float4 *)from) : *(const float4 *)from;
}

// Puts parts together; `row` is the row's place in the first. Fresh: other blocks wrote them.
template <int HEAD, bool IS_FRESH>
DEVICE_INLINE combined_row<HEAD> combine_parts(const float *row, int count) {
  combined_row<HEAD> result;
  result.largest = -INFINITY;
  for (int part = 0; part < count; part++) {
    float4 end = load_four<IS_FRESH>(row + (size_t)part * PART_FLOATS(HEAD) + HEAD);
    result.largest = fmaxf(result.largest, end.x);
  }
  float base = result.largest == -INFINITY ? 0 : result.largest;
  result.total = 0;
#pragma unroll
  for (int i = 0; i < HEAD / 32; i++) result.sums[i] = make_float4(0, 0, 0, 0);
  for (int part = 0; part < count; part++) {
    const float *from = row + (size_t)part * PART_FLOATS(HEAD);
    float4 end = load_four<IS_FRESH>(from + HEAD);
    float share = exp2f(end.x - base);
    result.total += end.y * share;
#pragma unroll
    for (int i = 0; i < HEAD / 32; i++) {
      float4 sums = load_four<IS_FRESH>(from + 32 * i + (int)threadIdx.x % ROW_THREADS * 4);
      result.sums[i].x += sums.x * share;
      result.sums[i].y += sums.y * share;
      result.sums[i].z += sums.z * share;
      result.sums[i].w += sums.w * share;
    }
  }
  return result;
}

// The place of a row in the output.
DEVICE_INLINE float *output_row(const attend_args &args, const tile_place &place, int kv_head,
                                int row) {
  int shared = args.heads / args.kv_heads;
  size_t token = (size_t)(place.first_token + row / shared);
  int head = kv_head * shared + row % shared;
  return args.output + token * (size_t)args.output_stride + (size_t)(head * args.head_size);
}

template <int HEAD>
DEVICE_INLINE void write_combined(const combined_row<HEAD> &row, const attend_args &args,
                                  float *output) {
  float share = 1 / row.total;
#pragma unroll
  for (int i = 0; i < HEAD / 32; i++) {
    int at = 32 * i + (int)threadIdx.x % ROW_THREADS * 4;
    const float numbers[4] = {row.sums[i].x, row.sums[i].y, row.sums[i].z, row.sums[i].w};
#pragma unroll
    for (int j = 0; j < 4; j++) {
      if (at + j < args.head_size) output[at + j] = numbers[j] * share;
    }
  }
}

// A warp's rows as a part.
template <int HEAD>
DEVICE_INLINE void store_part(const warp_tile<HEAD> &tile, float *part) {
  int lane = (int)threadIdx.x % 32;
#pragma unroll
  for (int side = 0; side < 2; side++) {
    float *row = part + (lane / 4 + 8 * side) * PART_ROW_FLOATS(HEAD);
#pragma unroll
    for (int i = 0; i < HEAD / 8; i++) {
      *(float2 *)(row + 8 * i + lane % 4 * 2) =
          make_float2(tile.sums[i][2 * side], tile.sums[i][2 * side + 1]);
    }
    if (lane % 4 == 0) {
      *(float4 *)(row + HEAD) = make_float4(tile.largest[side], tile.totals[side], 0, 0);
    }
  }
}

// Whether this block is the last of those that share a tile. What they wrote is seen then. `shared`
// is free once all threads are here.
DEVICE_INLINE bool is_last_of(unsigned *ticket, int blocks, unsigned *shared) {
  __threadfence();
  attend_barrier();
  // Begins again at 0 after the last.
  if (threadIdx.x == 0) *shared = atomicInc(ticket, (unsigned)blocks - 1);
  attend_barrier();
  return *shared == (unsigned)blocks - 1;
}

// Decode: all warps have the same rows, and so have the blocks of a split context. `shared` is
// free.
template <int HEAD>
DEVICE_INLINE void end_parts(const warp_tile<HEAD> &tile, const attend_plan &plan,
                             const tile_place &place, const attend_item &item,
                             float *shared) {
  int row = (int)threadIdx.x / ROW_THREADS, kv_head = item.kv_head;
  size_t in_part = (size_t)(row * PART_ROW_FLOATS(HEAD));
  bool is_there = place.row + row < place.rows;
  store_part<HEAD>(tile, shared + (int)threadIdx.x / 32 * PART_FLOATS(HEAD));
  attend_barrier();
  combined_row<HEAD> mine = combine_parts<HEAD, false>(shared + in_part, ATTEND_WARPS);
  float *output = output_row(plan.args, place, kv_head, is_there ? place.row + row : place.row);
  if (plan.splits == 1) {
    if (is_there) write_combined<HEAD>(mine, plan.args, output);
    return;
  }
  size_t of_tile = (size_t)kv_head * (size_t)item.tiles + (size_t)item.tile;
  float *parts = plan.parts + of_tile * (size_t)plan.splits * PART_FLOATS(HEAD) + in_part;
  float *to = parts + (size_t)item.split * PART_FLOATS(HEAD);
#pragma unroll
  for (int i = 0; i < HEAD / 32; i++) {
    *(float4 *)(to + 32 * i + (int)threadIdx.x % ROW_THREADS * 4) = mine.sums[i];
  }
  if (threadIdx.x % ROW_THREADS == 0) {
    *(float4 *)(to + HEAD) = make_float4(mine.largest, mine.total, 0, 0);
  }
  if (!is_last_of(plan.tickets + of_tile, plan.splits, (unsigned *)shared)) return;
  mine = combine_parts<HEAD, true>(parts, plan.splits);
  if (is_there) write_combined<HEAD>(mine, plan.args, output);
}

// Prefill: the rows of this warp from `row` on are nobody else's.
template <int HEAD>
DEVICE_INLINE void end_rows(const warp_tile<HEAD> &tile, const attend_args &args,
                            const tile_place &place, int kv_head, int row) {
  int lane = (int)threadIdx.x % 32;
#pragma unroll
  for (int side = 0; side < 2; side++) {
    int at = row + lane / 4 + 8 * side;
    if (at >= place.rows) continue;
    float *output = output_row(args, place, kv_head, at);
    float share = 1 / tile.totals[side];
#pragma unroll
    for (int i = 0; i < HEAD / 8; i++) {
#pragma unroll
      for (int j = 0; j < 2; j++) {
        int column = 8 * i + lane % 4 * 2 + j;
        if (column < args.head_size) output[column] = tile.sums[i][2 * side + j] * share;
      }
    }
  }
}

#endif
