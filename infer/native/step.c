// Copyright 2026 the Photon for Deno authors. Apache-2.0 license.
// One step through a model. Every thread runs all of it; a phase is shared out item by item, and
// ends with a barrier.
#include <math.h>
#include <string.h>

#include "context.h"
#include "multiply.h"

// What every phase needs.
typedef struct {
  worker *self;
  infer_context *context;
  const infer_model_config *config;
  const kernels *kernels;
  const infer_step_header *header;
  thread_scratch *scratch;
  int tokens;
} run;

// The input of a matrix, in the context's memory.
static input input_of(const run *r, const matrix *matrix, const float *rows) {
  return (input){
      .rows = rows,
      .columns = matrix->columns,
      .groups = matrix->groups,
      .group_size = matrix->group_size,
      .levels = r->context->levels,
      .scales = r->context->scales,
      .corrections = r->context->corrections,
  };
}

// Rounds a row of an input, where its matrix is INT8.
static void round_row(const run *r, const matrix *matrix, const float *row, size_t token) {
  if (matrix->type != INFER_INT8) return;
  size_t at = token * (size_t)matrix->groups;
  r->kernels->quantize(row, matrix->columns, matrix->group_size,
                       r->context->levels + at * (size_t)matrix->group_size,
                       r->context->scales + at, r->context->corrections + at);
}

static void embed(const run *r) {
  const infer_context *c = r->context;
  const matrix *embedding = &r->context->model->sets[0].matrices[INFER_EMBEDDING];
  const float *frequencies = c->model->sets[0].vectors[INFER_ROPE_FREQUENCIES];
  int half = r->config->head_size / 2;
  for (int64_t t; (t = pool_take(r->self, r->tokens, 1)) >= 0;) {
    int32_t id = c->step[r->header->token_ids + t];
    matrix_read_row(embedding, id, c->states + (size_t)t * (size_t)r->config->hidden_size);
    float *turns = c->turns + t * r->config->head_size;
    for (int i = 0; i < half; i++) {
      // In F64, of the angle in F32: the last bit of an angle is 0.01 at position 100 000.
      float angle = (float)c->positions[t] * frequencies[i];
      turns[i] = (float)(cos(angle) * r->config->rope_scale);
      turns[half + i] = (float)(sin(angle) * r->config->rope_scale);
    }
  }
  pool_barrier(r->self);
}

// RMSNorm of all states, as the input of a matrix.
static void norm_states(const run *r, const float *weight, const matrix *matrix) {
  infer_context *c = r->context;
  size_t hidden = (size_t)r->config->hidden_size;
  for (int64_t t; (t = pool_take(r->self, r->tokens, 1)) >= 0;) {
    float *row = c->normed + (size_t)t * hidden;
    r->kernels->rms_norm(c->states + (size_t)t * hidden, weight, (int)hidden,
                         r->config->norm_epsilon, row);
    round_row(r, matrix, row, (size_t)t);
  }
  pool_barrier(r->self);
}

static void round_rows(const run *r, const matrix *matrix, const float *rows) {
  if (matrix->type != INFER_INT8) return;
  for (int64_t t; (t = pool_take(r->self, r->tokens, 1)) >= 0;) {
    round_row(r, matrix, rows + (size_t)t * (size_t)matrix->columns, (size_t)t);
  }
  pool_barrier(r->self);
}

static void project_heads(const run *r, const weight_set *set) {
  infer_context *c = r->context;
  const matrix *query = &set->matrices[INFER_QUERY];
  size_t queries = (size_t)query->rows, keys = (size_t)set->matrices[INFER_KEY].rows;
  size_t stride = queries + 2 * keys;
  const multiplication jobs[] = {
      {query, set->vectors[INFER_QUERY_BIAS], c->heads, stride},
      {&set->matrices[INFER_KEY], set->vectors[INFER_KEY_BIAS], c->heads + queries, stride},
      {&set->matrices[INFER_VALUE], set->vectors[INFER_VALUE_BIAS], c->heads + queries + keys,
       stride},
  };
  input in = input_of(r, query, c->normed);
  multiply_all(r->self, r->kernels, &in, r->tokens, jobs, 3, PRODUCT_STORED, r->scratch);
  pool_barrier(r->self);
}

static void norm_heads(const run *r, const float *weight, float *row, int heads) {
  if (!weight) return;
  int size = r->config->head_size;
  for (int head = 0; head < heads; head++) {
    float *x = row + (size_t)head * (size_t)size;
    r->kernels->rms_norm(x, weight, size, r->config->norm_epsilon, x);
  }
}

// Norms and turns queries and keys, and puts keys and values into their blocks. All of the step's
// are there before any of its tokens looks at them.
static void place_heads(const run *r, const weight_set *set, int layer) {
  infer_context *c = r->context;
  const infer_model_config *m = r->config;
  size_t queries = (size_t)(m->head_count * m->head_size);
  size_t keys = (size_t)(m->kv_head_count * m->head_size);
  for (int64_t t; (t = pool_take(r->self, r->tokens, 1)) >= 0;) {
    float *row = c->heads + (size_t)t * (queries + 2 * keys);
    const float *turns = c->turns + t * m->head_size;
    norm_heads(r, set->vectors[INFER_QUERY_NORM], row, m->head_count);
    norm_heads(r, set->vectors[INFER_KEY_NORM], row + queries, m->kv_head_count);
    r->kernels->rope(row, m->head_count, m->head_size, turns);
    r->kernels->rope(row + queries, m->kv_head_count, m->head_size, turns);
    int position = c->positions[t], block_tokens = c->blocks.block_tokens;
    const int32_t *table = c->step + r->header->block_tables +
                           (int64_t)c->sequences[t] * r->header->blocks_per_sequence_max;
    for (int head = 0; head < m->kv_head_count; head++) {
      const float *key = row + queries + (size_t)(head * m->head_size);
      r->kernels->put(&c->blocks, layer, table[position / block_tokens], position % block_tokens,
                      head, key, key + keys);
    }
  }
  pool_barrier(r->self);
}

static void attend_all(const run *r, int layer) {
  infer_context *c = r->context;
  const infer_model_config *m = r->config;
  size_t queries = (size_t)(m->head_count * m->head_size);
  size_t stride = queries + 2 * (size_t)(m->kv_head_count * m->head_size);
  for (int64_t i; (i = pool_take(r->self, c->item_count, 1)) >= 0;) {
    const attention_item *item = &c->items[i];
    attention_tile tile = step_tile(c->step, item, &c->blocks, layer, c->positions);
    size_t head = (size_t)(item->head * m->head_size);
    tile.queries = c->heads + (size_t)item->token * stride + head;
    tile.query_stride = stride;
    tile.output = c->mixed + (size_t)item->token * queries + head;
    tile.output_stride = queries;
    r->kernels->attend(&tile, r->scratch->attention);
  }
  pool_barrier(r->self);
}

// Adds rows times a matrix to the states.
static void add_product(const run *r, const matrix *matrix, const float *bias, const float *rows) {
  infer_context *c = r->context;
  round_rows(r, matrix, rows);
  const multiplication job = {matrix, bias, c->states, (size_t)r->config->hidden_size};
  input in = input_of(r, matrix, rows);
  multiply_all(r->self, r->kernels, &in, r->tokens, &job, 1, PRODUCT_ADDED, r->scratch);
  pool_barrier(r->self);
}

static void run_layer(const run *r, int layer) {
  infer_context *c = r->context;
  const weight_set *set = model_layer(c->model, layer);
  norm_states(r, set->vectors[INFER_ATTENTION_NORM], &set->matrices[INFER_QUERY]);
  project_heads(r, set);
  place_heads(r, set, layer);
  attend_all(r, layer);
  add_product(r, &set->matrices[INFER_OUTPUT], set->vectors[INFER_OUTPUT_BIAS], c->mixed);

  const matrix *gate = &set->matrices[INFER_GATE], *up = &set->matrices[INFER_UP];
  norm_states(r, set->vectors[INFER_MLP_NORM], gate);
  size_t inner = (size_t)r->config->intermediate_size;
  const multiplication gates = {gate, set->vectors[INFER_GATE_BIAS], c->inner, inner};
  const multiplication ups = {up, set->vectors[INFER_UP_BIAS], NULL, 0};
  input in = input_of(r, gate, c->normed);
  multiply_gated(r->self, r->kernels, &in, r->tokens, &gates, &ups, r->scratch);
  pool_barrier(r->self);
  add_product(r, &set->matrices[INFER_DOWN], set->vectors[INFER_DOWN_BIAS], c->inner);
}

// Logits of the tokens that want some.
static void give_logits(const run *r) {
  infer_context *c = r->context;
  const matrix *head = model_head(c->model);
  size_t hidden = (size_t)r->config->hidden_size;
  const float *weight = c->model->sets[0].vectors[INFER_FINAL_NORM];
  int rows = r->header->logit_count;
  for (int64_t row; (row = pool_take(r->self, rows, 1)) >= 0;) {
    int32_t token = c->step[r->header->logit_tokens + row];
    float *wanted = c->wanted + (size_t)row * hidden;
    r->kernels->rms_norm(c->states + (size_t)token * hidden, weight, (int)hidden,
                         r->config->norm_epsilon, wanted);
    round_row(r, head, wanted, (size_t)row);
  }
  pool_barrier(r->self);
  const multiplication job = {head, NULL, c->logits, (size_t)r->config->vocabulary_size};
  input in = input_of(r, head, c->wanted);
  if (rows > 0) {
    multiply_all(r->self, r->kernels, &in, rows, &job, 1, PRODUCT_STORED, r->scratch);
  }
}

void step_run(worker *self, void *argument) {
  infer_context *context = argument;
  const infer_step_header *header = step_header(context->step);
  const run r = {
      .self = self,
      .context = context,
      .config = &context->model->config,
      .kernels = context->model->device->kernels,
      .header = header,
      .scratch = &context->scratch[self->index],
      .tokens = header->token_count,
  };
  embed(&r);
  for (int layer = 0; layer < r.config->layer_count; layer++) run_layer(&r, layer);
  give_logits(&r);
}
