// Copyright 2026 the Photon for Deno authors. Apache-2.0 license.
#include "kv.cuh"

extern "C" {
#include "../status.h"
}

#define PIECE_BYTES 16
#define COPY_THREADS 128

static int number_bytes(int type) {
  return type == INFER_F32 ? 4 : type == INFER_F16 ? 2 : kv_has_scales(type) ? 1 : 0;
}

static size_t round_up(size_t bytes, size_t to) { return (bytes + to - 1) / to * to; }

int32_t kv_lay_out(device_kv *made, int type, int layers, int kv_heads, int head_size,
                   int block_tokens, int block_count) {
  *made = {};
  if (number_bytes(type) == 0) {
    return fail(INFER_UNSUPPORTED, "Cannot keep keys and values as type %d", type);
  }
  made->type = type;
  made->layers = layers;
  made->kv_heads = kv_heads;
  made->head_size = head_size;
  made->block_tokens = block_tokens;
  made->block_count = block_count;
  made->row_bytes = (int)round_up((size_t)head_size * (size_t)number_bytes(type), PIECE_BYTES);
  size_t bytes = 2 * (size_t)block_tokens * (size_t)made->row_bytes;
  if (kv_has_scales(type)) bytes += 2 * (size_t)block_tokens * sizeof(float);
  made->head_bytes = round_up(bytes, PIECE_BYTES);
  made->block_bytes = made->head_bytes * (size_t)kv_heads;
  return INFER_OK;
}

int32_t kv_create(device_kv *made, int type, int layers, int kv_heads, int head_size,
                  int block_tokens, int block_count) {
  int32_t status = kv_lay_out(made, type, layers, kv_heads, head_size, block_tokens, block_count);
  if (status) return status;
  size_t total = kv_bytes(*made);
  cudaError_t error = cudaMalloc((void **)&made->data, total);
  // What pads the rows must be 0, for it is multiplied.
  if (error == cudaSuccess) error = cudaMemset(made->data, 0, total);
  // The device's stream does not wait for the one that a memset is on.
  if (error == cudaSuccess) error = cudaDeviceSynchronize();
  if (error == cudaSuccess) return INFER_OK;
  kv_free(made);
  return fail(INFER_NO_MEMORY, "Cannot allocate %zu bytes for blocks: %s", total,
              cudaGetErrorString(error));
}

void kv_free(device_kv *kv) {
  if (kv->data) cudaFree(kv->data);
  kv->data = NULL;
}

struct copy_job {
  device_kv kv;
  const int32_t *pairs;
  int count;
};

// A thread copies one piece of every pair, in their order.
__global__ void __launch_bounds__(COPY_THREADS) copy_blocks(copy_job job) {
  let_next_kernel_begin();
  wait_for_earlier_kernels();
  size_t at = ((size_t)blockIdx.x * COPY_THREADS + threadIdx.x) * PIECE_BYTES;
  if (at >= job.kv.block_bytes) return;
  for (int i = 0; i < job.count; i++) {
    const unsigned char *from = kv_head(job.kv, (int)blockIdx.y, job.pairs[2 * i], 0);
    unsigned char *to = kv_head(job.kv, (int)blockIdx.y, job.pairs[2 * i + 1], 0);
    *(uint4 *)(to + at) = *(const uint4 *)(from + at);
  }
}

cudaError_t kv_copy_run(const device_kv &kv, const int32_t *pairs, int count,
                        const run_place &place) {
  if (count == 0) return cudaSuccess;
  size_t pieces = kv.block_bytes / PIECE_BYTES;
  unsigned blocks = (unsigned)((pieces + COPY_THREADS - 1) / COPY_THREADS);
  launch_shape shape = {dim3(blocks, (unsigned)kv.layers), dim3(COPY_THREADS), 0, place.stream,
                        place.overlaps};
  return launch(shape, copy_blocks, copy_job{kv, pairs, count});
}
