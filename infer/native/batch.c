// Copyright 2026 the Photon for Deno authors. Apache-2.0 license.
// Shares out the attention of a step.
#include "batch.h"

int step_items(const int32_t *step, int heads, int kv_heads, attention_item *items) {
  const infer_step_header *h = step_header(step);
  int shared = heads / kv_heads, most = item_heads(heads, kv_heads);
  int tokens_max = QUERY_ROWS_MAX / most, count = 0;
  for (int32_t sequence = 0; sequence < h->sequence_count; sequence++) {
    int32_t begin = step[h->query_starts + sequence], end = step[h->query_starts + sequence + 1];
    for (int32_t token = begin; token < end; token += tokens_max) {
      for (int kv_head = 0; kv_head < kv_heads; kv_head++) {
        for (int head = 0; head < shared; head += most, count++) {
          if (!items) continue;
          items[count] = (attention_item){
              .sequence = sequence,
              .kv_head = kv_head,
              .head = kv_head * shared + head,
              .heads = shared - head < most ? shared - head : most,
              .token = token,
              .tokens = end - token < tokens_max ? end - token : tokens_max,
          };
        }
      }
    }
  }
  return count;
}

attention_tile step_tile(const int32_t *step, const attention_item *item, const kv_blocks *blocks,
                         int layer, const int32_t *positions) {
  const infer_step_header *h = step_header(step);
  return (attention_tile){
      .blocks = blocks,
      .layer = layer,
      .kv_head = item->kv_head,
      .table = step + h->block_tables + (int64_t)item->sequence * h->blocks_per_sequence_max,
      .tokens = item->tokens,
      .heads = item->heads,
      .first_position = positions[item->token],
  };
}
