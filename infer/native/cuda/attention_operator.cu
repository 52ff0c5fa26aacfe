// Copyright 2026 the Photon for Deno authors. Apache-2.0 license.
// Attention as a single operator, see infer.h.
#include <stdlib.h>
#include <string.h>

#include "attend.cuh"
#include "device.cuh"
#include "kv_put.cuh"

extern "C" {
#include "../step_check.h"
}

struct put_job {
  step_view step;
  device_kv kv;
  const float *keys; // [sequences][context_length][kv_heads * head_size]
  const float *values;
  const int32_t *starts; // [sequences]: row of each sequence's first position
};

// A warp puts one head of one position of a sequence.
__global__ void __launch_bounds__(WARP_LANES) put_positions(put_job job) {
  let_next_kernel_begin();
  wait_for_earlier_kernels();
  int position = (int)blockIdx.x, sequence = (int)blockIdx.y, head = (int)blockIdx.z;
  if (position >= job.step.context_lengths[sequence]) return;
  const device_kv &kv = job.kv;
  const int32_t *table =
      job.step.block_tables + (size_t)sequence * (size_t)job.step.blocks_per_sequence;
  size_t row = (size_t)(job.starts[sequence] + position);
  size_t at = (row * (size_t)kv.kv_heads + (size_t)head) * (size_t)kv.head_size;
  unsigned char *data = kv_head(kv, 0, table[position / kv.block_tokens], head);
  int slot = position % kv.block_tokens;
  kv_put(kv, data, slot, false, job.keys + at, (int)threadIdx.x);
  kv_put(kv, data, slot, true, job.values + at, (int)threadIdx.x);
}

// What the operator needs in device memory, one piece after the other.
struct attention_memory {
  unsigned char *data;
  size_t taken;
};

static void *cut(attention_memory *from, size_t bytes) {
  void *piece = from->data ? from->data + from->taken : NULL;
  from->taken += (bytes + 255) / 256 * 256;
  return piece;
}

// The step's words, and what is derived from them, as a view of device memory.
struct attention_pieces {
  int32_t *words;
  int32_t *derived; // positions, sequences of tokens; starts of sequences
  float *queries, *keys, *values, *output;
  void *workspace;
};

static attention_pieces lay_out(attention_memory *memory, const infer_step_header *h, size_t words,
                                size_t rows, int heads, int kv_heads, int head_size) {
  size_t tokens = (size_t)h->token_count, width = (size_t)heads * (size_t)head_size;
  size_t kv_bytes = rows * (size_t)kv_heads * (size_t)head_size * sizeof(float);
  attention_pieces p;
  p.words = (int32_t *)cut(memory, words * sizeof(int32_t));
  p.derived = (int32_t *)cut(memory, (2 * tokens + (size_t)h->sequence_count) * sizeof(int32_t));
  p.queries = (float *)cut(memory, tokens * width * sizeof(float));
  p.keys = (float *)cut(memory, kv_bytes);
  p.values = (float *)cut(memory, kv_bytes);
  p.output = (float *)cut(memory, tokens * width * sizeof(float));
  p.workspace = cut(memory, attend_workspace_bytes(head_size));
  return p;
}

static step_view view_of(const int32_t *step, const attention_pieces &p) {
  const infer_step_header *h = step_header(step);
  step_view view = {};
  view.tokens = h->token_count;
  view.sequences = h->sequence_count;
  view.blocks_per_sequence = h->blocks_per_sequence_max;
  view.block_tokens = h->block_tokens;
  for (int i = 0; i < h->sequence_count; i++) {
    int count = step[h->query_starts + i + 1] - step[h->query_starts + i];
    int context = step[h->context_lengths + i];
    if (count > view.query_max) view.query_max = count;
    if (context > view.context_max) view.context_max = context;
  }
  view.positions = p.derived;
  view.token_sequences = p.derived + h->token_count;
  view.query_starts = p.words + h->query_starts;
  view.context_lengths = p.words + h->context_lengths;
  view.block_tables = p.words + h->block_tables;
  return view;
}

// Rows of all contexts, and on the host what `attention_pieces.derived` holds.
static int32_t *derive(const int32_t *step, size_t *rows) {
  const infer_step_header *h = step_header(step);
  size_t tokens = (size_t)h->token_count;
  size_t count = 2 * tokens + (size_t)h->sequence_count + 1;
  int32_t *derived = (int32_t *)malloc(count * sizeof *derived);
  if (!derived) return NULL;
  step_positions(step, derived, derived + tokens);
  *rows = 0;
  for (int i = 0; i < h->sequence_count; i++) {
    derived[2 * tokens + (size_t)i] = (int32_t)*rows;
    *rows += (size_t)step[h->context_lengths + i];
  }
  return derived;
}

// Everything between the copies.
static cudaError_t run_kernels(const step_view &view, const attention_pieces &p,
                               const device_kv &kv, int heads, const run_place &place) {
  put_job put = {view, kv, p.keys, p.values, p.derived + 2 * view.tokens};
  dim3 grid((unsigned)view.context_max, (unsigned)view.sequences, (unsigned)kv.kv_heads);
  launch_shape shape = {grid, dim3(WARP_LANES), 0, place.stream, place.overlaps};
  RETURN_IF_FAILED(launch(shape, put_positions, put));
  attend_args attend = {};
  attend.step = view;
  attend.kv = kv;
  attend.heads = heads;
  attend.kv_heads = kv.kv_heads;
  attend.head_size = kv.head_size;
  attend.queries = p.queries;
  attend.query_stride = heads * kv.head_size;
  attend.output = p.output;
  attend.output_stride = attend.query_stride;
  attend.workspace = p.workspace;
  return attend_run(attend, place);
}

static cudaError_t copy_in(void *to, const void *from, size_t bytes, const run_place &place) {
  return cudaMemcpyAsync(to, from, bytes, cudaMemcpyHostToDevice, place.stream);
}

struct attention_input {
  const int32_t *step;
  size_t words;
  const int32_t *derived;
  size_t rows;
  const float *queries, *keys, *values;
  float *output;
};

static cudaError_t attend_once(const attention_input &in, const attention_pieces &p,
                               const device_kv &kv, int heads, const run_place &place) {
  const infer_step_header *h = step_header(in.step);
  step_view view = view_of(in.step, p);
  if (view.tokens == 0 || view.context_max == 0) return cudaSuccess;
  size_t tokens = (size_t)view.tokens, head_size = (size_t)kv.head_size;
  size_t kv_bytes = in.rows * (size_t)kv.kv_heads * head_size * sizeof(float);
  size_t bytes = tokens * (size_t)heads * head_size * sizeof(float);
  size_t derived = (2 * tokens + (size_t)h->sequence_count) * sizeof(int32_t);
  RETURN_IF_FAILED(copy_in(p.words, in.step, in.words * sizeof(int32_t), place));
  RETURN_IF_FAILED(copy_in(p.derived, in.derived, derived, place));
  RETURN_IF_FAILED(copy_in(p.queries, in.queries, bytes, place));
  RETURN_IF_FAILED(copy_in(p.keys, in.keys, kv_bytes, place));
  RETURN_IF_FAILED(copy_in(p.values, in.values, kv_bytes, place));
  RETURN_IF_FAILED(run_kernels(view, p, kv, heads, place));
  RETURN_IF_FAILED(
      cudaMemcpyAsync(in.output, p.output, bytes, cudaMemcpyDeviceToHost, place.stream));
  return cudaStreamSynchronize(place.stream);
}

static int32_t check_operator(infer_device *device, const int32_t *step, size_t words,
                              int32_t block_count, int heads, int kv_heads, int head_size) {
  if (heads < 1 || kv_heads < 1 || heads % kv_heads != 0 || head_size < 1 || head_size > 1024) {
    return fail(INFER_INVALID, "%d query heads of %d cannot share %d key-value heads", heads,
                head_size, kv_heads);
  }
  infer_context_config bounds = {};
  bounds.tokens_max = bounds.sequences_max = bounds.blocks_per_sequence_max = INT32_MAX;
  bool has_header = words >= sizeof(infer_step_header) / 4;
  bounds.block_tokens = has_header ? step_header(step)->block_tokens : 0;
  bounds.block_count = block_count;
  int32_t status = step_check(step, words, &bounds, INT32_MAX, INT32_MAX, 0);
  if (status) return status;
  if (bounds.block_tokens >= 1 && block_count >= 1) return device_check_idle(device);
  return fail(INFER_INVALID, "Cannot make %d blocks of %d", block_count, bounds.block_tokens);
}

int32_t infer_op_attention(infer_device *device, const int32_t *step, size_t words,
                           int32_t block_count, int32_t kv_type, int32_t heads, int32_t kv_heads,
                           int32_t head_size, const float *queries, const float *keys,
                           const float *values, float *output) {
  int32_t status = check_operator(device, step, words, block_count, heads, kv_heads, head_size);
  if (status) return status;
  size_t rows = 0;
  int32_t *derived = derive(step, &rows);
  if (!derived) return fail(INFER_NO_MEMORY, "Cannot keep the tokens of a step");
  device_kv kv;
  status = kv_create(&kv, kv_type, 1, kv_heads, head_size, step_header(step)->block_tokens,
                     block_count);
  attention_memory memory = {};
  lay_out(&memory, step_header(step), words, rows, heads, kv_heads, head_size);
  void *data = NULL;
  if (!status) status = device_allocate(&data, memory.taken, "an attention");
  if (!status) {
    memory = {(unsigned char *)data, 0};
    attention_pieces pieces =
        lay_out(&memory, step_header(step), words, rows, heads, kv_heads, head_size);
    attention_input in = {step, words, derived, rows, queries, keys, values, output};
    status = cuda_status(attend_once(in, pieces, kv, heads, device->place), "attend");
  }
  if (data) cudaFree(data);
  kv_free(&kv);
  free(derived);
  return status;
}
