// Copyright 2026 the Photon for Deno authors. Apache-2.0 license.
// Steps of one token as one kernel and as many, of random models with rows as wide as real ones:
// the same numbers, to the bit. Linked with the library; see bench.sh.
//
//     resident_steps [models] [seed]
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <vector>

#include "check.cuh"

#define USE_VARIABLE "PHOTON_INFER_RESIDENT"
#define BLOCK_TOKENS 16
#define TABLE 20
#define CONTEXT_MAX (BLOCK_TOKENS * TABLE)
#define STEPS 3

static uint32_t state;

static int random_to(int most) {
  state = state * 1664525u + 1013904223u;
  return (int)((state >> 8) % (uint32_t)(most + 1));
}

// Random numbers of about so much.
static std::vector<float> random_floats(size_t count, float size) {
  std::vector<float> values(count);
  for (float &value : values) value = ((float)random_to(2000) / 1000 - 1) * size;
  return values;
}

static void put_vector(infer_model *model, int role, int layer, int size, float mean) {
  std::vector<float> values = random_floats((size_t)size, 0.2f);
  for (float &value : values) value += mean;
  check(infer_model_set_vector(model, role, layer, values.data(), size), "set a vector");
}

// Weights in one type and groups of one size.
struct weight_kind {
  int type, group_size;
};

static void put_matrix(infer_model *model, int role, int layer, const weight_kind &kind, int rows,
                       int columns) {
  std::vector<float> values =
      random_floats((size_t)rows * (size_t)columns, 2 / sqrtf((float)columns));
  check(infer_model_set_matrix(model, role, layer, kind.type, kind.group_size), "make a matrix");
  check(infer_model_put_rows(model, role, layer, 0, rows, INFER_F32, values.data(), NULL),
        "put rows");
}

static infer_model *make_model(infer_device *device, const infer_model_config &c,
                               const weight_kind &kind) {
  infer_model *model;
  check(infer_model_create(device, &c, &model), "make a model");
  const int hidden = c.hidden_size, inner = c.intermediate_size;
  int queries = c.head_count * c.head_size, keys = c.kv_head_count * c.head_size;
  bool has_biases = random_to(1), has_head_norms = random_to(1);
  put_matrix(model, INFER_EMBEDDING, -1, kind, c.vocabulary_size, hidden);
  if (!c.tied_embeddings) put_matrix(model, INFER_HEAD, -1, kind, c.vocabulary_size, hidden);
  put_vector(model, INFER_FINAL_NORM, -1, hidden, 1);
  put_vector(model, INFER_ROPE_FREQUENCIES, -1, c.head_size / 2, 0.3f);
  for (int layer = 0; layer < c.layer_count; layer++) {
    const struct {
      int matrix, bias, rows, columns;
    } products[] = {
        {INFER_QUERY, INFER_QUERY_BIAS, queries, hidden},
        {INFER_KEY, INFER_KEY_BIAS, keys, hidden},
        {INFER_VALUE, INFER_VALUE_BIAS, keys, hidden},
        {INFER_OUTPUT, INFER_OUTPUT_BIAS, hidden, queries},
        {INFER_GATE, INFER_GATE_BIAS, inner, hidden},
        {INFER_UP, INFER_UP_BIAS, inner, hidden},
        {INFER_DOWN, INFER_DOWN_BIAS, hidden, inner},
    };
    for (const auto &product : products) {
      put_matrix(model, product.matrix, layer, kind, product.rows, product.columns);
      if (has_biases) put_vector(model, product.bias, layer, product.rows, 0);
    }
    put_vector(model, INFER_ATTENTION_NORM, layer, hidden, 1);
    put_vector(model, INFER_MLP_NORM, layer, hidden, 1);
    if (!has_head_norms) continue;
    put_vector(model, INFER_QUERY_NORM, layer, c.head_size, 1);
    put_vector(model, INFER_KEY_NORM, layer, c.head_size, 1);
  }
  return model;
}

// A step of one sequence: tokens from `before` on; logits of the last.
static std::vector<int32_t> make_step(const std::vector<int32_t> &tokens, int before,
                                      const std::vector<int32_t> &blocks) {
  int count = (int)tokens.size();
  infer_step_header h = {};
  h.version = INFER_STEP_VERSION;
  h.sequence_count = h.logit_count = 1;
  h.token_count = count;
  h.blocks_per_sequence_max = TABLE;
  h.block_tokens = BLOCK_TOKENS;
  h.token_ids = (int)(sizeof h / sizeof(int32_t));
  h.query_starts = h.token_ids + count;
  h.context_lengths = h.query_starts + 2;
  h.logit_tokens = h.context_lengths + 1;
  h.block_tables = h.logit_tokens + 1;
  std::vector<int32_t> step((size_t)(h.block_tables + TABLE));
  memcpy(step.data(), &h, sizeof h);
  memcpy(&step[(size_t)h.token_ids], tokens.data(), tokens.size() * sizeof(int32_t));
  step[(size_t)h.query_starts + 1] = count;
  step[(size_t)h.context_lengths] = before + count;
  step[(size_t)h.logit_tokens] = count - 1;
  memcpy(&step[(size_t)h.block_tables], blocks.data(), TABLE * sizeof(int32_t));
  return step;
}

// A prompt, then steps of one token; states and logits of those.
static std::vector<float> run_steps(infer_model *model, const infer_model_config &c, int kv_type,
                                    const std::vector<int32_t> &tokens,
                                    const std::vector<int32_t> &blocks, const char *use) {
  setenv(USE_VARIABLE, use, 1);
  infer_context_config config = {CONTEXT_MAX, 1, TABLE, BLOCK_TOKENS, TABLE, kv_type};
  infer_context *context;
  check(infer_context_create(model, &config, &context), "make a context");
  size_t vocabulary = (size_t)c.vocabulary_size, hidden = (size_t)c.hidden_size;
  std::vector<float> outputs;
  int prompt = (int)tokens.size() - STEPS;
  for (int at = 0; at < (int)tokens.size();) {
    int count = at == 0 ? prompt : 1;
    std::vector<int32_t> part(tokens.begin() + at, tokens.begin() + at + count);
    std::vector<int32_t> step = make_step(part, at, blocks);
    std::vector<float> output(vocabulary + hidden);
    check(infer_submit(context, step.data(), step.size(), output.data(),
                       output.data() + vocabulary),
          "submit");
    check(infer_wait(context), "run a step");
    at += count;
    outputs.insert(outputs.end(), output.begin(), output.end());
  }
  infer_context_destroy(context);
  return outputs;
}

static void compare(infer_device *device) {
  static const weight_kind kinds[] = {{INFER_INT8, 32}, {INFER_INT8, 64}, {INFER_INT8, 128},
                                      {INFER_BF16, 0},  {INFER_F16, 0}};
  static const int kv_types[] = {INFER_F16, INFER_INT8, INFER_FP8};
  // Longer contexts for narrower rows: what is slow on the emulation.
  static const int inners[] = {96, 1100, 4224}, contexts[] = {CONTEXT_MAX - STEPS - 1, 90, 9};
  static const int heads[] = {16, 40, 64, 96, 128};
  infer_model_config c = {};
  int width = random_to(2);
  c.hidden_size = 64 + 4 * random_to(40);
  c.intermediate_size = inners[width];
  c.layer_count = 1 + random_to(1);
  c.kv_head_count = 1 + random_to(2);
  c.head_count = c.kv_head_count * (1 + random_to(4));
  c.head_size = heads[random_to(4)];
  c.vocabulary_size = 33 + random_to(500);
  c.context_tokens_max = CONTEXT_MAX;
  c.tied_embeddings = random_to(1);
  c.norm_epsilon = 1e-5f;
  c.rope_scale = 1;
  weight_kind kind = kinds[random_to(4)];
  int kv_type = kv_types[random_to(2)];
  infer_model *model = make_model(device, c, kind);
  std::vector<int32_t> tokens((size_t)(1 + STEPS + random_to(contexts[width])));
  for (int32_t &token : tokens) token = random_to(c.vocabulary_size - 1);
  std::vector<int32_t> blocks(TABLE);
  for (int i = 0; i < TABLE; i++) blocks[(size_t)i] = (7 * i + 3) % TABLE;
  std::vector<float> plain = run_steps(model, c, kv_type, tokens, blocks, "never");
  std::vector<float> resident = run_steps(model, c, kv_type, tokens, blocks, "always");
  char text[512];
  infer_device_describe(device, text, sizeof text);
  infer_model_destroy(model);
  for (size_t i = 0; i < plain.size(); i++) {
    if (isfinite(plain[i]) && memcmp(&plain[i], &resident[i], sizeof(float)) == 0) continue;
    fprintf(stderr,
            "Number %zu is %g, not %g: weights %d in groups of %d, keys and values %d, hidden %d, "
            "inner %d, %d heads of %d for %d, context %zu, %s\n",
            i, (double)resident[i], (double)plain[i], kind.type, kind.group_size, kv_type,
            c.hidden_size, c.intermediate_size, c.head_count, c.head_size, c.kv_head_count,
            tokens.size(), text);
    exit(1);
  }
  if (strstr(text, "\"resident\":\"always\"")) return;
  fprintf(stderr, "No step was one kernel: %s\n", text);
  exit(1);
}

int main(int count, char **words) {
  int models = count > 1 ? atoi(words[1]) : 100;
  state = count > 2 ? (uint32_t)atol(words[2]) : 1;
  infer_device *device;
  check(infer_device_open(0, "", &device), "open the GPU");
  for (int i = 0; i < models; i++) compare(device);
  infer_device_close(device);
  printf("{\"resident_models\":%d}\n", models);
  return 0;
}
