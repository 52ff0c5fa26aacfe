// Copyright 2026 the Photon for Deno authors. Apache-2.0 license.
// Keys and values of all layers in blocks of tokens.
//
//     layer:  | block 0 | block 1 | ...
//     block:  | head 0 | head 1 | ...
//     head:   | keys [head_size][block_tokens] | values [block_tokens][head_size]
//             | INT8, FP8: F32 scales of keys [block_tokens], of values [block_tokens] |
//
// Keys lie by dimension so that the scores of neighbouring positions fill a vector.
#ifndef INFER_KV_BLOCKS_H
#define INFER_KV_BLOCKS_H

#include "infer.h"
#include "memory.h"

typedef struct {
  int type; // INFER_F32, INFER_F16, INFER_INT8, INFER_FP8
  int layers;
  int kv_heads;
  int head_size;
  int block_tokens;
  int block_count;
  size_t head_bytes;
  size_t block_bytes;
  memory_region memory;
} kv_blocks;

// The sizes, without memory.
int32_t kv_lay_out(kv_blocks *made, int type, int layers, int kv_heads, int head_size,
                   int block_tokens, int block_count);

int32_t kv_create(kv_blocks *made, int type, int layers, int kv_heads, int head_size,
                  int block_tokens, int block_count);

void kv_free(kv_blocks *blocks);

// Copies a block in all layers.
void kv_copy(kv_blocks *blocks, int from, int to);

static inline unsigned char *kv_head(const kv_blocks *blocks, int layer, int block, int head) {
  size_t at = (size_t)layer * (size_t)blocks->block_count + (size_t)block;
  return blocks->memory.data + at * blocks->block_bytes + (size_t)head * blocks->head_bytes;
}

// Of all blocks in all layers.
static inline size_t kv_bytes(const kv_blocks *blocks) {
  return blocks->block_bytes * (size_t)blocks->block_count * (size_t)blocks->layers;
}

static inline int kv_has_scales(int type) { return type == INFER_INT8 || type == INFER_FP8; }

// Numbers of a head's keys, or of its values.
static inline size_t kv_numbers(const kv_blocks *blocks) {
  return (size_t)blocks->head_size * (size_t)blocks->block_tokens;
}

#endif
