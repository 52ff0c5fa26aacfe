// Copyright 2026 the Photon for Deno authors. Apache-2.0 license.
// The memory of a step, and what the step is.
#ifndef INFER_CONTEXT_H
#define INFER_CONTEXT_H

#include "batch.h"
#include "device.h"
#include "model.h"

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

// The job of a step, see step.c.
void step_run(worker *self, void *context);

#endif
