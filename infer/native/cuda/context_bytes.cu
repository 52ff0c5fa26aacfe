// Copyright 2026 the Photon for Deno authors. Apache-2.0 license.
// How much device memory there is of what.
#include "context.cuh"

#include "large.cuh"

size_t infer_model_block_bytes(const infer_model *model, int32_t block_tokens, int32_t kv_type) {
  size_t bytes = 0;
  for (const infer_model *part = model; part; part = part->next) {
    const infer_model_config *m = &part->config;
    device_kv kv;
    if (kv_lay_out(&kv, kv_type, m->layer_count, m->kv_head_count, m->head_size, block_tokens, 1)) {
      return 0;
    }
    bytes += kv_bytes(kv);
  }
  return bytes;
}

// What a GPU has of the memory that steps work in.
static size_t step_bytes(const infer_context *c) {
  const infer_model_config *m = &c->model->config;
  size_t vocabulary = (size_t)m->vocabulary_size, rows = (size_t)c->output_rows;
  size_t bytes = c->memory_bytes + large_bytes(c->large) + resident_bytes(c);
  bytes += draw_bytes(c);
  if (c->output) bytes += rows * (vocabulary + (size_t)m->hidden_size) * sizeof(float);
  if (c->gathered) {
    size_t parts = (size_t)c->device->part.count;
    size_t part_rows = (size_t)shard_vocabulary_rows(&c->model->whole, c->device->part.count);
    bytes += parts * rows * part_rows * sizeof(float);
  }
  return bytes + (size_t)c->copy_pairs_max * 2 * sizeof(int32_t);
}

void infer_context_bytes(const infer_context *context, size_t *blocks, size_t *steps) {
  *blocks = *steps = 0;
  for (const infer_context *part = context; part; part = part->next) {
    *blocks += kv_bytes(part->kv);
    *steps += step_bytes(part);
  }
}
