// Copyright 2026 the Photon for Deno authors. Apache-2.0 license.
// A step's attention, shared out to threads.
#ifndef INFER_BATCH_H
#define INFER_BATCH_H

#include "kernels.h"
#include "kv_blocks.h"
#include "step_check.h"

// Some tokens of a sequence, one key-value head, some of its query heads: what a thread attends to
// at a time.
typedef struct {
  int sequence;
  int kv_head;
  int head; // first query head
  int heads;
  int token; // first, in the batch
  int tokens;
} attention_item;

// Query heads of an item at most, and tokens of one with so many heads.
static inline int item_heads(int heads, int kv_heads) {
  int shared = heads / kv_heads;
  return shared < QUERY_ROWS_MAX ? shared : QUERY_ROWS_MAX;
}

// Splits the step's attention into items; returns how many. NULL counts only.
int step_items(const int32_t *step, int heads, int kv_heads, attention_item *items);

// The tile of an item.
attention_tile step_tile(const int32_t *step, const attention_item *item, const kv_blocks *blocks,
                         int layer, const int32_t *positions);

#endif
