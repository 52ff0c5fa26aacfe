// Copyright 2026 the Photon for Deno authors. Apache-2.0 license.
// Operators and steps of models at random, again and again: nothing may fail, no number may be
// strange, and no device memory may be gone in the end. Linked with the library; see bench.sh.
//
//     random_steps [count] [seed]
#include <cuda_runtime.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <algorithm>
#include <vector>

#include "../draw.h"
#include "check.cuh"

// Everything is made anew after so many; memory is looked at then.
#define ROUND_STEPS 40

static uint32_t state;

static int random_to(int most) {
  state = state * 1664525u + 1013904223u;
  return (int)((state >> 8) % (uint32_t)(most + 1));
}

static std::vector<float> random_floats(size_t count) {
  std::vector<float> values(count);
  for (float &value : values) value = (float)random_to(2000) / 1000 - 1;
  return values;
}

static void check_finite(const std::vector<float> &values, const char *what) {
  for (float value : values) {
    if (isfinite(value)) continue;
    fprintf(stderr, "%s gave a number that is not finite\n", what);
    exit(1);
  }
}

// --- Operators ---

static void run_rows(infer_device *device) {
  int rows = 1 + random_to(4), width = 2 * (1 + random_to(150));
  size_t count = (size_t)rows * (size_t)width;
  std::vector<float> in = random_floats(count), weight = random_floats((size_t)width), out(count);
  check(infer_op_rms_norm(device, in.data(), weight.data(), rows, width, 1e-5f, out.data()),
        "norm");
  check(infer_op_swiglu(device, in.data(), out.data(), count, out.data()), "gate");
  std::vector<int32_t> positions((size_t)rows);
  for (int32_t &position : positions) position = random_to(100000);
  check(infer_op_rope(device, out.data(), positions.data(), rows, 1, width, weight.data(), 1),
        "turn");
  check_finite(out, "a row");
  int group = 32 << random_to(2);
  size_t groups = ((size_t)width + (size_t)group - 1) / (size_t)group * (size_t)rows;
  std::vector<int8_t> levels(groups * (size_t)group);
  std::vector<float> scales(groups);
  check(infer_op_quantize(device, in.data(), rows, width, group, levels.data(), scales.data()),
        "round");
}

static void run_product(infer_device *device) {
  static const int types[] = {INFER_F32, INFER_F16, INFER_BF16, INFER_INT8};
  int tokens = 1 + random_to(random_to(3) == 0 ? 150 : 12), rows = 1 + random_to(80);
  int columns = 1 + random_to(200), type = types[random_to(3)];
  std::vector<float> in = random_floats((size_t)(tokens * columns));
  std::vector<float> values = random_floats((size_t)(rows * columns));
  std::vector<float> out((size_t)(tokens * rows));
  check(infer_op_multiply(device, in.data(), tokens, type, 32 << random_to(2), rows, columns,
                          INFER_F32, values.data(), NULL, out.data()),
        "multiply");
  check_finite(out, "a product");
}

static void run_sample(infer_device *device) {
  int count = 1 + random_to(3000), token = -1;
  std::vector<float> logits = random_floats((size_t)count);
  infer_sampling how = {};
  how.temperature = (float)random_to(3) / 2;
  how.top_k = random_to(60);
  how.top_p = random_to(1) ? 1 : 0.8f;
  how.seed_low = state;
  check(infer_op_sample(device, logits.data(), count, &how, &token), "draw");
  if (token >= 0 && token < count) return;
  fprintf(stderr, "Token %d was drawn of %d\n", token, count);
  exit(1);
}

// --- Steps ---

// Sequences of a step: `tokens` of each come after `before`.
struct sequence {
  int before, tokens;
};

// Words of a step whose sequences have blocks of their own.
static std::vector<int32_t> make_step(const std::vector<sequence> &sequences, int block_tokens,
                                      int table, int vocabulary) {
  int tokens = 0, count = (int)sequences.size();
  for (const sequence &s : sequences) tokens += s.tokens;
  infer_step_header h = {};
  h.version = INFER_STEP_VERSION;
  h.sequence_count = h.logit_count = count;
  h.token_count = tokens;
  h.blocks_per_sequence_max = table;
  h.block_tokens = block_tokens;
  h.token_ids = (int)(sizeof h / sizeof(int32_t));
  h.query_starts = h.token_ids + tokens;
  h.context_lengths = h.query_starts + count + 1;
  h.logit_tokens = h.context_lengths + count;
  h.block_tables = h.logit_tokens + count;
  std::vector<int32_t> step((size_t)(h.block_tables + count * table));
  memcpy(step.data(), &h, sizeof h);
  for (int i = 0; i < tokens; i++) step[(size_t)(h.token_ids + i)] = random_to(vocabulary - 1);
  for (int i = 0, at = 0; i < count; i++) {
    at += sequences[(size_t)i].tokens;
    step[(size_t)(h.query_starts + i + 1)] = at;
    step[(size_t)(h.context_lengths + i)] = sequences[(size_t)i].before + sequences[(size_t)i].tokens;
    step[(size_t)(h.logit_tokens + i)] = at - 1;
    for (int b = 0; b < table; b++) step[(size_t)(h.block_tables + i * table + b)] = i * table + b;
  }
  return step;
}

static void run_attention(infer_device *device) {
  static const int types[] = {INFER_F32, INFER_F16, INFER_INT8, INFER_FP8};
  int kv_heads = 1 + random_to(2), shared = 1 << random_to(3), size = 2 * (1 + random_to(63));
  int block_tokens = 1 + random_to(15), longest = 0, rows = 0, tokens = 0;
  std::vector<sequence> sequences((size_t)(1 + random_to(3)));
  for (sequence &s : sequences) {
    s = {random_to(150), 1 + random_to(random_to(2) == 0 ? 40 : 2)};
    longest = std::max(longest, s.before + s.tokens);
    rows += s.before + s.tokens;
    tokens += s.tokens;
  }
  int table = (longest + block_tokens - 1) / block_tokens;
  std::vector<int32_t> step = make_step(sequences, block_tokens, table, 100);
  size_t width = (size_t)(kv_heads * size), queries = width * (size_t)(shared * tokens);
  std::vector<float> q = random_floats(queries), k = random_floats(width * (size_t)rows);
  std::vector<float> v = random_floats(width * (size_t)rows), out(queries);
  check(infer_op_attention(device, step.data(), step.size(), table * (int)sequences.size(),
                           types[random_to(3)], kv_heads * shared, kv_heads, size, q.data(),
                           k.data(), v.data(), out.data()),
        "attend");
  check_finite(out, "attention");
}

static void put(infer_model *model, int role, int layer, int type, int rows, int columns) {
  std::vector<float> values = random_floats((size_t)rows * (size_t)std::max(columns, 1));
  if (columns == 0) {
    check(infer_model_set_vector(model, role, layer, values.data(), rows), "set a vector");
    return;
  }
  check(infer_model_set_matrix(model, role, layer, type, 32), "make a matrix");
  check(infer_model_put_rows(model, role, layer, 0, rows, INFER_F32, values.data(), NULL),
        "put rows");
}

static infer_model *make_model(infer_device *device, const infer_model_config &c, int type) {
  infer_model *model;
  check(infer_model_create(device, &c, &model), "make a model");
  int queries = c.head_count * c.head_size, keys = c.kv_head_count * c.head_size;
  const int hidden = c.hidden_size, inner = c.intermediate_size;
  put(model, INFER_EMBEDDING, -1, type, c.vocabulary_size, hidden);
  put(model, INFER_FINAL_NORM, -1, type, hidden, 0);
  put(model, INFER_ROPE_FREQUENCIES, -1, type, c.head_size / 2, 0);
  for (int layer = 0; layer < c.layer_count; layer++) {
    const int shapes[][3] = {
        {INFER_ATTENTION_NORM, hidden, 0}, {INFER_QUERY, queries, hidden},
        {INFER_KEY, keys, hidden},         {INFER_VALUE, keys, hidden},
        {INFER_OUTPUT, hidden, queries},   {INFER_MLP_NORM, hidden, 0},
        {INFER_GATE, inner, hidden},       {INFER_UP, inner, hidden},
        {INFER_DOWN, hidden, inner},
    };
    for (const auto &shape : shapes) put(model, shape[0], layer, type, shape[1], shape[2]);
  }
  return model;
}

// Two calls on their way, of eight steps in a row, with all that rules and log probabilities need.
static void run_draws(infer_context *context, const std::vector<int32_t> &step, size_t rows) {
  const uint32_t mask[] = {~0u, ~0u, ~0u, ~0u};
  const int32_t tokens[] = {random_to(40), 41 + random_to(40)}, counts[] = {0, 1 + random_to(3)};
  const double values[] = {1.5, -2};
  infer_logit_lists lists = {mask, tokens, tokens, values, tokens, counts, 1, 2, 2, 2};
  std::vector<infer_draw> draws(rows);
  for (size_t i = 0; i < rows; i++) {
    infer_draw draw = {};
    draw.sampling.temperature = (float)random_to(2) / 2;
    draw.sampling.top_k = random_to(60);
    draw.sampling.top_p = random_to(1) ? 1 : 0.8f;
    draw.sampling.log_min_p = random_to(1) ? -INFINITY : -3;
    draw.sampling.seed_low = state;
    draw.rules.repetition = random_to(1) ? 1 : 1.25;
    draw.rules.mask = random_to(1) - 1;
    draw.rules.banned_end = random_to(2);
    draw.rules.bias_end = random_to(2);
    draw.rules.seen_end = random_to(2);
    draw.row = (int32_t)i;
    draw.logprobs = random_to(INFER_TOP_MAX + 1) - 1;
    draws[i] = draw;
  }
  std::vector<infer_drawn> results(rows * 8);
  for (int call = 0; call < 2; call++) {
    check(infer_cuda_draw(context, step.data(), step.size(), 8, draws.data(), (int32_t)rows,
                          &lists),
          "begin steps in a row");
  }
  for (int call = 0; call < 2; call++) {
    double us = 0;
    check(infer_cuda_drawn(context, results.data(), &us), "run steps in a row");
    for (const infer_drawn &one : results) {
      if (one.trouble == 0 && one.token >= 0 && one.token < 97) continue;
      fprintf(stderr, "Token %d was drawn, trouble %d\n", one.token, one.trouble);
      exit(1);
    }
  }
}

// A model, a context, and some steps of it: prompts, one token each, and many in a row.
static void run_model(infer_device *device) {
  static const int types[] = {INFER_F32, INFER_BF16, INFER_INT8};
  static const int kv_types[] = {INFER_F32, INFER_F16, INFER_INT8, INFER_FP8};
  const int block_tokens = 8, table = 24, sequences_max = 4;
  infer_model_config c = {64, 96, 2, 4, 2, 16, 97, 256, 1, 1e-5f, 1};
  infer_model *model = make_model(device, c, types[random_to(2)]);
  infer_context_config config = {160, sequences_max, table, block_tokens, table * sequences_max,
                                 kv_types[random_to(3)]};
  infer_context *context;
  check(infer_context_create(model, &config, &context), "make a context");
  for (int i = 0; i < 4; i++) {
    std::vector<sequence> sequences((size_t)(1 + random_to(sequences_max - 1)));
    bool is_decode = i > 1;
    for (sequence &s : sequences) s = {random_to(100), is_decode ? 1 : 1 + random_to(38)};
    std::vector<int32_t> step = make_step(sequences, block_tokens, table, c.vocabulary_size);
    size_t rows = sequences.size();
    std::vector<float> logits(rows * (size_t)c.vocabulary_size), states(rows * 64);
    check(infer_submit(context, step.data(), step.size(), logits.data(), states.data()), "submit");
    check(infer_wait(context), "run a step");
    check_finite(logits, "a step");
    if (!is_decode) continue;
    run_draws(context, step, rows);
  }
  const int32_t pairs[] = {0, 1, 2, 3};
  check(infer_copy_blocks(context, pairs, 2), "copy blocks");
  infer_context_destroy(context);
  infer_model_destroy(model);
}

static size_t free_bytes() {
  size_t free = 0, total = 0;
  cudaDeviceSynchronize();
  if (cudaMemGetInfo(&free, &total) != cudaSuccess) exit(1);
  return free;
}

int main(int count, char **words) {
  long steps = count > 1 ? atol(words[1]) : 100000;
  state = count > 2 ? (uint32_t)atol(words[2]) : 1;
  size_t first = 0, last = 0;
  for (long done = 0; done < steps;) {
    infer_device *device;
    check(infer_device_open(0, "", &device), "open the GPU");
    for (int i = 0; i < ROUND_STEPS && done < steps; i++, done++) {
      void (*const operators[])(infer_device *) = {run_rows, run_product, run_product, run_sample,
                                                   run_attention};
      if (i == ROUND_STEPS - 1) {
        run_model(device);
      } else {
        operators[random_to(4)](device);
      }
    }
    infer_device_close(device);
    last = free_bytes();
    // Kernels are loaded when they are first used: a tenth of all steps has used all of them.
    if (first == 0 || done * 10 <= steps) first = last;
  }
  printf("{\"random_steps\":%ld,\"free_bytes_before\":%zu,\"free_bytes_after\":%zu}\n", steps,
         first, last);
  return last >= first ? 0 : 1;
}
