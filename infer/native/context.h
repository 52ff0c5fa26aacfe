// Copyright 2026 the Photon for Deno authors. Apache-2.0 license.
// The memory of a step, and what the step is.
#ifndef INFER_CONTEXT_H
#define INFER_CONTEXT_H

#include "device.h"
#include "model.h"
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

// A thread's own memory.
typedef struct {
  float *tile;       // [TOKEN_BLOCK][PANEL_ROWS]
  float *other_tile; // the same
  float *attention;
} thread_scratch;

struct infer_context {
  infer_model *model;
  infer_context_config config;
  kv_blocks blocks;
  memory_region memory; // of all that follows
  float *states;        // [tokens][hidden]: the residual stream
  float *normed;        // [tokens][hidden]
  float *heads;         // [tokens][queries + keys + values]
  float *mixed;         // [tokens][queries]
  float *inner;         // [tokens][inner]
  float *turns;         // [tokens][head_size]: cosines, then sines
  int32_t *positions;   // [tokens]
  int32_t *sequences;   // [tokens]
  int8_t *levels;       // [tokens][widest]
  float *scales;        // [tokens][widest / 32]
  int32_t *corrections; // the same
  attention_item *items;
  thread_scratch *scratch; // [threads]
  // The step that is on its way:
  const int32_t *step;
  int item_count;
  float *logits;
  float *wanted;
};

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

// The job of a step, see step.c.
void step_run(worker *self, void *context);

#endif
