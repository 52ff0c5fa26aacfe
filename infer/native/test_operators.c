// Copyright 2026 the Photon for Deno authors. Apache-2.0 license.
//
// Every call of infer.h under the address and undefined-behaviour sanitizers, on every instruction
// path, with odd sizes and memory of exactly the size that is said. What comes out is compared with
// sums as plain as can be. Prints "ok" at the end; anything wrong ends it.
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "infer.h"
#include "test_check.h"

static uint32_t state = 1;

static float random_float(void) {
  state = state * 1664525u + 1013904223u;
  return (float)state / 2147483648.0f - 1.0f;
}

static float *random_floats(size_t count) {
  float *values = malloc(count * sizeof *values);
  for (size_t i = 0; i < count; i++) values[i] = random_float();
  return values;
}

static void check_close(const float *actual, const float *expected, size_t count, double bound) {
  double difference = 0, size = 1e-30;
  for (size_t i = 0; i < count; i++) {
    difference += ((double)actual[i] - expected[i]) * ((double)actual[i] - expected[i]);
    size += (double)expected[i] * expected[i];
  }
  CHECK(sqrt(difference / size) <= bound);
}

static void test_rows(infer_device *device) {
  for (int width = 1; width < 70; width += 3) {
    size_t count = (size_t)width * 3;
    float *in = random_floats(count), *weight = random_floats((size_t)width);
    float *out = malloc(count * sizeof *out), *expected = malloc(count * sizeof *out);
    CHECK(!infer_op_rms_norm(device, in, weight, 3, width, 1e-5f, out));
    for (int row = 0; row < 3; row++) {
      double sum = 0;
      for (int i = 0; i < width; i++) sum += in[row * width + i] * in[row * width + i];
      double scale = 1 / sqrt(sum / width + 1e-5);
      for (int i = 0; i < width; i++) {
        expected[row * width + i] = (float)(in[row * width + i] * scale * weight[i]);
      }
    }
    check_close(out, expected, count, 1e-5);
    CHECK(!infer_op_swiglu(device, in, out, count, out));
    for (int group = 32; group <= 128; group *= 2) {
      size_t groups = ((size_t)width + (size_t)group - 1) / (size_t)group;
      int8_t *levels = malloc(3 * groups * (size_t)group);
      float *scales = malloc(3 * groups * sizeof *scales);
      CHECK(!infer_op_quantize(device, in, 3, width, group, levels, scales));
      for (int i = 0; i < width; i++) {
        float value = levels[(size_t)(i / group * group + i % group)] * scales[i / group];
        CHECK(fabsf(value - in[i]) <= scales[i / group]);
      }
      free(levels);
      free(scales);
    }
    free(in);
    free(weight);
    free(out);
    free(expected);
  }
  CHECK(infer_op_quantize(device, NULL, 1, 1, 31, NULL, NULL) == INFER_INVALID);
}

static void test_rope(infer_device *device) {
  const int32_t positions[] = {0, 5, 100000};
  for (int size = 2; size < 80; size += 6) {
    float *heads = random_floats((size_t)(3 * 2 * size));
    float *frequencies = random_floats((size_t)size / 2);
    CHECK(!infer_op_rope(device, heads, positions, 3, 2, size, frequencies, 1));
    free(heads);
    free(frequencies);
  }
  CHECK(infer_op_rope(device, NULL, positions, 1, 1, 3, NULL, 1) == INFER_INVALID);
}

static void test_product(infer_device *device, int tokens, int rows, int columns, int type) {
  float *in = random_floats((size_t)(tokens * columns));
  float *values = random_floats((size_t)(rows * columns));
  float *out = malloc((size_t)(tokens * rows) * sizeof *out);
  float *expected = malloc((size_t)(tokens * rows) * sizeof *out);
  for (int t = 0; t < tokens; t++) {
    for (int r = 0; r < rows; r++) {
      double sum = 0;
      for (int i = 0; i < columns; i++) sum += in[t * columns + i] * values[r * columns + i];
      expected[t * rows + r] = (float)sum;
    }
  }
  for (int group = 32; group <= 128; group *= 2) {
    CHECK(!infer_op_multiply(device, in, tokens, type, group, rows, columns, INFER_F32, values,
                             NULL, out));
    // Rounding to INT8, or to BF16; with few columns a sum may come out near 0.
    double bound = type == INFER_F32 ? 1e-5 : type == INFER_BF16 ? 1e-2 : 5e-2;
    check_close(out, expected, (size_t)(tokens * rows), bound);
  }
  free(in);
  free(values);
  free(out);
  free(expected);
}

static void test_multiply(infer_device *device) {
  const int types[] = {INFER_F32, INFER_BF16, INFER_INT8};
  for (int i = 0; i < 3; i++) {
    test_product(device, 1, 33, 64, types[i]);
    test_product(device, 2, 5, 97, types[i]);
    test_product(device, 7, 64, 130, types[i]);
    test_product(device, 13, 70, 33, types[i]);
    test_product(device, 200, 40, 600, types[i]);
  }
  float strange[64] = {NAN}, out[2];
  CHECK(infer_op_multiply(device, strange, 1, INFER_INT8, 32, 2, 32, INFER_F32, strange, NULL,
                          out) == INFER_INVALID);
}

// A step of two sequences: `first` tokens after 4, and one token after 9; blocks of 3.
enum { BLOCK = 3, TABLE = 5, SEQUENCES = 2, BLOCKS = 12 };

static int32_t *make_step(int first, size_t *words) {
  int tokens = first + 1;
  *words = 16 + (size_t)tokens + SEQUENCES + 1 + SEQUENCES + (size_t)tokens + SEQUENCES * TABLE;
  int32_t *step = calloc(*words, sizeof *step);
  infer_step_header *h = (infer_step_header *)step;
  *h = (infer_step_header){INFER_STEP_VERSION, SEQUENCES, tokens, tokens, TABLE, BLOCK, 16};
  h->query_starts = h->token_ids + tokens;
  h->context_lengths = h->query_starts + SEQUENCES + 1;
  h->logit_tokens = h->context_lengths + SEQUENCES;
  h->block_tables = h->logit_tokens + tokens;
  for (int i = 0; i < tokens; i++) step[h->token_ids + i] = i * 7 % 50;
  for (int i = 0; i < tokens; i++) step[h->logit_tokens + i] = i;
  step[h->query_starts + 1] = first;
  step[h->query_starts + 2] = tokens;
  step[h->context_lengths] = 4 + first;
  step[h->context_lengths + 1] = 10;
  for (int i = 0; i < SEQUENCES * TABLE; i++) step[h->block_tables + i] = (i * 5 + 3) % BLOCKS;
  return step;
}

static void test_attention(infer_device *device) {
  for (int type = 0; type <= INFER_FP8; type++) {
    if (type == INFER_BF16 || type == INFER_Q8_0) continue;
    for (int size = 2; size < 90; size += 17) {
      for (int first = 1; first <= 9; first += 4) {
        size_t words;
        int32_t *step = make_step(first, &words);
        size_t rows = (size_t)(4 + first + 10), width = (size_t)size * 2;
        float *queries = random_floats((size_t)(first + 1) * width * 3);
        float *keys = random_floats(rows * width), *values = random_floats(rows * width);
        float *out = malloc((size_t)(first + 1) * width * 3 * sizeof *out);
        CHECK(!infer_op_attention(device, step, words, BLOCKS, type, 6, 2, size, queries, keys,
                                  values, out));
        for (size_t i = 0; i < (size_t)(first + 1) * width * 3; i++) CHECK(fabsf(out[i]) <= 1.07f);
        CHECK(infer_op_attention(device, step, words - 1, BLOCKS, type, 6, 2, size, queries, keys,
                                 values, out) == INFER_INVALID);
        CHECK(infer_op_attention(device, step, words, 2, type, 6, 2, size, queries, keys, values,
                                 out) == INFER_INVALID);
        free(step);
        free(queries);
        free(keys);
        free(values);
        free(out);
      }
    }
  }
}

static void test_sample(infer_device *device) {
  for (int count = 1; count < 400; count += 37) {
    float *logits = random_floats((size_t)count);
    for (uint32_t i = 0; i < 64; i++) {
      infer_sampling s = {(float)(i % 4), (int32_t)(i % 5), i % 3 ? 0.7f : 1, i % 2 ? -1.6f : -INFINITY, i};
      int32_t token = -1;
      CHECK(!infer_op_sample(device, logits, count, &s, &token));
      CHECK(token >= 0 && token < count);
    }
    free(logits);
  }
}

static const infer_model_config CONFIG = {40, 70, 2, 6, 2, 6, 50, 64, 0, 1e-5f, 1};

// Sizes of a role's weight in CONFIG: rows, and columns or 0.
static void role_shape(int role, int *rows, int *columns) {
  static const int shapes[INFER_ROLES][2] = {
      {50, 40}, {40}, {50, 40}, {3}, {40}, {36, 40}, {12, 40}, {12, 40}, {36}, {12}, {12},
      {6}, {6}, {40, 36}, {40}, {40}, {70, 40}, {70, 40}, {40, 70}, {70}, {70}, {40}};
  *rows = shapes[role][0];
  *columns = shapes[role][1];
}

static void put_matrix(infer_model *model, int role, int layer, int type, int rows, int columns) {
  char path[] = "/tmp/infer_test_XXXXXX";
  CHECK(!infer_model_set_matrix(model, role, layer, type, 32));
  float *values = random_floats((size_t)(rows * columns));
  CHECK(!infer_model_put_rows(model, role, layer, 0, rows, INFER_F32, values, NULL));
  float *row = malloc((size_t)columns * sizeof *row), *again = malloc((size_t)columns * sizeof *row);
  CHECK(!infer_model_read_row(model, role, layer, rows - 1, row));
  // The same from a file; pairs only change the places of rows.
  int file = mkstemp(path);
  CHECK(file >= 0);
  size_t bytes = (size_t)(rows * columns) * sizeof *values;
  CHECK(write(file, values, bytes) == (ssize_t)bytes);
  close(file);
  CHECK(!infer_model_read_file(model, role, layer, path, 0, INFER_F32, 0));
  CHECK(!infer_model_read_row(model, role, layer, rows - 1, again));
  CHECK(memcmp(row, again, (size_t)columns * sizeof *row) == 0);
  if (role == INFER_QUERY || role == INFER_KEY) {
    CHECK(!infer_model_read_file(model, role, layer, path, 0, INFER_F32, 1));
  }
  CHECK(infer_model_read_file(model, role, layer, path, 8, INFER_F32, 0) == INFER_IO);
  // The same bytes as other numbers, some of which may not be any.
  int32_t status = infer_model_read_file(model, role, layer, path, 0, INFER_BF16, 0);
  CHECK(status == INFER_OK || status == INFER_INVALID);
  CHECK(!infer_model_read_file(model, role, layer, path, 0, INFER_F32, 0));
  unlink(path);
  CHECK(infer_model_read_file(model, role, layer, path, 0, INFER_F32, 0) == INFER_IO);
  free(values);
  free(row);
  free(again);
}

static infer_model *make_model(infer_device *device, int type) {
  infer_model *model;
  CHECK(!infer_model_create(device, &CONFIG, &model));
  infer_context *context;
  infer_context_config none = {8, 2, TABLE, BLOCK, BLOCKS, INFER_F32};
  CHECK(infer_context_create(model, &none, &context) == INFER_INVALID);
  for (int role = 0; role < INFER_ROLES; role++) {
    int rows, columns;
    role_shape(role, &rows, &columns);
    int isInLayer = role >= INFER_ATTENTION_NORM;
    for (int layer = isInLayer ? 0 : -1; layer < (isInLayer ? CONFIG.layer_count : 0); layer++) {
      if (columns) {
        put_matrix(model, role, layer, type, rows, columns);
        continue;
      }
      float *values = random_floats((size_t)rows);
      CHECK(!infer_model_set_vector(model, role, layer, values, rows));
      CHECK(infer_model_set_vector(model, role, layer, values, rows + 1) == INFER_INVALID);
      free(values);
    }
  }
  CHECK(infer_model_bytes(model) > 0);
  CHECK(infer_model_set_matrix(model, INFER_QUERY, 2, type, 32) == INFER_INVALID);
  CHECK(infer_model_set_matrix(model, INFER_QUERY_NORM, 0, type, 32) == INFER_INVALID);
  CHECK(infer_model_set_matrix(model, INFER_QUERY, 0, INFER_INT8, 31) == INFER_INVALID);
  CHECK(!infer_model_set_matrix(model, INFER_QUERY, 0, type, 32));
  put_matrix(model, INFER_QUERY, 0, type, 36, 40);
  return model;
}

static void test_steps(infer_device *device) {
  const int types[] = {INFER_F32, INFER_BF16, INFER_INT8, INFER_INT8};
  const int kv_types[] = {INFER_F32, INFER_F16, INFER_INT8, INFER_FP8};
  for (int i = 0; i < 4; i++) {
    infer_model *model = make_model(device, types[i]);
    infer_context *context;
    infer_context_config config = {10, 2, TABLE, BLOCK, BLOCKS, kv_types[i]};
    CHECK(!infer_context_create(model, &config, &context));
    for (int first = 1; first <= 9; first++) {
      size_t words, tokens = (size_t)first + 1;
      int32_t *step = make_step(first, &words);
      float *logits = malloc(tokens * 50 * sizeof *logits);
      float *states = malloc(tokens * 40 * sizeof *states);
      CHECK(!infer_submit(context, step, words, logits, states));
      CHECK(!infer_wait(context) && infer_idle(context));
      for (size_t at = 0; at < tokens * 50; at++) CHECK(isfinite(logits[at]));
      step[16] = 50;
      CHECK(infer_submit(context, step, words, logits, states) == INFER_INVALID);
      free(step);
      free(logits);
      free(states);
    }
    const int32_t pairs[] = {0, 1, 2, 2, 11, 0}, wrong[] = {0, 12};
    CHECK(!infer_copy_blocks(context, pairs, 3));
    CHECK(infer_copy_blocks(context, wrong, 1) == INFER_INVALID);
    infer_context_destroy(context);
    infer_model_destroy(model);
  }
}

int main(void) {
  const char *const paths[] = {"portable", "avx2", "vnni", ""};
  int opened = 0;
  CHECK(infer_abi_version() == INFER_ABI_VERSION);
  for (int i = 0; i < 4; i++) {
    infer_device *device;
    int32_t status = infer_device_open(3, paths[i], &device);
    // A library has some of the paths; "" is always one.
    if (status == INFER_UNSUPPORTED || (status == INFER_INVALID && *paths[i])) continue;
    CHECK(!status);
    opened++;
    char text[128];
    CHECK(infer_device_describe(device, text, sizeof text) > 0);
    printf("%s\n", text);
    test_rows(device);
    test_rope(device);
    test_multiply(device);
    test_attention(device);
    test_sample(device);
    test_steps(device);
    infer_device_close(device);
  }
  CHECK(opened > 0);
  infer_device *none;
  CHECK(infer_device_open(-1, "", &none) == INFER_INVALID);
  printf("ok\n");
  return 0;
}
