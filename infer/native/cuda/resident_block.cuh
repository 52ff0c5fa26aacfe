// Copyright 2026 the Photon for Deno authors. Apache-2.0 license.
// What a block of the resident kernel does.
//
//     shared   | notes        | input row, scales, sums of a product | a ring of chunks a warp   |
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
#define RESIDENT_COMPUTE_MIN 80
#define RESIDENT_PRODUCT_BYTES ((int)((sizeof(resident_notes) + 127) / 128 * 128))
// Units from the one that a team multiplies to the one that it fetches.
#define RESIDENT_UNITS_AHEAD 2
#define MEETING_SIDE 0x80000000u
// A chunk of weights, and its scales: at most four words for each of eight.
#define RING_SLOT_BYTES (CHUNK_TILES * TILE_BYTES + 128)
// Slots of a warp: what shared memory has room for.
#define RING_DEEP 7
#define RING_SHALLOW 4

// Chunks on their way into a warp's ring in shared memory: all slots but the one that was read last
// are on their way or there. They come while the block meets others, norms and rounds.
template <class MATH, int TILES>
struct ring_feed {
  chunk_walk<TILES> walk;
  unsigned char *slots;
  int depth; // RING_DEEP or RING_SHALLOW
  int at;    // the next that is read

  DEVICE_MEMBER void start(const product_args &a, const narrow_team &team, int slot) {
    if (!walk.is_over(a)) {
      const int lane = team.thread % 32;
      const tile_source source = walk.source(a);
      unsigned char *to = slots + slot * RING_SLOT_BYTES;
      const unsigned char *from = source.levels + (size_t)walk.chunk * (CHUNK_TILES * TILE_BYTES);
#pragma unroll
      for (int i = 0; i < CHUNK_TILES; i++) {
        copy_async_16(to + i * TILE_BYTES + lane * 16, from + i * TILE_BYTES + lane * 16, true);
      }
      if (lane < 2 * MATH::GROUPS) {
        copy_async_16(to + CHUNK_TILES * TILE_BYTES + lane * 16,
                      source.scales + walk.chunk * 8 * MATH::GROUPS + lane * 4, true);
      }
      walk.advance(a, team);
    }
    copy_async_commit();
  }

  DEVICE_MEMBER void begin(const product_args &a, const narrow_team &team) {
    at = 0;
    walk.begin(a, team);
#pragma unroll 1
    for (int slot = 0; slot < depth - 1; slot++) start(a, team, slot);
  }

  DEVICE_MEMBER lane_chunk<MATH::GROUPS> take(const product_args &a, const narrow_team &team) {
    if (depth == RING_DEEP) {
      copy_async_wait<RING_DEEP - 2>();
    } else {
      copy_async_wait<RING_SHALLOW - 2>();
    }
    // Scales are other lanes' copies; and all lanes have read the slot that is filled next.
    __syncwarp();
    const int lane = team.thread % 32;
    const unsigned char *from = slots + at * RING_SLOT_BYTES;
    lane_chunk<MATH::GROUPS> now;
#pragma unroll
    for (int i = 0; i < CHUNK_TILES; i++) {
      now.tiles[i] = *(const uint4 *)(from + i * TILE_BYTES + lane * 16);
    }
    const uint32_t *scales = (const uint32_t *)(from + CHUNK_TILES * TILE_BYTES);
#pragma unroll
    for (int i = 0; i < MATH::GROUPS; i++) now.scales[i] = scales[lane / 4 * MATH::GROUPS + i];
    start(a, team, at == 0 ? depth - 1 : at - 1);
    at = at + 1 == depth ? 0 : at + 1;
    return now;
  }
};

// Up to where a block has fetched weights.
struct fetch_place {
  int product;
  int unit;  // the block's how manieth
  int bytes; // of products that are not done
  int done;  // the last product that is
};

// What a block keeps from product to product, in shared memory: attention needs the registers.
struct resident_notes {
  product_args products[2]; // the one that is multiplied, and the next
  unsigned side;            // of the meeting; the first thread's
  fetch_place fetched;      // the last warp's
};

struct resident_block {
  resident_notes *notes;
  unsigned char *room;
};

// Blocks meet: a counter's highest bit turns when all have come, its others are 0 again then. What
// a block has written before it arrives is seen by all that have waited.
DEVICE_INLINE void meeting_arrive(const resident_args &a) {
  __syncthreads();
  if (threadIdx.x != 0) return;
  add_released(a.meeting, blockIdx.x == 0 ? MEETING_SIDE - (gridDim.x - 1) : 1);
}

DEVICE_INLINE void meeting_wait(const resident_args &a, const resident_block &b) {
  if (threadIdx.x == 0) {
    watch(a.meeting, MEETING_SIDE, b.notes->side);
    b.notes->side ^= MEETING_SIDE;
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
DEVICE_INLINE void fetch_ahead(const resident_args &a, const resident_block &b, int done) {
  if ((int)threadIdx.x / 32 != RESIDENT_WARPS - 1) return;
  fetch_place at = b.notes->fetched;
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
  // All lanes have read it.
  __syncwarp();
  if (threadIdx.x % 32 == 0) b.notes->fetched = at;
}

// A product into shared memory; seen after the next barrier.
DEVICE_INLINE void stage_product(const resident_args &a, const resident_block &b, int index) {
  const uint32_t *from = (const uint32_t *)(a.products + index);
  uint32_t *to = (uint32_t *)(b.notes->products + index % 2);
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

// Where a product's input row, its scales and its sums are; and the ring of this warp.
struct product_room {
  int row_bytes;
  float *scales;
  float *sums;
  unsigned char *ring;
};

template <class MATH>
DEVICE_INLINE product_room room_of(const resident_args &a, const resident_block &b,
                                   const product_args &product) {
  product_room room;
  room.row_bytes = narrow_row_bytes(MATH::TYPE, product.chunks);
  room.scales = (float *)(b.room + room.row_bytes);
  room.sums = room.scales + product.chunks * MATH::GROUPS;
  room.ring = b.room + a.ring_offset + (int)threadIdx.x / 32 * a.ring_depth * RING_SLOT_BYTES;
  return room;
}

// Lets the first weights of a product come.
template <class MATH, int TILES>
DEVICE_INLINE void begin_feed(ring_feed<MATH, TILES> &feed, const resident_args &a,
                              const resident_block &b, const product_args &product) {
  feed.slots = room_of<MATH>(a, b, product).ring;
  feed.depth = a.ring_depth;
  feed.begin(product, team_of(product));
}

template <class MATH, int TILES>
DEVICE_INLINE void run_units(ring_feed<MATH, TILES> &feed, const resident_args &a,
                             const resident_block &b, const product_args &product) {
  const product_room room = room_of<MATH>(a, b, product);
  const narrow_team team = team_of(product);
  float *sums = room.sums + (team.barrier - 1) * team.shares * TILES * TILE_ROWS;
  multiply_units<MATH, TILES>(feed, product, team, {b.room, room.row_bytes, room.scales}, 0, 1,
                              sums, RESIDENT_UNITS_AHEAD);
}

// Norms and rounds the input of a product.
template <class MATH>
DEVICE_INLINE void fill_input(const resident_args &a, const resident_block &b,
                              const product_args &product) {
  const product_room room = room_of<MATH>(a, b, product);
  if (MATH::TYPE == INFER_INT8) {
    fill_levels<MATH>(product, 0, 1, b.room, room.row_bytes, room.scales, room.sums);
  } else {
    fill_floats<MATH>(product, 0, 1, b.room, room.row_bytes, room.sums);
  }
  __syncthreads();
}

// Meets the other blocks and multiplies, with weights that come in the meantime.
template <class MATH>
DEVICE_INLINE void run_product(const resident_args &a, const resident_block &b, int index) {
  const product_args &product = b.notes->products[index % 2];
  const bool is_gated = product.kind == LINEAR_GATED;
  ring_feed<MATH, 1> feed;
  ring_feed<MATH, 2> gated_feed;
  if (is_gated) {
    begin_feed(gated_feed, a, b, product);
  } else {
    begin_feed(feed, a, b, product);
  }
  fetch_ahead(a, b, index - 1);
  meeting_wait(a, b);
  if (index < a.layer_count * RESIDENT_PRODUCTS) stage_product(a, b, index + 1);
  fill_input<MATH>(a, b, product);
  if (is_gated) {
    run_units(gated_feed, a, b, product);
  } else {
    run_units(feed, a, b, product);
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

// Chunks of the context that a split has.
DEVICE_INLINE int chunks_of_split(const resident_args &a, int chunks) {
  return (chunks + a.look.splits - 1) / a.look.splits;
}

// Fetches the keys and values that this block attends, but for those which are not yet there: a
// warp has a block of tokens.
DEVICE_INLINE void fetch_positions(const resident_args &a, int layer) {
  const step_view &step = a.put.step;
  const device_kv &kv = a.put.kv;
  int before = step.context_lengths[0] - 1;
  int each = chunks_of_split(a, before / CHUNK_POSITIONS + 1) * CHUNK_POSITIONS;
  for (int i = (int)blockIdx.x; i < kv.kv_heads * a.look.splits; i += (int)gridDim.x) {
    int head = i % kv.kv_heads, begin = i / kv.kv_heads * each, end = min(begin + each, before);
    int block = begin / kv.block_tokens + (int)threadIdx.x / 32;
    for (; block * kv.block_tokens < end; block += RESIDENT_WARPS) {
      prefetch(kv_head(kv, layer, step.block_tables[block], head), (int)kv.head_bytes,
               (int)threadIdx.x % 32);
    }
  }
}

// Attends with keys and values of any type.
template <int HEAD>
DEVICE_INLINE void attend_split(const attend_plan &plan, const attend_item &item,
                                const tile_place &place, int layer, const float *queries,
                                unsigned char *shared) {
  switch (plan.args.kv.type) {
    case INFER_INT8:
      return attend_tile<HEAD, INFER_INT8, true>(plan, item, place, layer, queries, shared);
    case INFER_FP8:
      return attend_tile<HEAD, INFER_FP8, true>(plan, item, place, layer, queries, shared);
    default:
      return attend_tile<HEAD, INFER_F16, true>(plan, item, place, layer, queries, shared);
  }
}

// Attention of a layer, by the first warps of each block.
template <int HEAD>
DEVICE_INLINE void attend_layer(const resident_args &a, const resident_block &b, int layer) {
  if (threadIdx.x >= ATTEND_THREADS) return;
  const attend_plan &plan = a.look;
  int sharing = a.put.heads / a.put.kv_heads, context = plan.args.step.context_lengths[0];
  int chunks = (context + CHUNK_POSITIONS - 1) / CHUNK_POSITIONS;
  int last = (chunks - 1) / chunks_of_split(a, chunks);
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
    attend_split<HEAD>(plan, item, place, layer, queries, room);
  }
}

// Turing has no room for what comes: nothing is made for it.
template <class MATH, int HEAD>
__global__ void __launch_bounds__(RESIDENT_THREADS, 1)
    run_resident(const __grid_constant__ resident_args a) {
#if HAS_AMPERE
  DYNAMIC_SHARED(shared);
  const resident_block b = {(resident_notes *)shared, shared + RESIDENT_PRODUCT_BYTES};
  wait_for_earlier_kernels();
  if (threadIdx.x == 0) {
    b.notes->fetched = {0, 0, 0, -1};
    // Nobody has met before this block arrives.
    b.notes->side = load_acquired(a.meeting) & MEETING_SIDE;
  }
  stage_product(a, b, 0);
  if (blockIdx.x == 0) embed_token(a.embed, 0);
  const int last = a.layer_count * RESIDENT_PRODUCTS;
  for (int done = -1; done < last; done++) {
    meeting_arrive(a);
    if (done >= 0 && done % RESIDENT_PRODUCTS == 0) {
      fetch_positions(a, done / RESIDENT_PRODUCTS);
      fetch_ahead(a, b, done);
      meeting_wait(a, b);
      attend_layer<HEAD>(a, b, done / RESIDENT_PRODUCTS);
      meeting_arrive(a);
    }
    run_product<MATH>(a, b, done + 1);
  }
#endif
}

// The kernel for heads of such a size.
template <class MATH>
static resident_kernel resident_of(const resident_kind &kind) {
  return kind.head_size <= 64 ? run_resident<MATH, 64> : run_resident<MATH, TILE_HEAD_MAX>;
}

#endif
