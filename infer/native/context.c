// Copyright 2026 the Photon for Deno authors. Apache-2.0 license.
#include "context.h"

#include <stdlib.h>

#include "status.h"

#define GROUP_SIZE_MAX 128
#define GROUP_SIZE_MIN 32
#define CACHE_LINE 64

size_t attention_scratch_floats(int head_size) {
  size_t head = ((size_t)head_size + 63) / 64 * 64;
  return 2 * QUERY_ROWS_MAX * head + QUERY_ROWS_MAX * POSITION_CHUNK + 2 * head * POSITION_CHUNK +
         POSITION_CHUNK + 2 * QUERY_ROWS_MAX;
}

// Cuts pieces off a region; with no region it only counts.
typedef struct {
  unsigned char *data;
  size_t taken;
} cutter;

static void *cut(cutter *from, size_t count, size_t size) {
  void *piece = from->data ? from->data + from->taken : NULL;
  from->taken += (count * size + CACHE_LINE - 1) / CACHE_LINE * CACHE_LINE;
  return piece;
}

static void lay_out(infer_context *context, cutter *from) {
  const infer_model_config *m = &context->model->config;
  size_t tokens = (size_t)context->config.tokens_max, hidden = (size_t)m->hidden_size;
  size_t head = (size_t)m->head_size, inner = (size_t)m->intermediate_size;
  size_t queries = (size_t)m->head_count * head, keys = (size_t)m->kv_head_count * head;
  size_t widest = hidden > inner ? hidden : inner;
  widest = ((queries > widest ? queries : widest) + GROUP_SIZE_MAX - 1) / GROUP_SIZE_MAX *
           GROUP_SIZE_MAX;
  context->states = cut(from, tokens * hidden, sizeof(float));
  context->normed = cut(from, tokens * hidden, sizeof(float));
  context->heads = cut(from, tokens * (queries + 2 * keys), sizeof(float));
  context->mixed = cut(from, tokens * queries, sizeof(float));
  context->inner = cut(from, tokens * inner, sizeof(float));
  context->turns = cut(from, tokens * head, sizeof(float));
  context->positions = cut(from, tokens, sizeof(int32_t));
  context->sequences = cut(from, tokens, sizeof(int32_t));
  context->levels = cut(from, tokens * widest, 1);
  context->scales = cut(from, tokens * (widest / GROUP_SIZE_MIN), sizeof(float));
  context->corrections = cut(from, tokens * (widest / GROUP_SIZE_MIN), sizeof(int32_t));
  // A token and key-value head make one item at most, or as many as the heads need.
  size_t shared = (size_t)(m->head_count / m->kv_head_count);
  size_t parts = (shared + QUERY_ROWS_MAX - 1) / QUERY_ROWS_MAX;
  context->items = cut(from, tokens * (size_t)m->kv_head_count * parts, sizeof(attention_item));
  int threads = pool_threads(context->model->device->pool);
  context->scratch = cut(from, (size_t)threads, sizeof(thread_scratch));
  for (int i = 0; i < threads; i++) {
    float *tile = cut(from, TOKEN_BLOCK * PANEL_ROWS, sizeof(float));
    float *other_tile = cut(from, TOKEN_BLOCK * PANEL_ROWS, sizeof(float));
    float *attention = cut(from, attention_scratch_floats(m->head_size), sizeof(float));
    if (from->data) context->scratch[i] = (thread_scratch){tile, other_tile, attention};
  }
}

int32_t infer_context_create(infer_model *model, const infer_context_config *config,
                             infer_context **context) {
  *context = NULL;
  int32_t status = bounds_check(config);
  if (!status) status = model_check_complete(model);
  if (status) return status;
  infer_context *made = calloc(1, sizeof *made);
  if (!made) return fail(INFER_NO_MEMORY, "Cannot make a context");
  made->model = model;
  made->config = *config;
  const infer_model_config *m = &model->config;
  status = kv_create(&made->blocks, config->kv_type, m->layer_count, m->kv_head_count, m->head_size,
                     config->block_tokens, config->block_count);
  cutter counted = {0};
  lay_out(made, &counted);
  if (!status) {
    made->memory = memory_map(counted.taken);
    if (!made->memory.data) {
      status = fail(INFER_NO_MEMORY, "Cannot map %zu bytes for a step", counted.taken);
    }
  }
  if (status) {
    kv_free(&made->blocks);
    free(made);
    return status;
  }
  cutter cuts = {.data = made->memory.data};
  lay_out(made, &cuts);
  *context = made;
  return INFER_OK;
}

size_t infer_model_block_bytes(const infer_model *model, int32_t block_tokens, int32_t kv_type) {
  const infer_model_config *m = &model->config;
  kv_blocks blocks;
  int32_t status = kv_lay_out(&blocks, kv_type, m->layer_count, m->kv_head_count, m->head_size,
                              block_tokens, 1);
  return status ? 0 : kv_bytes(&blocks);
}

void infer_context_bytes(const infer_context *context, size_t *blocks, size_t *steps) {
  *blocks = kv_bytes(&context->blocks);
  *steps = context->memory.bytes;
}

void infer_context_destroy(infer_context *context) {
  if (!context) return;
  pool_join(context->model->device->pool);
  kv_free(&context->blocks);
  memory_unmap(&context->memory);
  free(context);
}

int32_t infer_submit(infer_context *context, const int32_t *step, size_t words, float *logits,
                     float *states) {
  const infer_model_config *m = &context->model->config;
  int32_t status = device_check_idle(context->model->device);
  if (!status) {
    status = step_check(step, words, &context->config, m->vocabulary_size, m->context_tokens_max,
                        0);
  }
  if (status) return status;
  context->step = step;
  context->logits = logits;
  context->wanted = states;
  step_positions(step, context->positions, context->sequences);
  context->item_count = step_items(step, m->head_count, m->kv_head_count, context->items);
  pool_start(context->model->device->pool, step_run, context);
  return INFER_OK;
}

int32_t infer_wait(infer_context *context) {
  pool_join(context->model->device->pool);
  return INFER_OK;
}

int32_t infer_idle(infer_context *context) {
  return pool_is_idle(context->model->device->pool);
}

int32_t infer_copy_blocks(infer_context *context, const int32_t *pairs, int32_t count) {
  int32_t status = device_check_idle(context->model->device);
  if (status) return status;
  for (int32_t i = 0; i < 2 * count; i++) {
    if (pairs[i] >= 0 && pairs[i] < context->config.block_count) continue;
    return fail(INFER_INVALID, "Cannot copy block %d of %d", pairs[i], context->config.block_count);
  }
  for (int32_t i = 0; i < count; i++) kv_copy(&context->blocks, pairs[2 * i], pairs[2 * i + 1]);
  return INFER_OK;
}
