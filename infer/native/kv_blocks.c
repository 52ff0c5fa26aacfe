// Copyright 2026 the Photon for Deno authors. Apache-2.0 license.
#include "kv_blocks.h"

#include <string.h>

#include "source.h"
#include "status.h"

#define CACHE_LINE 64

int32_t kv_lay_out(kv_blocks *made, int type, int layers, int kv_heads, int head_size,
                   int block_tokens, int block_count) {
  *made = (kv_blocks){
      .type = type,
      .layers = layers,
      .kv_heads = kv_heads,
      .head_size = head_size,
      .block_tokens = block_tokens,
      .block_count = block_count,
  };
  if (type != INFER_F32 && type != INFER_F16 && !kv_has_scales(type)) {
    return fail(INFER_UNSUPPORTED, "Cannot keep keys and values as type %d", type);
  }
  size_t bytes = 2 * kv_numbers(made) * source_bytes(type);
  if (kv_has_scales(type)) bytes = (bytes + 3) / 4 * 4 + 2 * (size_t)block_tokens * sizeof(float);
  made->head_bytes = (bytes + CACHE_LINE - 1) / CACHE_LINE * CACHE_LINE;
  made->block_bytes = made->head_bytes * (size_t)kv_heads;
  return INFER_OK;
}

int32_t kv_create(kv_blocks *made, int type, int layers, int kv_heads, int head_size,
                  int block_tokens, int block_count) {
  int32_t status = kv_lay_out(made, type, layers, kv_heads, head_size, block_tokens, block_count);
  if (status) return status;
  size_t total = kv_bytes(made);
  made->memory = memory_map(total);
  if (!made->memory.data) return fail(INFER_NO_MEMORY, "Cannot map %zu bytes for blocks", total);
  return INFER_OK;
}

void kv_free(kv_blocks *blocks) { memory_unmap(&blocks->memory); }

void kv_copy(kv_blocks *blocks, int from, int to) {
  if (from == to) return;
  for (int layer = 0; layer < blocks->layers; layer++) {
    memcpy(kv_head(blocks, layer, to, 0), kv_head(blocks, layer, from, 0), blocks->block_bytes);
  }
}
