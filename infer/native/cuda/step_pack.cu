// Copyright 2026 the Photon for Deno authors. Apache-2.0 license.
#include "step_pack.cuh"

#include <string.h>

extern "C" {
#include "../status.h"
}

// Contexts of a graph are at most this or a doubling of it.
#define CONTEXT_BUCKET_MIN 256

// Data: tokens of the steps that graphs are made for.
static const int TOKEN_BUCKETS[] = {1,  2,  4,  8,   12,  16,  24,  32,  40,
                                    48, 56, 64, 80,  96,  112, 128, 160, 192,
                                    224, 256, 320, 384, 448, 512};

step_layout lay_out_step(const step_shape &shape) {
  step_layout layout;
  int words = 0;
  const struct {
    int *offset;
    int count;
  } arrays[] = {
      {&layout.token_ids, shape.tokens},
      {&layout.positions, shape.tokens},
      {&layout.token_sequences, shape.tokens},
      {&layout.query_starts, shape.sequences + 1},
      {&layout.context_lengths, shape.sequences},
      {&layout.logit_tokens, shape.logits},
      {&layout.block_tables, shape.sequences * shape.blocks_per_sequence},
  };
  for (const auto &array : arrays) {
    *array.offset = words;
    words += (array.count + 3) / 4 * 4;
  }
  layout.words = words;
  return layout;
}

step_shape largest_step(const infer_context_config &config) {
  step_shape shape = {};
  shape.tokens = config.tokens_max;
  shape.sequences = config.sequences_max;
  shape.logits = config.tokens_max;
  shape.blocks_per_sequence = config.blocks_per_sequence_max;
  shape.block_tokens = config.block_tokens;
  return shape;
}

static int blocks_of(int tokens, int block_tokens) {
  return (tokens + block_tokens - 1) / block_tokens;
}

// Rounds a shape up so that many steps share it; leaves it alone where it has no such bound.
static void round_up(const infer_context_config &config, step_shape *shape) {
  int most = config.tokens_max < config.sequences_max ? config.tokens_max : config.sequences_max;
  int context = CONTEXT_BUCKET_MIN, room = config.blocks_per_sequence_max * config.block_tokens;
  while (context < shape->context_max) context *= 2;
  for (int bucket : TOKEN_BUCKETS) {
    if (bucket < shape->tokens) continue;
    int tokens = bucket < most ? bucket : most;
    shape->tokens = shape->sequences = shape->logits = tokens;
    shape->context_max = context < room ? context : room;
    shape->blocks_per_sequence = blocks_of(shape->context_max, config.block_tokens);
    shape->is_graph = true;
    return;
  }
}

int32_t shape_step(const infer_context_config &config, const int32_t *step, bool has_graphs,
                   int ahead, step_shape *shape) {
  const infer_step_header *h = step_header(step);
  const int32_t *starts = step + h->query_starts;
  *shape = {};
  shape->tokens = h->token_count;
  shape->sequences = h->sequence_count;
  shape->logits = h->logit_count;
  shape->block_tokens = h->block_tokens;
  shape->ahead = ahead;
  bool is_decode = h->token_count > 0 && h->logit_count == h->token_count;
  for (int32_t i = 0; i < h->sequence_count; i++) {
    int tokens = starts[i + 1] - starts[i], context = step[h->context_lengths + i] + ahead;
    if (tokens > shape->query_max) shape->query_max = tokens;
    if (context > shape->context_max) shape->context_max = context;
    is_decode = is_decode && tokens == 1;
  }
  shape->blocks_per_sequence = blocks_of(shape->context_max, h->block_tokens);
  if (shape->blocks_per_sequence > config.blocks_per_sequence_max) {
    return fail(INFER_INVALID, "A context of %d needs more than %d blocks", shape->context_max,
                config.blocks_per_sequence_max);
  }
  if (is_decode && has_graphs) round_up(config, shape);
  return INFER_OK;
}

void pack_step(const int32_t *step, const step_shape &shape, int32_t *words) {
  const infer_step_header *h = step_header(step);
  step_layout to = lay_out_step(shape);
  int tokens = h->token_count, sequences = h->sequence_count;
  step_positions(step, words + to.positions, words + to.token_sequences);
  memcpy(words + to.token_ids, step + h->token_ids, (size_t)tokens * sizeof(int32_t));
  for (int i = tokens; i < shape.tokens; i++) {
    words[to.token_ids + i] = 0;
    words[to.positions + i] = -1;
    words[to.token_sequences + i] = 0;
  }
  for (int i = 0; i <= shape.sequences; i++) {
    words[to.query_starts + i] = i <= sequences ? step[h->query_starts + i] : tokens;
  }
  for (int i = 0; i < shape.logits; i++) {
    words[to.logit_tokens + i] = i < h->logit_count ? step[h->logit_tokens + i] : 0;
  }
  for (int i = 0; i < shape.sequences; i++) {
    int context = i < sequences ? step[h->context_lengths + i] : 0;
    words[to.context_lengths + i] = context;
    memcpy(words + to.block_tables + i * shape.blocks_per_sequence,
           step + h->block_tables + (int64_t)(i < sequences ? i : 0) * h->blocks_per_sequence_max,
           (size_t)blocks_of(context > 0 ? context + shape.ahead : 0, shape.block_tokens) *
               sizeof(int32_t));
  }
}

step_view view_step(const step_shape &shape, const int32_t *words, const float *turns) {
  step_layout at = lay_out_step(shape);
  step_view view = {};
  view.tokens = shape.tokens;
  view.sequences = shape.sequences;
  view.logits = shape.logits;
  view.blocks_per_sequence = shape.blocks_per_sequence;
  view.block_tokens = shape.block_tokens;
  view.context_max = shape.context_max;
  view.query_max = shape.query_max;
  view.token_ids = words + at.token_ids;
  view.positions = words + at.positions;
  view.token_sequences = words + at.token_sequences;
  view.query_starts = words + at.query_starts;
  view.context_lengths = words + at.context_lengths;
  view.logit_tokens = words + at.logit_tokens;
  view.block_tables = words + at.block_tables;
  view.turns = turns;
  return view;
}
