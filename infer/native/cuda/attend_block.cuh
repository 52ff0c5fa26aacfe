// Copyright 2026 the Photon for Deno authors. Apache-2.0 license.
// What a block that attends does, alone or as a part of the kernel that stays for a whole step.
#ifndef INFER_CUDA_ATTEND_BLOCK_CUH
#define INFER_CUDA_ATTEND_BLOCK_CUH

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
  if (begin < end) next_scale = begin_chunk<HEAD, TYPE>(plan.args.kv, source, begin, stages);
  copy_async_commit();
  for (int chunk = begin; chunk < end; chunk++) {
    unsigned char *stage = stages + (chunk - begin) % plan.stages * shape::stage_bytes;
    scale = next_scale;
    if (plan.stages == 2) {
      unsigned char *other = stages + (chunk + 1 - begin) % 2 * shape::stage_bytes;
      if (chunk + 1 < end) {
        next_scale = begin_chunk<HEAD, TYPE>(plan.args.kv, source, chunk + 1, other);
      }
      copy_async_commit();
      copy_async_wait<1>();
    } else {
      copy_async_wait<0>();
    }
    if (kv_has_scales(TYPE)) scales[threadIdx.x] = scale;
    attend_barrier();
    const __half *keys = (const __half *)(kv_has_scales(TYPE) ? shared : stage);
    if (kv_has_scales(TYPE)) {
      widen_chunk<HEAD, TYPE>(stage, (__half *)shared, scales);
      attend_barrier();
    }
    float scores[position_tiles][4];
    uint32_t weights[position_tiles][2];
    const __half *mine = keys + first * ROW_HALVES(HEAD);
    score_tile<HEAD, position_tiles>(tile, mine, scores);
    weigh_tile<HEAD, position_tiles>(tile, scores, chunk * CHUNK_POSITIONS + first,
                                     kv_has_scales(TYPE) ? scales + first : NULL, weights);
    mix_tile<HEAD, position_tiles>(tile, weights, mine + CHUNK_POSITIONS * ROW_HALVES(HEAD));
    attend_barrier();
    if (plan.stages == 1 && chunk + 1 < end) {
      next_scale = begin_chunk<HEAD, TYPE>(plan.args.kv, source, chunk + 1, stages);
      copy_async_commit();
    }
  }
  copy_async_wait<0>();
}

// A tile of a sequence, a key-value head, and a part of the context. The first threads of the
// block; `queries` as in begin_tile.
template <int HEAD, int TYPE, bool IS_DECODE>
DEVICE_INLINE void attend_tile(const attend_plan &plan, const attend_item &item,
                               const tile_place &place, int layer, const float *queries,
                               unsigned char *shared) {
  constexpr int tile_rows = IS_DECODE ? TILE_ROWS : TILE_ROWS * ATTEND_WARPS;
  const attend_args &args = plan.args;
  int sharing = args.heads / args.kv_heads;
  int rows = min(place.row + tile_rows, place.rows);
  chunk_source source = {
      args.step.block_tables + (size_t)place.sequence * (size_t)args.step.blocks_per_sequence,
      layer, item.kv_head, place.first_position + (rows - 1) / sharing + 1};
  int chunks = (source.end + CHUNK_POSITIONS - 1) / CHUNK_POSITIONS;
  int each = (chunks + plan.splits - 1) / plan.splits;
  int begin = min(item.split * each, chunks), end = min(begin + each, chunks);
  warp_tile<HEAD> tile;
  int warp_row = IS_DECODE ? 0 : (int)threadIdx.x / 32 * TILE_ROWS;
  begin_tile<HEAD>(tile, args, queries, place, item.kv_head, place.row + warp_row);
  attend_chunks<HEAD, TYPE, IS_DECODE>(plan, source, begin, end, tile, shared);
  if (IS_DECODE) {
    end_parts<HEAD>(tile, plan, place, item, (float *)shared);
  } else {
    end_rows<HEAD>(tile, args, place, item.kv_head, place.row + warp_row);
  }
}

// Bytes of shared memory that a block takes with so many stages.
template <int HEAD, int TYPE, bool IS_DECODE>
static constexpr size_t attend_shared_bytes(int stages) {
  typedef chunk_shape<HEAD, TYPE> shape;
  size_t chunks = (size_t)(shape::halves_bytes + stages * shape::stage_bytes);
  size_t parts = IS_DECODE ? ATTEND_WARPS * PART_FLOATS(HEAD) * sizeof(float) : 0;
  return chunks > parts ? chunks : parts;
}

#endif
