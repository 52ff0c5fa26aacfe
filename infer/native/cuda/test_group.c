// Copyright 2026 the Photon for Deno authors. Apache-2.0 license.
//
// A model on several GPUs beside the same on one, under the address and undefined-behaviour
// sanitizers, on the emulation of GPUs: weights from every kind of source land where they belong,
// steps give the same logits, steps in a row the same tokens. GPUs meet through the host, and by
// NCCL where PHOTON_INFER_NCCL_LIBRARY names one. Prints "ok" at the end; anything wrong ends it.
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "../infer.h"
#include "../test_check.h"
#include "draw.h"
#include "group.h"

enum { HIDDEN = 64, INNER = 224, HEADS = 4, KV_HEADS = 2, HEAD = 32, VOCABULARY = 51 };
enum { QUERIES = HEADS * HEAD, KEYS = KV_HEADS * HEAD, GROUP = 32, STEPS = 5 };
enum { BLOCK = 4, TABLE = 6, BLOCKS = 24, SEQUENCES = 3, TOKENS = 12, HEADER = 16 };

static const infer_model_config CONFIG = {HIDDEN, INNER, 2, HEADS, KV_HEADS, HEAD, VOCABULARY,
                                          64, 0, 1e-5f, 1};

// Data: rows, and columns or 0, by role.
static const int SHAPES[INFER_ROLES][2] = {
    {VOCABULARY, HIDDEN}, {HIDDEN, 0}, {VOCABULARY, HIDDEN}, {HEAD / 2, 0}, {HIDDEN, 0},
    {QUERIES, HIDDEN}, {KEYS, HIDDEN}, {KEYS, HIDDEN}, {QUERIES, 0}, {KEYS, 0}, {KEYS, 0},
    {HEAD, 0}, {HEAD, 0}, {HIDDEN, QUERIES}, {HIDDEN, 0}, {HIDDEN, 0},
    {INNER, HIDDEN}, {INNER, HIDDEN}, {HIDDEN, INNER}, {INNER, 0}, {INNER, 0}, {HIDDEN, 0}};

// How weights come.
typedef struct {
  int type;
  int source;
  int is_file;
  int pairs;
} origin;

// Data: kinds of sources.
static const origin ORIGINS[] = {
    {INFER_F32, INFER_F32, 0, 0},  {INFER_INT8, INFER_F32, 0, 0}, {INFER_INT8, INFER_INT8, 0, 0},
    {INFER_BF16, INFER_F32, 1, 0}, {INFER_INT8, INFER_Q8_0, 1, 1}, {INFER_INT8, INFER_F32, 1, 1},
};

static uint32_t state = 1;

static float random_float(void) {
  state = state * 1664525u + 1013904223u;
  return ((float)state / 2147483648.0f - 1.0f) * 0.2f;
}

static void *allocate(size_t bytes) {
  void *data = malloc(bytes);
  CHECK(data);
  return data;
}

// Numbers of a matrix as a source has them; for Q8_0 scales are halves of 2^-8.
static unsigned char *make_values(int source, size_t count, size_t *bytes) {
  if (source == INFER_F32) {
    float *values = allocate(*bytes = count * sizeof *values);
    for (size_t i = 0; i < count; i++) values[i] = random_float();
    return (unsigned char *)values;
  }
  size_t unit = source == INFER_Q8_0 ? 34 : 32, at = 0;
  unsigned char *values = allocate(*bytes = count / 32 * unit);
  while (at < *bytes) {
    if (source == INFER_Q8_0) {
      values[at++] = 0;
      values[at++] = 0x14;
    }
    for (int i = 0; i < 32; i++) values[at++] = (unsigned char)(int)(random_float() * 500);
  }
  return values;
}

static int write_file(char *path, const void *values, size_t bytes) {
  int file = mkstemp(path);
  CHECK(file >= 0 && write(file, "0123456", 7) == 7);
  CHECK(write(file, values, bytes) == (ssize_t)bytes);
  return close(file);
}

static void load_matrix(infer_model **models, int role, int layer, const origin *from) {
  int rows = SHAPES[role][0], columns = SHAPES[role][1];
  size_t count = (size_t)rows * (size_t)columns, bytes, groups = count / GROUP;
  unsigned char *values = make_values(from->source, count, &bytes);
  float *scales = allocate(groups * sizeof *scales);
  for (size_t i = 0; i < groups; i++) scales[i] = 0.001f + fabsf(random_float()) / 100;
  char path[] = "/tmp/infer_group_XXXXXX";
  CHECK(!write_file(path, values, bytes));
  for (int i = 0; i < 2; i++) {
    infer_model *model = models[i];
    CHECK(!infer_model_set_matrix(model, role, layer, from->type, GROUP));
    if (from->is_file) {
      int pairs = from->pairs && (role == INFER_QUERY || role == INFER_KEY);
      CHECK(!infer_model_read_file(model, role, layer, path, 7, from->source, pairs));
      CHECK(infer_model_read_file(model, role, layer, path, 11, from->source, pairs) == INFER_IO);
      CHECK(!infer_model_read_file(model, role, layer, path, 7, from->source, pairs));
      continue;
    }
    // In two calls.
    size_t half = 32 * bytes / (size_t)rows;
    const float *own = from->source == INFER_INT8 ? scales : NULL;
    const float *rest = own ? own + 32 * columns / GROUP : NULL;
    CHECK(!infer_model_put_rows(model, role, layer, 0, 32, from->source, values, own));
    CHECK(!infer_model_put_rows(model, role, layer, 32, rows - 32, from->source, values + half,
                                rest));
  }
  unlink(path);
  free(values);
  free(scales);
}

// What lies where in the whole model is the same.
static void check_rows(infer_model **models, int role, int layer) {
  int rows = SHAPES[role][0], columns = SHAPES[role][1];
  size_t bytes = (size_t)columns * sizeof(float);
  float *one = allocate(bytes), *several = allocate(bytes);
  for (int row = 0; row < rows; row++) {
    memset(several, 0xff, bytes);
    CHECK(!infer_model_read_row(models[0], role, layer, row, one));
    CHECK(!infer_model_read_row(models[1], role, layer, row, several));
    CHECK(memcmp(one, several, bytes) == 0);
  }
  CHECK(infer_model_read_row(models[1], role, layer, rows, several) == INFER_INVALID);
  free(one);
  free(several);
}

static void load_models(infer_model **models, const origin *from) {
  for (int role = 0; role < INFER_ROLES; role++) {
    int rows = SHAPES[role][0], is_in_layer = role >= INFER_ATTENTION_NORM;
    for (int layer = is_in_layer ? 0 : -1; layer < (is_in_layer ? CONFIG.layer_count : 0); layer++) {
      if (SHAPES[role][1]) {
        load_matrix(models, role, layer, from);
        check_rows(models, role, layer);
        continue;
      }
      size_t bytes;
      float *values = (float *)make_values(INFER_F32, (size_t)rows, &bytes);
      for (int i = 0; i < rows && role == INFER_FINAL_NORM; i++) values[i] += 1;
      for (int i = 0; i < 2; i++) {
        CHECK(!infer_model_set_vector(models[i], role, layer, values, rows));
      }
      free(values);
    }
  }
}

// Sequences of some tokens each, after `before` that are there already.
static int32_t *make_step(int tokens, int before, int first_token, size_t *words) {
  int all = SEQUENCES * tokens, at = HEADER;
  *words = (size_t)(HEADER + 2 * all + 2 * SEQUENCES + 1 + SEQUENCES * TABLE);
  int32_t *step = allocate(*words * sizeof *step);
  infer_step_header header = {INFER_STEP_VERSION, SEQUENCES, all, all, TABLE, BLOCK, 0, 0, 0, 0, 0,
                              {0}};
  header.token_ids = at;
  for (int i = 0; i < all; i++) step[at++] = (first_token + 11 * i) % VOCABULARY;
  header.query_starts = at;
  for (int i = 0; i <= SEQUENCES; i++) step[at++] = i * tokens;
  header.context_lengths = at;
  for (int i = 0; i < SEQUENCES; i++) step[at++] = before + tokens;
  header.logit_tokens = at;
  for (int i = 0; i < all; i++) step[at++] = i;
  header.block_tables = at;
  for (int i = 0; i < SEQUENCES * TABLE; i++) step[at++] = (i * 7 + 3) % BLOCKS;
  memcpy(step, &header, sizeof header);
  return step;
}

static float *run_step(infer_context *context, int tokens, int before) {
  size_t words, rows = (size_t)(SEQUENCES * tokens);
  int32_t *step = make_step(tokens, before, 5, &words);
  float *logits = allocate(rows * VOCABULARY * sizeof *logits);
  float *states = allocate(rows * HIDDEN * sizeof *states);
  CHECK(!infer_submit(context, step, words, logits, states));
  CHECK(!infer_wait(context) && infer_idle(context));
  free(step);
  free(states);
  return logits;
}

static void check_close(const float *actual, const float *expected, size_t count, double bound) {
  double difference = 0, size = 1e-30;
  for (size_t i = 0; i < count; i++) {
    difference += ((double)actual[i] - expected[i]) * ((double)actual[i] - expected[i]);
    size += (double)expected[i] * expected[i];
  }
  if (!(sqrt(difference / size) <= bound)) fprintf(stderr, "off by %g\n", sqrt(difference / size));
  CHECK(sqrt(difference / size) <= bound);
}

static void compare_steps(infer_context **contexts, double bound) {
  const int steps[][2] = {{4, 0}, {1, 4}, {1, 5}, {1, 6}, {3, 7}};
  for (size_t i = 0; i < sizeof steps / sizeof *steps; i++) {
    float *one = run_step(contexts[0], steps[i][0], steps[i][1]);
    float *several = run_step(contexts[1], steps[i][0], steps[i][1]);
    check_close(several, one, (size_t)(SEQUENCES * steps[i][0] * VOCABULARY), bound);
    free(one);
    free(several);
    const int32_t pairs[] = {3, 0, 0, 3};
    for (int j = 0; j < 2; j++) CHECK(!infer_copy_blocks(contexts[j], pairs, 2));
  }
}

// Steps in a row, and then those that go on with what they have chosen, without the host.
static void draw_tokens(infer_context *context, infer_drawn *drawn) {
  const infer_sampling sampling[SEQUENCES] = {{0, 0, 1, 0, 1, 2, 3, 0},
                                              {1, 20, 0.9f, -9, 7, 1, 9, 0},
                                              {2, 0, 1, -2, 5, 5, 0, 0}};
  infer_draw draws[SEQUENCES];
  const infer_logit_lists lists = {.mask_count = 0};
  memset(draws, 0, sizeof draws);
  for (int i = 0; i < SEQUENCES; i++) {
    draws[i].sampling = sampling[i];
    draws[i].rules.repetition = 1;
    draws[i].rules.mask = -1;
    draws[i].row = i;
    draws[i].logprobs = 2;
  }
  size_t words;
  int32_t *step = make_step(1, 10, 9, &words);
  CHECK(!infer_cuda_draw(context, step, words, STEPS, draws, SEQUENCES, &lists));
  free(step);
  step = make_step(1, 10 + STEPS, 0, &words);
  for (int i = 0; i < SEQUENCES; i++) step[HEADER + i] = -1 - i;
  CHECK(!infer_cuda_draw(context, step, words, 1, draws, SEQUENCES, &lists));
  free(step);
  double device_us;
  CHECK(!infer_cuda_drawn(context, drawn, &device_us));
  CHECK(!infer_cuda_drawn(context, drawn + STEPS * SEQUENCES, &device_us));
}

static void compare_drawn(infer_context **contexts) {
  infer_drawn drawn[2][(STEPS + 1) * SEQUENCES];
  for (int i = 0; i < 2; i++) draw_tokens(contexts[i], drawn[i]);
  for (int i = 0; i < (STEPS + 1) * SEQUENCES; i++) {
    const infer_drawn *one = &drawn[0][i], *several = &drawn[1][i];
    CHECK(one->trouble == INFER_NO_TROUBLE && several->trouble == INFER_NO_TROUBLE);
    CHECK(one->token == several->token && one->top_tokens[0] == several->top_tokens[0]);
    CHECK(fabs(one->log_sum - several->log_sum) < 1e-4);
  }
}

static void test_models(infer_device **devices, const origin *from) {
  infer_model *models[2];
  infer_context *contexts[2];
  infer_context_config config = {TOKENS, SEQUENCES, TABLE, BLOCK, BLOCKS, INFER_F32};
  for (int i = 0; i < 2; i++) {
    CHECK(!infer_model_create(devices[i], &CONFIG, &models[i]));
    infer_context *none;
    CHECK(infer_context_create(models[i], &config, &none) == INFER_INVALID && !none);
  }
  load_models(models, from);
  for (int i = 0; i < 2; i++) CHECK(!infer_context_create(models[i], &config, &contexts[i]));
  // Where inputs are rounded one may lie half-way between two levels.
  compare_steps(contexts, from->type == INFER_F32 ? 1e-5 : from->type == INFER_BF16 ? 1e-4 : 2e-2);
  if (from->type == INFER_F32) compare_drawn(contexts);
  for (int i = 0; i < 2; i++) {
    infer_context_destroy(contexts[i]);
    infer_model_destroy(models[i]);
  }
}

static void test_group(const char *communicator, int count, const char *path, size_t origins) {
  infer_device *devices[2];
  CHECK(!infer_device_open(0, path, &devices[0]));
  CHECK(!infer_cuda_open_group(count, communicator, path, &devices[1]));
  char text[1024];
  CHECK(infer_device_describe(devices[1], text, sizeof text) > 0);
  printf("%s\n", text);
  infer_model *none;
  infer_model_config odd = CONFIG;
  odd.head_count = odd.kv_head_count = 3;
  CHECK(infer_model_create(devices[1], &odd, &none) == INFER_INVALID && !none);
  for (size_t i = 0; i < origins; i++) test_models(devices, &ORIGINS[i]);
  for (int i = 0; i < 2; i++) infer_device_close(devices[i]);
}

int main(void) {
  size_t all = sizeof ORIGINS / sizeof *ORIGINS;
  test_group("host", 2, "", all);
  test_group("host", 4, "deterministic", all);
  test_group("host", 4, "eager", 1);
  if (getenv("PHOTON_INFER_NCCL_LIBRARY")) {
    test_group("nccl", 4, "", 2);
    test_group("nccl", 2, "deterministic", 2);
  }
  printf("ok\n");
  return 0;
}
