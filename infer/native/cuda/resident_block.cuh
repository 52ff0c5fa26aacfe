// Copyright 2026 the Photon for Deno authors. Apache-2.0 license.
// What a block of the resident kernel does.
//
//     shared   | two products | input rows, scales, sums of a product                            |
//              |              | or: a key-value head's queries, key, value | chunks of attention |
#ifndef INFER_CUDA_RESIDENT_BLOCK_CUH
#define INFER_CUDA_RESIDENT_BLOCK_CUH

#include "attend_block.cuh"
#include "embed_token.cuh"
#include "narrow.cuh"
#include "place_head.cuh"
#include "resident.cuh"

// One block a multiprocessor: attention over heads of 128 takes 170 registers a thread.
#define RESIDENT_WARPS 8
#define RESIDENT_THREADS (32 * RESIDENT_WARPS)
#define RESIDENT_PRODUCT_BYTES ((2 * (int)sizeof(product_args) + 127) / 128 * 128)
// Units from the one that a team multiplies to the one that it fetches.
#define RESIDENT_UNITS_AHEAD 2
#define MEETING_SIDE 0x80000000u

// Up to where a block has fetched weights.
struct fetch_place {
  int product;
  int unit;  // the block's how manieth
  int bytes; // of products that are not done
  int done;  // the last product that is
};

struct resident_block {
  product_args *products; // the one that is multiplied, and the next
  unsigned char *room;
  unsigned side; // of the meeting; the first thread's
  fetch_place fetched; // the last warp's
};

// Blocks meet: a counter's highest bit turns when all have come, its others are 0 again then. What
// a block has written before it arrives is seen by all that have waited.
DEVICE_INLINE void meeting_arrive(const resident_args &a) {
  __syncthreads();
  if (threadIdx.x != 0) return;
  add_released(a.meeting, blockIdx.x == 0 ? MEETING_SIDE - (gridDim.x - 1) : 1);
}

DEVICE_INLINE void meeting_wait(const resident_args &a, resident_block &b) {
  if (threadIdx.x == 0) {
    watch(a.meeting, MEETING_SIDE, b.side);
    b.side ^= MEETING_SIDE;
  }
  __syncthreads();
}

// Units of a product that are this block's.
DEVICE_INLINE int own_units(const product_args &product) {
  int more = product.units - (int)blockIdx.x;
  return more > 0 ? (more - 1) / (int)gridDim.x + 1 : 0;
}

DEVICE_INLINE int unit_bytes(const product_args &product) {
  int2 bytes = tile_bytes(product.jobs[0].matrix);
  return (bytes.x + bytes.y) * (product.kind == LINEAR_GATED ? 2 : 1);
}

// Fetches weights ahead while the block waits; `done`: the product that it multiplied last.
DEVICE_INLINE void fetch_ahead(const resident_args &a, fetch_place &at, int done) {
  if ((int)threadIdx.x / 32 != RESIDENT_WARPS - 1) return;
  int count = a.layer_count * RESIDENT_PRODUCTS + 1;
  for (; at.done < done; at.done++) {
    const product_args &product = a.products[at.done + 1];
    at.bytes -= own_units(product) * unit_bytes(product);
  }
  if (at.product <= done) at = {done + 1, 0, 0, done};
  while (at.bytes < a.lead_bytes && at.product < count) {
    const product_args &product = a.products[at.product];
    if (at.unit >= own_units(product)) {
      at.product++;
      at.unit = 0;
      continue;
    }
    int unit = (int)blockIdx.x + at.unit++ * (int)gridDim.x;
    if (product.kind == LINEAR_GATED) {
      prefetch_unit<2>(product, unit, (int)threadIdx.x % 32);
    } else {
      prefetch_unit<1>(product, unit, (int)threadIdx.x % 32);
    }
    at.bytes += unit_bytes(product);
  }
}

// A product into shared memory; seen after the next barrier.
DEVICE_INLINE void stage_product(const resident_args &a, const resident_block &b, int index) {
  const uint32_t *from = (const uint32_t *)(a.products + index);
  uint32_t *to = (uint32_t *)(b.products + index % 2);
  for (int i = (int)threadIdx.x; i < (int)(sizeof(product_args) / 4); i += RESIDENT_THREADS) {
    to[i] = from[i];
  }
}

// As many warps as the narrow kernel has for such a product, or all.
DEVICE_INLINE narrow_team team_of(const product_args &product) {
  int shares = narrow_warps(product.chunks), warps = min(shares, RESIDENT_WARPS);
  int teams = RESIDENT_WARPS / warps, team = (int)threadIdx.x / 32 / warps;
  return {(int)threadIdx.x % (32 * warps),
          32 * warps,
          1 + team,
          shares,
          (int)(blockIdx.x + gridDim.x * (unsigned)team),
          (int)gridDim.x * teams};
}

template <class MATH>
DEVICE_INLINE void load_weights(lane_chunk<MATH::GROUPS> &to, const resident_block &b, int index) {
  const product_args &product = b.products[index % 2];
  const narrow_team team = team_of(product);
  if (product.kind == LINEAR_GATED) {
    load_first<MATH, 2>(to, product, team);
  } else {
    load_first<MATH, 1>(to, product, team);
  }
}

// Norms and rounds the input, and multiplies the block's units.
template <class MATH>
DEVICE_INLINE void run_product(const resident_args &a, const resident_block &b, int index,
                               lane_chunk<MATH::GROUPS> &weights) {
  const product_args &product = b.products[index % 2];
  const narrow_team team = team_of(product);
  const int row_bytes = narrow_row_bytes(MATH::TYPE, product.chunks);
  float *scales = (float *)(b.room + row_bytes);
  float *sums = scales + product.chunks * MATH::GROUPS;
  if (index < a.layer_count * RESIDENT_PRODUCTS) stage_product(a, b, index + 1);
  if (MATH::TYPE == INFER_INT8) {
    fill_levels<MATH>(product, 0, 1, b.room, row_bytes, scales, sums);
  } else {
    fill_floats<MATH>(product, 0, 1, b.room, row_bytes, sums);
  }
  __syncthreads();
  const narrow_input in = {b.room, row_bytes, scales};
  bool is_gated = product.kind == LINEAR_GATED;
  sums += (team.barrier - 1) * team.shares * (is_gated ? 2 : 1) * TILE_ROWS;
  if (is_gated) {
    multiply_units<MATH, 2>(weights, product, team, in, 0, 1, sums, RESIDENT_UNITS_AHEAD);
  } else {
    multiply_units<MATH, 1>(weights, product, team, in, 0, 1, sums, RESIDENT_UNITS_AHEAD);
  }
}

// Rows of a key-value head as attention reads them: queries are normed and turned here, and the
// token's key and value put into their block, by the block that reads it there.
DEVICE_INLINE void place_rows(const resident_args &a, const place_layer &layer, int kv_head,
                              bool has_token, float *rows) {
  int lane = (int)threadIdx.x % 32, size = a.put.head_size;
  int sharing = a.put.heads / a.put.kv_heads, count = sharing + (has_token ? 2 : 0);
  for (int row = (int)threadIdx.x / 32; row < count; row += ATTEND_WARPS) {
    int slot = row < sharing ? kv_head * sharing + row
                             : a.put.heads + (row - sharing) * a.put.kv_heads + kv_head;
    float *x = rows + row * size;
    for (int i = lane; i < size; i += 32) x[i] = a.put.rows[slot * size + i];
    __syncwarp();
    place_head(a.put, layer, 0, slot, x, lane);
  }
}

// Attention of a layer, by the first warps of each block.
template <int HEAD, int TYPE>
DEVICE_INLINE void attend_layer(const resident_args &a, const resident_block &b, int layer) {
  const attend_plan &plan = a.look;
  int sharing = a.put.heads / a.put.kv_heads, context = plan.args.step.context_lengths[0];
  int chunks = (context + CHUNK_POSITIONS - 1) / CHUNK_POSITIONS;
  int last = (chunks - 1) / ((chunks + plan.splits - 1) / plan.splits);
  float *rows = (float *)b.room;
  unsigned char *room = b.room + ((sharing + 2) * a.put.head_size * (int)sizeof(float) + 127) /
                                     128 * 128;
  const tile_place place = {0, 0, sharing, 0, context - 1};
  for (int i = (int)blockIdx.x; i < a.put.kv_heads * plan.splits; i += (int)gridDim.x) {
    const attend_item item = {0, 1, i % a.put.kv_heads, i / a.put.kv_heads};
    // The item before is done with the room.
    attend_barrier();
    place_rows(a, a.layers[layer], item.kv_head, item.split == last, rows);
    attend_barrier();
    // Where the first head's queries would lie.
    const float *queries = rows - item.kv_head * sharing * a.put.head_size;
    attend_tile<HEAD, TYPE, true>(plan, item, place, layer, queries, room);
  }
}

template <int HEAD>
DEVICE_INLINE void attend_layer(const resident_args &a, const resident_block &b, int layer) {
  if (threadIdx.x >= ATTEND_THREADS) return;
  switch (a.put.kv.type) {
    case INFER_INT8:
      return attend_layer<HEAD, INFER_INT8>(a, b, layer);
    case INFER_FP8:
      return attend_layer<HEAD, INFER_FP8>(a, b, layer);
    default:
      return attend_layer<HEAD, INFER_F16>(a, b, layer);
  }
}

template <class MATH, int HEAD>
__global__ void __launch_bounds__(RESIDENT_THREADS, 1)
    run_resident(const __grid_constant__ resident_args a) {
  DYNAMIC_SHARED(shared);
  resident_block b = {(product_args *)shared, shared + RESIDENT_PRODUCT_BYTES, 0, {0, 0, 0, -1}};
  let_next_kernel_begin();
  wait_for_earlier_kernels();
  // Nobody has met before this block arrives.
  if (threadIdx.x == 0) b.side = load_acquired(a.meeting) & MEETING_SIDE;
  stage_product(a, b, 0);
  if (blockIdx.x == 0) embed_token(a.embed, 0);
  lane_chunk<MATH::GROUPS> weights;
  const int last = a.layer_count * RESIDENT_PRODUCTS;
  for (int done = -1; done < last; done++) {
    meeting_arrive(a);
    if (done >= 0 && done % RESIDENT_PRODUCTS == 0) {
      fetch_ahead(a, b.fetched, done);
      meeting_wait(a, b);
      attend_layer<HEAD>(a, b, done / RESIDENT_PRODUCTS);
      meeting_arrive(a);
    }
    load_weights<MATH>(weights, b, done + 1);
    fetch_ahead(a, b.fetched, done);
    meeting_wait(a, b);
    run_product<MATH>(a, b, done + 1, weights);
  }
}

// The kernel for heads of such a size.
template <class MATH>
static resident_kernel resident_of(const resident_kind &kind) {
  return kind.head_size <= 64 ? run_resident<MATH, 64> : run_resident<MATH, TILE_HEAD_MAX>;
}

#endif
