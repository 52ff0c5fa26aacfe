// Copyright 2026 the Photon for Deno authors. Apache-2.0 license.
// One warp's part of an attention tile in registers: 16 rows of queries against positions in shared
// memory, with the softmax carried along (Milakov and Gimelshein 2018, arXiv 1805.02867; Dao 2023,
// arXiv 2307.08691). A lane has rows `group` and `group + 8`; see intrinsics.cuh for the rest.
#ifndef INFER_CUDA_ATTEND_TILE_CUH
#define INFER_CUDA_ATTEND_TILE_CUH

#include "attend_plan.cuh"

#define LOG2_E 1.4426950408889634f

// Halves from a row in shared memory to the next: 16 bytes more than a head, so that the eight rows
// which a warp reads at a time lie in different banks.
#define ROW_HALVES(HEAD) ((HEAD) + 8)

template <int HEAD>
struct warp_tile {
  uint32_t queries[HEAD / 16][4];
  float sums[HEAD / 8][4];
  float largest[2]; // of each row, in powers of 2
  float totals[2];
  float scales[2]; // of each row's queries
  int last[2];     // last position that each row sees; -1: none
};

DEVICE_INLINE uint32_t pack_halves(float low, float high) {
  __half2 pair = __floats2half2_rn(low, high);
  return *(uint32_t *)&pair;
}

DEVICE_INLINE float2 unpack_halves(uint32_t pair) { return __half22float2(*(__half2 *)&pair); }

DEVICE_INLINE float four_max(float value) {
  value = fmaxf(value, __shfl_xor_sync(ALL_LANES, value, 1));
  return fmaxf(value, __shfl_xor_sync(ALL_LANES, value, 2));
}

DEVICE_INLINE float four_sum(float value) {
  value += __shfl_xor_sync(ALL_LANES, value, 1);
  return value + __shfl_xor_sync(ALL_LANES, value, 2);
}

// Two numbers of a row of queries, zeros where there are none.
DEVICE_INLINE float2 query_pair(const float *row, int at, int head_size) {
  float2 pair = make_float2(0, 0);
  if (!row) return pair;
  if (at < head_size) pair.x = row[at];
  if (at + 1 < head_size) pair.y = row[at + 1];
  return pair;
}

// Loads the queries of 16 rows from `row` of the sequence on; `queries` is what args.queries is, or
// a copy. Each row is divided by its largest
// number: as halves they must not become infinite.
template <int HEAD>
DEVICE_INLINE void begin_tile(warp_tile<HEAD> &tile, const attend_args &args,
                              const float *queries, const tile_place &place, int kv_head,
                              int row) {
  int lane = (int)threadIdx.x % 32, shared = args.heads / args.kv_heads;
#pragma unroll
  for (int side = 0; side < 2; side++) {
    int at = row + lane / 4 + 8 * side;
    const float *from = NULL;
    if (at < place.rows) {
      size_t token = (size_t)(place.first_token + at / shared);
      int head = kv_head * shared + at % shared;
      from = queries + token * (size_t)args.query_stride + (size_t)(head * args.head_size);
    }
    float2 pairs[HEAD / 16][2];
    float most = 0;
#pragma unroll
    for (int k = 0; k < HEAD / 16; k++) {
#pragma unroll
      for (int i = 0; i < 2; i++) {
        pairs[k][i] = query_pair(from, 16 * k + 8 * i + lane % 4 * 2, args.head_size);
        most = fmaxf(most, fmaxf(fabsf(pairs[k][i].x), fabsf(pairs[k][i].y)));
      }
    }
    most = four_max(most);
    float inverse = most > 0 ? 1 / most : 0;
#pragma unroll
    for (int k = 0; k < HEAD / 16; k++) {
#pragma unroll
      for (int i = 0; i < 2; i++) {
        tile.queries[k][2 * i + side] =
            pack_halves(pairs[k][i].x * inverse, pairs[k][i].y * inverse);
      }
    }
    tile.scales[side] = most * (LOG2_E / sqrtf((float)args.head_size));
    tile.last[side] = at < place.rows ? place.first_position + at / shared : -1;
    tile.largest[side] = -INFINITY;
    tile.totals[side] = 0;
  }
#pragma unroll
  for (int i = 0; i < HEAD / 8; i++) {
#pragma unroll
    for (int j = 0; j < 4; j++) tile.sums[i][j] = 0;
  }
}

// scores [16 rows][8 POSITION_TILES] = queries * keys; `keys` is the first position's row.
template <int HEAD, int POSITION_TILES>
DEVICE_INLINE void score_tile(const warp_tile<HEAD> &tile, const __half *keys,
                              float scores[POSITION_TILES][4]) {
  int lane = (int)threadIdx.x % 32;
  const __half *mine = keys + (lane / 16 * 8 + lane % 8) * ROW_HALVES(HEAD) + lane / 8 % 2 * 8;
#pragma unroll
  for (int i = 0; i < POSITION_TILES; i++) {
#pragma unroll
    for (int j = 0; j < 4; j++) scores[i][j] = 0;
  }
#pragma unroll
  for (int k = 0; k < HEAD / 16; k++) {
#pragma unroll
    for (int i = 0; i < POSITION_TILES; i += 2) {
      uint32_t parts[4];
      load_tiles(parts, mine + 8 * i * ROW_HALVES(HEAD) + 16 * k);
      mma_f16(scores[i], tile.queries[k], parts[0], parts[1]);
      mma_f16(scores[i + 1], tile.queries[k], parts[2], parts[3]);
    }
  }
}

// Turns scores into weights as halves, and shrinks what is summed up so far. `position` is that of
// the first score, `key_scales` (or NULL) what each position's scores are multiplied with.
template <int HEAD, int POSITION_TILES>
DEVICE_INLINE void weigh_tile(warp_tile<HEAD> &tile, float scores[POSITION_TILES][4], int position,
                              const float *key_scales, uint32_t weights[POSITION_TILES][2]) {
  int column = (int)threadIdx.x % 4 * 2;
#pragma unroll
  for (int side = 0; side < 2; side++) {
    float most = tile.largest[side];
#pragma unroll
    for (int i = 0; i < POSITION_TILES; i++) {
#pragma unroll
      for (int j = 0; j < 2; j++) {
        int at = 8 * i + column + j;
        float score = scores[i][2 * side + j] * tile.scales[side];
        if (key_scales) score *= key_scales[at];
        score = position + at <= tile.last[side] ? score : -INFINITY;
        scores[i][2 * side + j] = score;
        most = fmaxf(most, score);
      }
    }
    most = four_max(most);
    // A row that has seen nothing yet: 0 stands for its largest, so that nothing is inf - inf.
    float base = most == -INFINITY ? 0 : most;
    float shrink = exp2f(tile.largest[side] - base), total = 0;
#pragma unroll
    for (int i = 0; i < POSITION_TILES; i++) {
      weights[i][side] = pack_halves(exp2f(scores[i][2 * side] - base),
                                     exp2f(scores[i][2 * side + 1] - base));
      // What is summed is what is multiplied: rounding takes nothing from the whole.
      float2 rounded = unpack_halves(weights[i][side]);
      total += rounded.x + rounded.y;
    }
    tile.totals[side] = tile.totals[side] * shrink + four_sum(total);
    tile.largest[side] = most;
#pragma unroll
    for (int i = 0; i < HEAD / 8; i++) {
      tile.sums[i][2 * side] *= shrink;
      tile.sums[i][2 * side + 1] *= shrink;
    }
  }
}

// sums += weights * values; `values` is the first position's row.
template <int HEAD, int POSITION_TILES>
DEVICE_INLINE void mix_tile(warp_tile<HEAD> &tile, const uint32_t weights[POSITION_TILES][2],
                            const __half *values) {
  int lane = (int)threadIdx.x % 32;
  const __half *mine = values + lane % 16 * ROW_HALVES(HEAD) + lane / 16 * 8;
#pragma unroll
  for (int k = 0; k < POSITION_TILES; k += 2) {
    const uint32_t a[4] = {weights[k][0], weights[k][1], weights[k + 1][0], weights[k + 1][1]};
#pragma unroll
    for (int i = 0; i < HEAD / 8; i += 2) {
      uint32_t parts[4];
      load_tiles_turned(parts, mine + 8 * k * ROW_HALVES(HEAD) + 8 * i);
      mma_f16(tile.sums[i], a, parts[0], parts[1]);
      mma_f16(tile.sums[i + 1], a, parts[2], parts[3]);
    }
  }
}

#endif
