// Copyright 2026 the Photon for Deno authors. Apache-2.0 license.
// Single operators for tests and for whoever needs one: the kernels that the steps use.
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "context.h"
#include "multiply.h"
#include "source.h"
#include "status.h"

int32_t infer_op_rms_norm(infer_device *device, const float *in, const float *weight, int32_t rows,
                          int32_t columns, float epsilon, float *output) {
  if (rows < 0 || columns < 1) return fail(INFER_INVALID, "Cannot norm rows of %d", columns);
  for (size_t row = 0; row < (size_t)rows; row++) {
    size_t at = row * (size_t)columns;
    device->kernels->rms_norm(in + at, weight, columns, epsilon, output + at);
  }
  return INFER_OK;
}

int32_t infer_op_rope(infer_device *device, float *heads, const int32_t *positions, int32_t rows,
                      int32_t heads_per_row, int32_t head_size, const float *frequencies,
                      float scale) {
  if (rows < 0 || heads_per_row < 1 || head_size < 2 || head_size % 2 != 0) {
    return fail(INFER_INVALID, "Cannot turn heads of %d", head_size);
  }
  float *turns = malloc((size_t)head_size * sizeof *turns);
  if (!turns) return fail(INFER_NO_MEMORY, "Cannot keep the angles of a head");
  int half = head_size / 2;
  for (int32_t row = 0; row < rows; row++) {
    for (int i = 0; i < half; i++) {
      float angle = (float)positions[row] * frequencies[i];
      turns[i] = (float)(cos(angle) * scale);
      turns[half + i] = (float)(sin(angle) * scale);
    }
    size_t width = (size_t)heads_per_row * (size_t)head_size;
    device->kernels->rope(heads + (size_t)row * width, heads_per_row, head_size, turns);
  }
  free(turns);
  return INFER_OK;
}

int32_t infer_op_swiglu(infer_device *device, const float *gate, const float *up, size_t count,
                        float *output) {
  device->kernels->swiglu(gate, up, count, output);
  return INFER_OK;
}

static int32_t check_group_size(int32_t group_size) {
  if (group_size == 32 || group_size == 64 || group_size == 128) return INFER_OK;
  return fail(INFER_INVALID, "Cannot round in groups of %d, not 32, 64, 128", group_size);
}

int32_t infer_op_quantize(infer_device *device, const float *in, int32_t rows, int32_t columns,
                          int32_t group_size, int8_t *levels, float *scales) {
  int32_t status = check_group_size(group_size);
  if (status) return status;
  if (rows < 0 || columns < 1) return fail(INFER_INVALID, "Cannot round rows of %d", columns);
  size_t groups = ((size_t)columns + (size_t)group_size - 1) / (size_t)group_size;
  int32_t *corrections = malloc(groups * sizeof *corrections);
  if (!corrections) return fail(INFER_NO_MEMORY, "Cannot keep sums of %zu groups", groups);
  for (size_t row = 0; row < (size_t)rows; row++) {
    device->kernels->quantize(in + row * (size_t)columns, columns, group_size,
                              levels + row * groups * (size_t)group_size, scales + row * groups,
                              corrections);
  }
  free(corrections);
  return INFER_OK;
}

// A multiplication on all threads.
typedef struct {
  const kernels *kernels;
  input in;
  int tokens;
  multiplication job;
  int source_type;
  size_t row_bytes;
  const unsigned char *values;
  const float *scales;
  float *tiles;
  atomic_int strange;
} multiply_job;

static void run_multiply(worker *self, void *argument) {
  multiply_job *job = argument;
  const matrix *matrix = job->job.matrix;
  for (int64_t panel; (panel = pool_take(self, matrix->panels, 1)) >= 0;) {
    int row = (int)panel * PANEL_ROWS, rest = matrix->rows - row;
    const float *scales =
        job->scales ? job->scales + (size_t)row * (size_t)matrix->groups : NULL;
    int64_t strange = job->kernels->pack(matrix, panel, rest < PANEL_ROWS ? rest : PANEL_ROWS,
                                         job->source_type,
                                         job->values + (size_t)row * job->row_bytes, scales);
    if (strange) atomic_store(&job->strange, 1);
  }
  pool_barrier(self);
  if (matrix->type == INFER_INT8) {
    for (int64_t t; (t = pool_take(self, job->tokens, 1)) >= 0;) {
      size_t at = (size_t)t * (size_t)matrix->groups;
      job->kernels->quantize(job->in.rows + (size_t)t * (size_t)matrix->columns, matrix->columns,
                             matrix->group_size, job->in.levels + at * (size_t)matrix->group_size,
                             job->in.scales + at, job->in.corrections + at);
    }
    pool_barrier(self);
  }
  thread_scratch scratch = {.tile = job->tiles + (size_t)self->index * TOKEN_BLOCK * PANEL_ROWS};
  multiply_all(self, job->kernels, &job->in, job->tokens, &job->job, 1, PRODUCT_STORED, &scratch);
}

int32_t infer_op_multiply(infer_device *device, const float *in, int32_t tokens, int32_t type,
                          int32_t group_size, int32_t rows, int32_t columns, int32_t source_type,
                          const void *values, const float *scales, float *output) {
  int32_t status = device_check_idle(device);
  if (status) return status;
  if (tokens < 1 || rows < 1 || columns < 1 || source_bytes(source_type) == 0 ||
      (source_type == INFER_INT8 && (type != INFER_INT8 || !scales))) {
    return fail(INFER_INVALID, "Cannot multiply %d rows of %d with type %d", tokens, columns,
                source_type);
  }
  matrix matrix;
  status = matrix_create(&matrix, type, group_size, rows, columns);
  if (status) return status;
  size_t groups = (size_t)tokens * (size_t)matrix.groups;
  size_t threads = (size_t)pool_threads(device->pool);
  multiply_job job = {
      .kernels = device->kernels,
      .in = {in, columns, matrix.groups, matrix.group_size,
             malloc(groups * (size_t)matrix.group_size + 1), malloc((groups + 1) * sizeof(float)),
             malloc((groups + 1) * sizeof(int32_t))},
      .tokens = tokens,
      .job = {&matrix, NULL, output, (size_t)rows},
      .source_type = source_type,
      .row_bytes = (size_t)columns * source_bytes(source_type),
      .values = values,
      .scales = scales,
      .tiles = malloc(threads * TOKEN_BLOCK * PANEL_ROWS * sizeof(float)),
  };
  if (job.in.levels && job.in.scales && job.in.corrections && job.tiles) {
    pool_run(device->pool, run_multiply, &job);
    if (atomic_load(&job.strange)) {
      status = fail(INFER_INVALID, "A weight is not finite or too large for a float16 scale");
    }
  } else {
    status = fail(INFER_NO_MEMORY, "Cannot keep %d rows of input", tokens);
  }
  free(job.in.levels);
  free(job.in.scales);
  free(job.in.corrections);
  free(job.tiles);
  matrix_free(&matrix);
  return status;
}

// Keys and values of all positions into their blocks.
static void put_all(const kernels *kernels, const kv_blocks *blocks, const int32_t *step,
                    const float *keys, const float *values) {
  const infer_step_header *h = step_header(step);
  size_t row = 0;
  for (int32_t sequence = 0; sequence < h->sequence_count; sequence++) {
    const int32_t *table =
        step + h->block_tables + (int64_t)sequence * h->blocks_per_sequence_max;
    for (int32_t p = 0; p < step[h->context_lengths + sequence]; p++, row++) {
      for (int head = 0; head < blocks->kv_heads; head++) {
        size_t at = (row * (size_t)blocks->kv_heads + (size_t)head) * (size_t)blocks->head_size;
        kernels->put(blocks, 0, table[p / h->block_tokens], p % h->block_tokens, head, keys + at,
                     values + at);
      }
    }
  }
}

static int32_t attend_step(const kernels *kernels, const kv_blocks *blocks, const int32_t *step,
                           int heads, const float *queries, float *output) {
  const infer_step_header *h = step_header(step);
  size_t tokens = (size_t)h->token_count + 1, width = (size_t)(heads * blocks->head_size);
  int count = step_items(step, heads, blocks->kv_heads, NULL);
  int32_t *positions = malloc(2 * tokens * sizeof *positions);
  attention_item *items = malloc(((size_t)count + 1) * sizeof *items);
  float *scratch = malloc(attention_scratch_floats(blocks->head_size) * sizeof *scratch);
  if (positions && items && scratch) {
    step_positions(step, positions, positions + tokens);
    step_items(step, heads, blocks->kv_heads, items);
    for (int i = 0; i < count; i++) {
      attention_tile tile = step_tile(step, &items[i], blocks, 0, positions);
      size_t at = (size_t)items[i].token * width + (size_t)(items[i].head * blocks->head_size);
      tile.queries = queries + at;
      tile.output = output + at;
      tile.query_stride = tile.output_stride = width;
      kernels->attend(&tile, scratch);
    }
  }
  int isDone = positions && items && scratch;
  free(positions);
  free(items);
  free(scratch);
  return isDone ? INFER_OK : fail(INFER_NO_MEMORY, "Cannot keep a step of %zu tokens", tokens);
}

int32_t infer_op_attention(infer_device *device, const int32_t *step, size_t words,
                           int32_t block_count, int32_t kv_type, int32_t heads, int32_t kv_heads,
                           int32_t head_size, const float *queries, const float *keys,
                           const float *values, float *output) {
  if (heads < 1 || kv_heads < 1 || heads % kv_heads != 0 || head_size < 1 || head_size > 1024) {
    return fail(INFER_INVALID, "%d query heads of %d cannot share %d key-value heads", heads,
                head_size, kv_heads);
  }
  const infer_context_config bounds = {
      .tokens_max = INT32_MAX,
      .sequences_max = INT32_MAX,
      .blocks_per_sequence_max = INT32_MAX,
      .block_tokens = words >= sizeof(infer_step_header) / 4 ? step_header(step)->block_tokens : 0,
      .block_count = block_count,
      .kv_type = kv_type,
  };
  int32_t status = step_check(step, words, &bounds, INT32_MAX, INT32_MAX, 0);
  if (status) return status;
  if (bounds.block_tokens < 1 || block_count < 1) {
    return fail(INFER_INVALID, "Cannot make %d blocks of %d", block_count, bounds.block_tokens);
  }
  kv_blocks blocks;
  status = kv_create(&blocks, kv_type, 1, kv_heads, head_size, bounds.block_tokens, block_count);
  if (status) return status;
  put_all(device->kernels, &blocks, step, keys, values);
  status = attend_step(device->kernels, &blocks, step, heads, queries, output);
  kv_free(&blocks);
  return status;
}
