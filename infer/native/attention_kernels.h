// Copyright 2026 the Photon for Deno authors. Apache-2.0 license.
// Part of each kernels_*.c: attention over blocks, with the softmax carried along (Milakov and
// Gimelshein 2018, arXiv 1805.02867), so that a context of any length needs the same scratch. A
// chunk of positions is widened to F32 once for all queries of the tile. Chunks begin at multiples
// of POSITION_CHUNK, so a token's sums do not depend on what is beside it.
#include <math.h>

#include "kernels.h"
#include "source.h"
#include "vector.h"

#define CHUNK_VECTORS (POSITION_CHUNK / WIDTH)
// Numbers of a head that the sums of a row hold at a time.
#define HEAD_BLOCK 64
#define HEAD_VECTORS (HEAD_BLOCK / WIDTH)

// The scratch of a tile; head is head_size rounded up to HEAD_BLOCK.
typedef struct {
  float *queries;      // [rows][head]
  float *scores;       // [rows][POSITION_CHUNK]
  float *sums;         // [rows][head]
  float *keys;         // [head_size][POSITION_CHUNK]
  float *values;       // [POSITION_CHUNK][head]
  float *key_scales;   // [POSITION_CHUNK]; 1 where there are none
  float *largest;      // [rows]
  float *totals;       // [rows]
  int head;
} attention_state;

static attention_state scratch_state(float *scratch, int head_size) {
  attention_state s;
  s.head = (head_size + HEAD_BLOCK - 1) / HEAD_BLOCK * HEAD_BLOCK;
  s.queries = scratch;
  s.scores = s.queries + QUERY_ROWS_MAX * s.head;
  s.sums = s.scores + QUERY_ROWS_MAX * POSITION_CHUNK;
  s.keys = s.sums + QUERY_ROWS_MAX * s.head;
  s.values = s.keys + s.head * POSITION_CHUNK;
  s.key_scales = s.values + POSITION_CHUNK * s.head;
  s.largest = s.key_scales + POSITION_CHUNK;
  s.totals = s.largest + QUERY_ROWS_MAX;
  return s;
}

INLINE float kv_number(const void *data, int type, size_t at) {
  if (type == INFER_F32) return ((const float *)data)[at];
  if (type == INFER_F16) return half_to_float(((const uint16_t *)data)[at]);
  if (type == INFER_FP8) return e4m3_to_float(((const uint8_t *)data)[at]);
  return ((const int8_t *)data)[at];
}

INLINE vf kv_vector(const void *data, int type, size_t at) {
  if (type == INFER_F32) return v_load((const float *)data + at);
  if (type == INFER_F16) return v_load_f16((const uint16_t *)data + at);
  return v_load_i8((const int8_t *)data + at);
}

INLINE void widen(const void *data, int type, size_t at, int count, float scale, float *into) {
  int i = 0;
  // FP8 has no vectors here.
  int vectors = type == INFER_FP8 ? 0 : count;
  for (; i + WIDTH <= vectors; i += WIDTH) {
    v_store(into + i, kv_vector(data, type, at + (size_t)i) * v_set(scale));
  }
  for (; i < count; i++) into[i] = kv_number(data, type, at + (size_t)i) * scale;
}

// Keys and values of positions `begin` to `end` of a chunk.
INLINE void gather_chunk(const attention_tile *tile, const attention_state *s, const int type,
                         int begin, int end) {
  const kv_blocks *blocks = tile->blocks;
  int head_size = blocks->head_size, block_tokens = blocks->block_tokens;
  size_t numbers = kv_numbers(blocks), bytes = numbers * source_bytes(type);
  for (int position = begin; position < end;) {
    int slot = position % block_tokens, column = position - begin;
    int count = block_tokens - slot < end - position ? block_tokens - slot : end - position;
    int block = tile->table[position / block_tokens];
    const unsigned char *keys = kv_head(blocks, tile->layer, block, tile->kv_head);
    const unsigned char *values = keys + bytes;
    const float *scales = (const float *)(keys + (2 * bytes + 3) / 4 * 4);
    for (int i = 0; i < head_size; i++) {
      size_t at = (size_t)i * (size_t)block_tokens + (size_t)slot;
      widen(keys, type, at, count, 1, s->keys + i * POSITION_CHUNK + column);
    }
    for (int i = 0; i < count; i++) {
      float scale = kv_has_scales(type) ? scales[block_tokens + slot + i] : 1;
      size_t at = (size_t)(slot + i) * (size_t)head_size;
      widen(values, type, at, head_size, scale, s->values + (column + i) * s->head);
      s->key_scales[column + i] = kv_has_scales(type) ? scales[slot + i] : 1;
    }
    position += count;
  }
}

// What a chunk that is not full lacks is 0.
static void fill_chunk(const attention_tile *tile, const attention_state *s, int begin, int end) {
  switch (tile->blocks->type) {
    case INFER_F32:
      gather_chunk(tile, s, INFER_F32, begin, end);
      break;
    case INFER_F16:
      gather_chunk(tile, s, INFER_F16, begin, end);
      break;
    case INFER_FP8:
      gather_chunk(tile, s, INFER_FP8, begin, end);
      break;
    default:
      gather_chunk(tile, s, INFER_INT8, begin, end);
  }
  int count = end - begin;
  if (count == POSITION_CHUNK) return;
  size_t rest = (size_t)(POSITION_CHUNK - count);
  for (int i = 0; i < tile->blocks->head_size; i++) {
    memset(s->keys + i * POSITION_CHUNK + count, 0, rest * sizeof(float));
  }
  memset(s->values + count * s->head, 0, rest * (size_t)s->head * sizeof(float));
  memset(s->key_scales + count, 0, rest * sizeof(float));
}

INLINE void score_rows(const int rows, const attention_state *s, int first, int head_size) {
  vf sums[4][CHUNK_VECTORS];
  for (int r = 0; r < rows; r++) {
    for (int v = 0; v < CHUNK_VECTORS; v++) sums[r][v] = v_zero();
  }
  for (int i = 0; i < head_size; i++) {
    for (int r = 0; r < rows; r++) {
      vf x = v_set(s->queries[(first + r) * s->head + i]);
      for (int v = 0; v < CHUNK_VECTORS; v++) {
        sums[r][v] = v_fma(v_load(s->keys + i * POSITION_CHUNK + v * WIDTH), x, sums[r][v]);
      }
    }
  }
  for (int r = 0; r < rows; r++) {
    for (int v = 0; v < CHUNK_VECTORS; v++) {
      vf scales = v_load(s->key_scales + v * WIDTH);
      v_store(s->scores + (first + r) * POSITION_CHUNK + v * WIDTH, sums[r][v] * scales);
    }
  }
}

// Turns a row's scores into weights; `visible` of them count. The sums so far shrink with it.
INLINE void weigh_row(const attention_state *s, int row, int visible) {
  float *scores = s->scores + row * POSITION_CHUNK;
  for (int i = visible; i < POSITION_CHUNK; i++) scores[i] = -INFINITY;
  vf most = v_set(s->largest[row]);
  for (int v = 0; v < CHUNK_VECTORS; v++) most = v_max(most, v_load(scores + v * WIDTH));
  float largest = v_largest(most), shrink = expf(s->largest[row] - largest);
  vf total = v_zero();
  for (int v = 0; v < CHUNK_VECTORS; v++) {
    vf weight = v_exp(v_load(scores + v * WIDTH) - v_set(largest));
    v_store(scores + v * WIDTH, weight);
  }
  for (int i = visible; i < POSITION_CHUNK; i++) scores[i] = 0;
  for (int v = 0; v < CHUNK_VECTORS; v++) total += v_load(scores + v * WIDTH);
  s->totals[row] = s->totals[row] * shrink + v_sum(total);
  s->largest[row] = largest;
  float *sums = s->sums + row * s->head;
  for (int i = 0; i < s->head; i += WIDTH) v_store(sums + i, v_load(sums + i) * v_set(shrink));
}

INLINE void mix_rows(const int rows, const attention_state *s, int first, int at) {
  vf sums[4][HEAD_VECTORS];
  for (int r = 0; r < rows; r++) {
    for (int v = 0; v < HEAD_VECTORS; v++) {
      sums[r][v] = v_load(s->sums + (first + r) * s->head + at + v * WIDTH);
    }
  }
  for (int position = 0; position < POSITION_CHUNK; position++) {
    for (int r = 0; r < rows; r++) {
      vf weight = v_set(s->scores[(first + r) * POSITION_CHUNK + position]);
      for (int v = 0; v < HEAD_VECTORS; v++) {
        vf values = v_load(s->values + position * s->head + at + v * WIDTH);
        sums[r][v] = v_fma(values, weight, sums[r][v]);
      }
    }
  }
  for (int r = 0; r < rows; r++) {
    for (int v = 0; v < HEAD_VECTORS; v++) {
      v_store(s->sums + (first + r) * s->head + at + v * WIDTH, sums[r][v]);
    }
  }
}

// Rows of a tile: row r is head r % heads of token r / heads.
static void begin_rows(const attention_tile *tile, const attention_state *s) {
  int head_size = tile->blocks->head_size, rows = tile->tokens * tile->heads;
  float scale = (float)(1 / sqrt((double)head_size));
  for (int row = 0; row < rows; row++) {
    const float *query = tile->queries + (size_t)(row / tile->heads) * tile->query_stride +
                         (size_t)(row % tile->heads) * (size_t)head_size;
    for (int i = 0; i < head_size; i++) s->queries[row * s->head + i] = query[i] * scale;
    s->largest[row] = -INFINITY;
    s->totals[row] = 0;
  }
  memset(s->sums, 0, (size_t)rows * (size_t)s->head * sizeof(float));
  // What lies behind a head in its padding is multiplied with weights.
  memset(s->values, 0, (size_t)POSITION_CHUNK * (size_t)s->head * sizeof(float));
}

static void end_rows(const attention_tile *tile, const attention_state *s) {
  int head_size = tile->blocks->head_size, rows = tile->tokens * tile->heads;
  for (int row = 0; row < rows; row++) {
    float *output = tile->output + (size_t)(row / tile->heads) * tile->output_stride +
                    (size_t)(row % tile->heads) * (size_t)head_size;
    float share = 1 / s->totals[row];
    for (int i = 0; i < head_size; i++) output[i] = s->sums[row * s->head + i] * share;
  }
}

static void attend(const attention_tile *tile, float *scratch) {
  attention_state state = scratch_state(scratch, tile->blocks->head_size);
  const attention_state *s = &state;
  int head_size = tile->blocks->head_size, rows = tile->tokens * tile->heads;
  int context = tile->first_position + tile->tokens;
  begin_rows(tile, s);
  for (int begin = 0; begin < context; begin += POSITION_CHUNK) {
    int end = begin + POSITION_CHUNK < context ? begin + POSITION_CHUNK : context;
    fill_chunk(tile, s, begin, end);
    int row = 0;
    for (; row + 4 <= rows; row += 4) score_rows(4, s, row, head_size);
    for (; row < rows; row++) score_rows(1, s, row, head_size);
    for (row = 0; row < rows; row++) {
      int visible = tile->first_position + row / tile->heads + 1 - begin;
      if (visible < 0) visible = 0;
      weigh_row(s, row, visible < POSITION_CHUNK ? visible : POSITION_CHUNK);
    }
    for (int at = 0; at < s->head; at += HEAD_BLOCK) {
      for (row = 0; row + 4 <= rows; row += 4) mix_rows(4, s, row, at);
      for (; row < rows; row++) mix_rows(1, s, row, at);
    }
  }
  end_rows(tile, s);
}

// Rounds a row so that its largest number is the type's; returns the scale.
INLINE float put_levels(const float *in, int count, int type, uint8_t *levels, size_t step) {
  float largest = 0, most = type == INFER_FP8 ? E4M3_MAX : LEVEL_MAX;
  for (int i = 0; i < count; i++) largest = fabsf(in[i]) > largest ? fabsf(in[i]) : largest;
  float inverse = largest == 0 ? 0 : most / largest;
  for (int i = 0; i < count; i++) {
    float x = in[i] * inverse;
    levels[(size_t)i * step] = type == INFER_FP8 ? float_to_e4m3(x) : (uint8_t)lrintf(x);
  }
  return largest / most;
}

static void put(const kv_blocks *blocks, int layer, int block, int slot, int head,
                const float *key, const float *value) {
  size_t numbers = kv_numbers(blocks), step = (size_t)blocks->block_tokens;
  unsigned char *data = kv_head(blocks, layer, block, head);
  int head_size = blocks->head_size;
  if (kv_has_scales(blocks->type)) {
    float *scales = (float *)(data + (2 * numbers + 3) / 4 * 4);
    scales[slot] = put_levels(key, head_size, blocks->type, data + slot, step);
    unsigned char *row = data + numbers + (size_t)slot * (size_t)head_size;
    scales[blocks->block_tokens + slot] = put_levels(value, head_size, blocks->type, row, 1);
    return;
  }
  for (int i = 0; i < head_size; i++) {
    size_t at = (size_t)i * step + (size_t)slot;
    size_t row = numbers + (size_t)slot * (size_t)head_size + (size_t)i;
    if (blocks->type == INFER_F32) {
      ((float *)data)[at] = key[i];
      ((float *)data)[row] = value[i];
    } else {
      ((uint16_t *)data)[at] = float_to_half(key[i]);
      ((uint16_t *)data)[row] = float_to_half(value[i]);
    }
  }
}
