// Copyright 2026 the Photon for Deno authors. Apache-2.0 license.
// Attention row by row in F32: for keys and values in F32 and for heads that no tile takes. A block
// has one query head of one token; every thread scores one position of a chunk, then sums up its
// own numbers of the head.
#include "attend_plan.cuh"

#define ROW_BLOCK_THREADS 128
#define ROW_WARPS (ROW_BLOCK_THREADS / 32)
// Numbers of a head that a thread sums up; heads have at most 1024.
#define THREAD_NUMBERS 8

DEVICE_INLINE float kv_number(int type, const unsigned char *row, int at) {
  if (type == INFER_F32) return ((const float *)row)[at];
  if (type == INFER_F16) return __half2float(((const __half *)row)[at]);
  if (type == INFER_FP8) return e4m3_to_number(row[at]);
  return (float)((const int8_t *)row)[at];
}

// Over all threads of the block.
DEVICE_INLINE float block_max(float value, float *shared) {
  value = warp_max(value);
  __syncthreads();
  if (threadIdx.x % 32 == 0) shared[threadIdx.x / 32] = value;
  __syncthreads();
  float most = shared[0];
  for (int i = 1; i < ROW_WARPS; i++) most = fmaxf(most, shared[i]);
  return most;
}

// Where a position's keys lie.
DEVICE_INLINE unsigned char *position_head(const attend_args &args, const int32_t *table,
                                           int kv_head_index, int position) {
  int block = table[position / args.kv.block_tokens];
  return kv_head(args.kv, args.layer, block, kv_head_index);
}

DEVICE_INLINE float score_position(const attend_args &args, const float *query,
                                   unsigned char *head, int slot) {
  const unsigned char *row = head + (size_t)slot * (size_t)args.kv.row_bytes;
  float score = 0;
  for (int i = 0; i < args.head_size; i++) score += query[i] * kv_number(args.kv.type, row, i);
  return kv_has_scales(args.kv.type) ? score * kv_scales(args.kv, head)[slot] : score;
}

__global__ void __launch_bounds__(ROW_BLOCK_THREADS) attend_rows(attend_args args) {
  DYNAMIC_SHARED(raw);
  let_next_kernel_begin();
  wait_for_earlier_kernels();
  float *query = (float *)raw, *weights = query + args.head_size;
  float *largest_of = weights + ROW_BLOCK_THREADS;
  int token = (int)blockIdx.x, head = (int)blockIdx.y, thread = (int)threadIdx.x;
  int position = args.step.positions[token];
  if (position < 0) return;
  int kv_head_index = head / (args.heads / args.kv_heads), size = args.head_size;
  const device_kv &kv = args.kv;
  const int32_t *table =
      args.step.block_tables +
      (size_t)args.step.token_sequences[token] * (size_t)args.step.blocks_per_sequence;
  const float *from = args.queries + (size_t)token * (size_t)args.query_stride +
                      (size_t)(head * size);
  float scale = 1 / sqrtf((float)size);
  for (int i = thread; i < size; i += ROW_BLOCK_THREADS) query[i] = from[i] * scale;
  float largest = -INFINITY, total = 0, sums[THREAD_NUMBERS] = {};
  for (int begin = 0; begin <= position; begin += ROW_BLOCK_THREADS) {
    __syncthreads();
    int count = min(ROW_BLOCK_THREADS, position + 1 - begin), at = begin + thread;
    float score = -INFINITY;
    if (thread < count) {
      score = score_position(args, query, position_head(args, table, kv_head_index, at),
                             at % kv.block_tokens);
    }
    float most = fmaxf(largest, block_max(score, largest_of));
    weights[thread] = expf(score - most);
    __syncthreads();
    float shrink = expf(largest - most);
    total *= shrink;
    largest = most;
    for (int i = 0; i < THREAD_NUMBERS; i++) sums[i] *= shrink;
    for (int j = 0; j < count; j++) {
      int slot = (begin + j) % kv.block_tokens;
      unsigned char *data = position_head(args, table, kv_head_index, begin + j);
      const unsigned char *row = data + kv_values_offset(kv) + (size_t)slot * (size_t)kv.row_bytes;
      float weight = weights[j];
      total += weight;
      if (kv_has_scales(kv.type)) weight *= kv_scales(kv, data)[kv.block_tokens + slot];
#pragma unroll
      for (int i = 0; i < THREAD_NUMBERS; i++) {
        int number = thread + i * ROW_BLOCK_THREADS;
        if (number < size) sums[i] += weight * kv_number(kv.type, row, number);
      }
    }
  }
  float *output = args.output + (size_t)token * (size_t)args.output_stride + (size_t)(head * size);
#pragma unroll
  for (int i = 0; i < THREAD_NUMBERS; i++) {
    int number = thread + i * ROW_BLOCK_THREADS;
    if (number < size) output[number] = sums[i] / total;
  }
}

cudaError_t attend_rows_run(const attend_args &args, const run_place &place) {
  size_t floats = (size_t)(args.head_size + ROW_BLOCK_THREADS + ROW_WARPS);
  launch_shape shape = {dim3((unsigned)args.step.tokens, (unsigned)args.heads),
                        dim3(ROW_BLOCK_THREADS), floats * sizeof(float), place.stream,
                        place.overlaps};
  return launch(shape, attend_rows, args);
}
