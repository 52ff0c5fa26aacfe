// Copyright 2026 the Photon for Deno authors. Apache-2.0 license.
// Times models of random weights on a GPU: decoding, and prompts. One JSON object a line. Linked
// with the library; see bench.sh.
//
//     cuda_speed [path] [f16|int8|fp8]     how the device computes, and keeps keys and values
#include <cuda_runtime.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <algorithm>
#include <chrono>
#include <string>
#include <vector>

#include "../draw.h"
#include "../intrinsics.cuh"
#include "check.cuh"

struct model_shape {
  const char *name;
  infer_model_config config;
};

// Data: hidden, intermediate, layers, heads, key-value heads, head, vocabulary, context, tied, ...
static const model_shape SHAPES[] = {
    {"llama-3.2-1b", {2048, 8192, 16, 32, 8, 64, 128256, 16384, 1, 1e-5f, 1}},
    {"qwen3-0.6b", {1024, 3072, 28, 16, 8, 128, 151936, 16384, 1, 1e-6f, 1}},
    {"qwen3-4b", {2560, 9728, 36, 32, 8, 128, 151936, 16384, 1, 1e-6f, 1}},
};

#define GROUP_SIZE 64
#define BLOCK_TOKENS 16
#define CONTEXT 512
#define REPEATS 5
#define PROMPT_MAX 8192
#define BATCH_MAX 256

static double seconds_now() {
  auto now = std::chrono::steady_clock::now().time_since_epoch();
  return std::chrono::duration<double>(now).count();
}

// Bytes a second that a copy within the device reads and writes together.
static double copy_bandwidth() {
  const size_t bytes = (size_t)2 << 30;
  void *from = NULL, *to = NULL;
  cudaEvent_t begin, end;
  float best = 1e9f, milliseconds;
  if (cudaMalloc(&from, bytes) != cudaSuccess || cudaMalloc(&to, bytes) != cudaSuccess) exit(1);
  cudaMemset(from, 1, bytes);
  cudaEventCreate(&begin);
  cudaEventCreate(&end);
  for (int i = 0; i < 2 * REPEATS; i++) {
    cudaEventRecord(begin);
    cudaMemcpyAsync(to, from, bytes, cudaMemcpyDeviceToDevice);
    cudaEventRecord(end);
    cudaEventSynchronize(end);
    cudaEventElapsedTime(&milliseconds, begin, end);
    best = std::min(best, milliseconds);
  }
  cudaFree(from);
  cudaFree(to);
  return 2.0 * (double)bytes / (best * 1e-3);
}

#define RATE_WARPS 8
#define RATE_BLOCKS 4 // of a multiprocessor
#define RATE_SUMS 8   // products that are on their way at a time
#define RATE_REPEATS 4096

// Multiplies tiles in registers: nothing but the tensor cores is waited for.
template <bool IS_INT8>
static __global__ void __launch_bounds__(32 * RATE_WARPS) rate_kernel(int *results) {
  int integers[RATE_SUMS][4] = {};
  float floats[RATE_SUMS][4] = {};
  const uint32_t a[4] = {threadIdx.x, blockIdx.x, 3, 4};
  for (int i = 0; i < RATE_REPEATS; i++) {
#pragma unroll
    for (int j = 0; j < RATE_SUMS; j++) {
      if (IS_INT8) {
        mma_s8(integers[j], a[0], a[1], a[2], a[3], a[0], a[1]);
      } else {
        mma_f16(floats[j], a, a[0], a[1]);
      }
    }
  }
  int sum = 0;
  for (int j = 0; j < RATE_SUMS; j++) sum += integers[j][0] + (int)floats[j][0];
  results[blockIdx.x * blockDim.x + threadIdx.x] = sum;
}

// Operations a second of tensor cores by mma instructions, in INT8 or F16.
template <bool IS_INT8>
static double matrix_rate() {
  cudaDeviceProp properties;
  if (cudaGetDeviceProperties(&properties, 0) != cudaSuccess) exit(1);
  unsigned blocks = RATE_BLOCKS * (unsigned)properties.multiProcessorCount;
  int *results = NULL;
  if (cudaMalloc(&results, blocks * 32 * RATE_WARPS * sizeof(int)) != cudaSuccess) exit(1);
  cudaEvent_t begin, end;
  cudaEventCreate(&begin);
  cudaEventCreate(&end);
  float best = 1e9f, milliseconds;
  for (int i = 0; i < 2 * REPEATS; i++) {
    cudaEventRecord(begin);
    rate_kernel<IS_INT8><<<blocks, 32 * RATE_WARPS>>>(results);
    cudaEventRecord(end);
    cudaEventSynchronize(end);
    cudaEventElapsedTime(&milliseconds, begin, end);
    best = std::min(best, milliseconds);
  }
  cudaFree(results);
  double tile = 2.0 * 16 * 8 * (IS_INT8 ? 32 : 16);
  return tile * RATE_SUMS * RATE_REPEATS * RATE_WARPS * blocks / (best * 1e-3);
}

static void put_matrix(infer_model *model, int role, int layer, int rows, int columns) {
  // The same thousand rows again and again: values do not change the time.
  const int piece = 1024;
  static std::vector<int8_t> levels;
  static std::vector<float> scales;
  levels.resize((size_t)piece * (size_t)columns);
  scales.assign((size_t)piece * (size_t)(columns / GROUP_SIZE), 2e-4f);
  for (size_t i = 0; i < levels.size(); i++) {
    levels[i] = (int8_t)((int)((i * 2654435761u >> 13) % 255) - 127);
  }
  check(infer_model_set_matrix(model, role, layer, INFER_INT8, GROUP_SIZE), "make a matrix");
  for (int row = 0; row < rows; row += piece) {
    int count = std::min(piece, rows - row);
    check(infer_model_put_rows(model, role, layer, row, count, INFER_INT8, levels.data(),
                               scales.data()),
          "put rows");
  }
}

static void put_vector(infer_model *model, int role, int layer, int size, float value) {
  std::vector<float> values((size_t)size, value);
  check(infer_model_set_vector(model, role, layer, values.data(), size), "set a vector");
}

static infer_model *make_model(infer_device *device, const infer_model_config &c) {
  infer_model *model;
  check(infer_model_create(device, &c, &model), "make a model");
  int queries = c.head_count * c.head_size, keys = c.kv_head_count * c.head_size;
  put_matrix(model, INFER_EMBEDDING, -1, c.vocabulary_size, c.hidden_size);
  put_vector(model, INFER_FINAL_NORM, -1, c.hidden_size, 1);
  put_vector(model, INFER_ROPE_FREQUENCIES, -1, c.head_size / 2, 0.01f);
  for (int layer = 0; layer < c.layer_count; layer++) {
    put_vector(model, INFER_ATTENTION_NORM, layer, c.hidden_size, 1);
    put_matrix(model, INFER_QUERY, layer, queries, c.hidden_size);
    put_matrix(model, INFER_KEY, layer, keys, c.hidden_size);
    put_matrix(model, INFER_VALUE, layer, keys, c.hidden_size);
    put_matrix(model, INFER_OUTPUT, layer, c.hidden_size, queries);
    put_vector(model, INFER_MLP_NORM, layer, c.hidden_size, 1);
    put_matrix(model, INFER_GATE, layer, c.intermediate_size, c.hidden_size);
    put_matrix(model, INFER_UP, layer, c.intermediate_size, c.hidden_size);
    put_matrix(model, INFER_DOWN, layer, c.hidden_size, c.intermediate_size);
  }
  return model;
}

// A step of so many sequences, each with `tokens` new ones after `before`; logits of the last.
static std::vector<int32_t> make_step(int sequences, int tokens, int before, int blocks) {
  int count = sequences * tokens, header = (int)(sizeof(infer_step_header) / sizeof(int32_t));
  infer_step_header h = {};
  h.version = INFER_STEP_VERSION;
  h.sequence_count = h.logit_count = sequences;
  h.token_count = count;
  h.blocks_per_sequence_max = blocks;
  h.block_tokens = BLOCK_TOKENS;
  h.token_ids = header;
  h.query_starts = h.token_ids + count;
  h.context_lengths = h.query_starts + sequences + 1;
  h.logit_tokens = h.context_lengths + sequences;
  h.block_tables = h.logit_tokens + sequences;
  std::vector<int32_t> step((size_t)(h.block_tables + sequences * blocks));
  memcpy(step.data(), &h, sizeof h);
  for (int i = 0; i < count; i++) step[(size_t)(h.token_ids + i)] = i % 1000;
  for (int i = 0; i <= sequences; i++) step[(size_t)(h.query_starts + i)] = i * tokens;
  for (int i = 0; i < sequences; i++) {
    step[(size_t)(h.context_lengths + i)] = before + tokens;
    step[(size_t)(h.logit_tokens + i)] = (i + 1) * tokens - 1;
    for (int b = 0; b < blocks; b++) {
      step[(size_t)(h.block_tables + i * blocks + b)] = i * blocks + b;
    }
  }
  return step;
}

static double median(std::vector<double> values) {
  std::sort(values.begin(), values.end());
  return values[values.size() / 2];
}

// `resident`: what PHOTON_INFER_RESIDENT is.
static void time_decode(infer_context *context, const model_shape &shape, double model_bytes,
                        double bandwidth, int batch, const char *resident) {
  const int steps = INFER_DRAW_STEPS_MAX;
  int blocks = (CONTEXT + steps) / BLOCK_TOKENS + 1;
  std::vector<int32_t> step = make_step(batch, 1, CONTEXT - 1, blocks);
  std::vector<infer_draw> draws((size_t)batch);
  for (int i = 0; i < batch; i++) {
    infer_draw draw = {};
    draw.sampling.top_p = 1;
    draw.rules.repetition = 1;
    draw.rules.mask = draw.logprobs = -1;
    draw.row = i;
    draws[(size_t)i] = draw;
  }
  std::vector<infer_drawn> results((size_t)(batch * steps));
  infer_logit_lists lists = {};
  double device_us = 0;
  std::vector<double> times;
  for (int i = 0; i <= REPEATS; i++) {
    double begin = seconds_now();
    check(infer_cuda_draw(context, step.data(), step.size(), steps, draws.data(), batch, &lists),
          "draw");
    check(infer_cuda_drawn(context, results.data(), &device_us), "draw");
    // The first makes the graph.
    if (i > 0) times.push_back((seconds_now() - begin) / steps);
  }
  double time = median(times);
  printf("{\"model\":\"%s\",\"decode\":%d,\"context\":%d,\"tokens_per_s\":%.0f,\"step_us\":%.1f,"
         "\"weights_percent_of_copy\":%.1f,\"resident\":\"%s\"}\n",
         shape.name, batch, CONTEXT, batch / time, time * 1e6,
         100 * model_bytes / time / bandwidth, resident);
  fflush(stdout);
}

static void time_prompt(infer_context *context, const model_shape &shape, double model_bytes,
                        const double rates[2], int tokens) {
  const infer_model_config &c = shape.config;
  std::vector<int32_t> step = make_step(1, tokens, 0, (tokens + BLOCK_TOKENS - 1) / BLOCK_TOKENS);
  std::vector<float> logits((size_t)c.vocabulary_size), states((size_t)c.hidden_size);
  std::vector<double> times;
  for (int i = 0; i <= REPEATS; i++) {
    double begin = seconds_now();
    check(infer_submit(context, step.data(), step.size(), logits.data(), states.data()), "submit");
    check(infer_wait(context), "run a prompt");
    if (i > 0) times.push_back(seconds_now() - begin);
  }
  double time = median(times);
  // A weight is a byte or so: two operations a token; the embedding counts for the last token only.
  double embedding = (double)c.vocabulary_size * c.hidden_size;
  double operations = 2 * (model_bytes - embedding) * tokens;
  printf("{\"model\":\"%s\",\"prompt\":%d,\"tokens_per_s\":%.0f,\"first_token_ms\":%.2f,"
         "\"tera_operations_per_s\":%.1f,\"percent_of_int8_rate\":%.1f,"
         "\"percent_of_f16_rate\":%.1f}\n",
         shape.name, tokens, tokens / time, time * 1e3, operations / time * 1e-12,
         100 * operations / time / rates[0], 100 * operations / time / rates[1]);
  fflush(stdout);
}

// A single sequence with one kernel a step, and with many.
static void time_resident(infer_model *model, const model_shape &shape, double model_bytes,
                          double bandwidth, int kv_type) {
  const char *chosen = getenv("PHOTON_INFER_RESIDENT");
  std::string before = chosen ? chosen : "";
  for (const char *use : {"never", "always"}) {
    setenv("PHOTON_INFER_RESIDENT", use, 1);
    int blocks = (CONTEXT + INFER_DRAW_STEPS_MAX) / BLOCK_TOKENS + 1;
    infer_context_config config = {1, 1, blocks, BLOCK_TOKENS, blocks, kv_type};
    infer_context *context;
    check(infer_context_create(model, &config, &context), "make a context");
    time_decode(context, shape, model_bytes, bandwidth, 1, use);
    infer_context_destroy(context);
  }
  if (chosen) {
    setenv("PHOTON_INFER_RESIDENT", before.c_str(), 1);
  } else {
    unsetenv("PHOTON_INFER_RESIDENT");
  }
}

// The type of keys and values of a name.
static int kv_type_of(const char *name) {
  static const struct {
    const char *name;
    int type;
  } types[] = {{"f16", INFER_F16}, {"int8", INFER_INT8}, {"fp8", INFER_FP8}};
  for (const auto &type : types) {
    if (strcmp(name, type.name) == 0) return type.type;
  }
  fprintf(stderr, "There are no keys and values in %s\n", name);
  exit(1);
}

int main(int count, char **words) {
  const char *path = count > 1 ? words[1] : "cuda", *kv = count > 2 ? words[2] : "f16";
  double bandwidth = copy_bandwidth();
  const double rates[2] = {matrix_rate<true>(), matrix_rate<false>()};
  infer_device *device;
  check(infer_device_open(0, path, &device), "open the GPU");
  char text[512];
  const char *products = getenv("PHOTON_INFER_CUBLASLT");
  infer_device_describe(device, text, sizeof text);
  printf("{\"device\":%s,\"copy_gb_per_s\":%.0f,\"int8_tera_operations_per_s\":%.0f,"
         "\"f16_tera_operations_per_s\":%.0f,\"kv\":\"%s\",\"cublasLt\":\"%s\"}\n",
         text, bandwidth * 1e-9, rates[0] * 1e-12, rates[1] * 1e-12, kv,
         products ? products : "measured");
  for (const model_shape &shape : SHAPES) {
    infer_model *model = make_model(device, shape.config);
    int blocks = (CONTEXT + INFER_DRAW_STEPS_MAX) / BLOCK_TOKENS + 1;
    infer_context_config config = {};
    config.tokens_max = PROMPT_MAX;
    config.sequences_max = BATCH_MAX;
    config.blocks_per_sequence_max = PROMPT_MAX / BLOCK_TOKENS;
    config.block_tokens = BLOCK_TOKENS;
    config.block_count = std::max(BATCH_MAX * blocks, PROMPT_MAX / BLOCK_TOKENS);
    config.kv_type = kv_type_of(kv);
    infer_context *context;
    check(infer_context_create(model, &config, &context), "make a context");
    double bytes = (double)infer_model_bytes(model);
    const char *resident = getenv("PHOTON_INFER_RESIDENT");
    for (int batch : {1, 4, 8, 16, 64, 256}) {
      time_decode(context, shape, bytes, bandwidth, batch, resident ? resident : "measured");
    }
    infer_device_describe(device, text, sizeof text);
    printf("{\"model\":\"%s\",\"device\":%s}\n", shape.name, text);
    for (int tokens : {100, 128, 512, 2048, 8192}) time_prompt(context, shape, bytes, rates, tokens);
    infer_context_destroy(context);
    time_resident(model, shape, bytes, bandwidth, config.kv_type);
    infer_model_destroy(model);
  }
  infer_device_close(device);
  return 0;
}
