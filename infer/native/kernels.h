// Copyright 2026 the Photon for Deno authors. Apache-2.0 license.
// What one thread computes, in a version for each instruction path. Every kernel gives the same
// numbers for a token whatever else is in the batch: sums run in the same order.
#ifndef INFER_KERNELS_H
#define INFER_KERNELS_H

#include "kv_blocks.h"
#include "matrix.h"

// Tokens that `multiply` takes at a time: what it leaves stays in the second cache.
#define TOKEN_BLOCK 96
// Rows of queries and positions that `attend` takes at a time.
#define QUERY_ROWS_MAX 32
#define POSITION_CHUNK 64

// One tile of queries of one key-value head.
typedef struct {
  const kv_blocks *blocks;
  int layer;
  int kv_head;
  const int32_t *table;  // of the sequence
  const float *queries;  // first token, first head of this key-value head
  size_t query_stride;   // numbers from a token's to the next's
  float *output;         // the same place
  size_t output_stride;
  int tokens;
  int heads;             // query heads of the key-value head
  int first_position;
} attention_tile;

typedef struct {
  const char *name;
  // One row: x / sqrt(mean(x^2) + epsilon) * weight; output may be input.
  void (*rms_norm)(const float *in, const float *weight, int count, float epsilon, float *out);
  // One row of heads in place; `turns` holds cosines, then sines, head_size / 2 each.
  void (*rope)(float *row, int heads, int head_size, const float *turns);
  void (*swiglu)(const float *gate, const float *up, size_t count, float *out);
  void (*add)(float *sum, const float *more, size_t count);
  // One row of an input, rounded to INT8 in groups.
  void (*quantize)(const float *row, int columns, int group_size, int8_t *levels, float *scales,
                   int32_t *corrections);
  // Up to 32 rows of a source into a panel; 0, or the number (from 1) of a value that cannot be.
  int64_t (*pack)(const matrix *matrix, int64_t panel, int rows, int source_type,
                  const void *values, const float *scales);
  // tile [tokens][32] = input tokens from `first` on, times a panel; at most TOKEN_BLOCK tokens.
  void (*multiply)(const matrix *matrix, int64_t panel, const input *in, int first, int tokens,
                   float *tile);
  // One token's keys and values of one head to their place.
  void (*put)(const kv_blocks *blocks, int layer, int block, int slot, int kv_head,
              const float *key, const float *value);
  void (*attend)(const attention_tile *tile, float *scratch);
} kernels;

// Floats that `attend` needs.
size_t attention_scratch_floats(int head_size);

extern const kernels kernels_portable;
extern const kernels kernels_avx2;
extern const kernels kernels_vnni;

// The kernels of a path, or NULL when it is unknown (INFER_INVALID) or the processor lacks it
// (INFER_UNSUPPORTED).
const kernels *kernels_choose(const char *path, int32_t *status);

#endif
