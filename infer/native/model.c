// Copyright 2026 the Photon for Deno authors. Apache-2.0 license.
#include "model.h"

#include <stdlib.h>
#include <string.h>

#include "status.h"

// Sizes of weights in terms of a model's.
enum size { NONE, HIDDEN, INNER, QUERIES, KEYS, HEAD_SIZE, HALF_HEAD, VOCABULARY };

typedef struct {
  const char *name;
  enum size rows;
  enum size columns; // NONE: a vector
  int is_in_layer;
  int is_needed;
} role_info;

// Data: weights by role.
static const role_info ROLES[INFER_ROLES] = {
    [INFER_EMBEDDING] = {"embedding", VOCABULARY, HIDDEN, 0, 1},
    [INFER_FINAL_NORM] = {"final norm", HIDDEN, NONE, 0, 1},
    [INFER_HEAD] = {"head", VOCABULARY, HIDDEN, 0, 0},
    [INFER_ROPE_FREQUENCIES] = {"frequencies", HALF_HEAD, NONE, 0, 1},
    [INFER_ATTENTION_NORM] = {"attention norm", HIDDEN, NONE, 1, 1},
    [INFER_QUERY] = {"query", QUERIES, HIDDEN, 1, 1},
    [INFER_KEY] = {"key", KEYS, HIDDEN, 1, 1},
    [INFER_VALUE] = {"value", KEYS, HIDDEN, 1, 1},
    [INFER_QUERY_BIAS] = {"query bias", QUERIES, NONE, 1, 0},
    [INFER_KEY_BIAS] = {"key bias", KEYS, NONE, 1, 0},
    [INFER_VALUE_BIAS] = {"value bias", KEYS, NONE, 1, 0},
    [INFER_QUERY_NORM] = {"query norm", HEAD_SIZE, NONE, 1, 0},
    [INFER_KEY_NORM] = {"key norm", HEAD_SIZE, NONE, 1, 0},
    [INFER_OUTPUT] = {"output", HIDDEN, QUERIES, 1, 1},
    [INFER_OUTPUT_BIAS] = {"output bias", HIDDEN, NONE, 1, 0},
    [INFER_MLP_NORM] = {"mlp norm", HIDDEN, NONE, 1, 1},
    [INFER_GATE] = {"gate", INNER, HIDDEN, 1, 1},
    [INFER_UP] = {"up", INNER, HIDDEN, 1, 1},
    [INFER_DOWN] = {"down", HIDDEN, INNER, 1, 1},
    [INFER_GATE_BIAS] = {"gate bias", INNER, NONE, 1, 0},
    [INFER_UP_BIAS] = {"up bias", INNER, NONE, 1, 0},
    [INFER_DOWN_BIAS] = {"down bias", HIDDEN, NONE, 1, 0},
};

static int size_of(const infer_model_config *config, enum size size) {
  switch (size) {
    case HIDDEN:
      return config->hidden_size;
    case INNER:
      return config->intermediate_size;
    case QUERIES:
      return config->head_count * config->head_size;
    case KEYS:
      return config->kv_head_count * config->head_size;
    case HEAD_SIZE:
      return config->head_size;
    case HALF_HEAD:
      return config->head_size / 2;
    case VOCABULARY:
      return config->vocabulary_size;
    default:
      return 0;
  }
}

// Largest sizes, so that no product overflows; those of model_config.ts.
static int32_t check_config(const infer_model_config *c) {
  const struct {
    const char *name;
    int32_t value, most;
  } sizes[] = {
      {"hidden_size", c->hidden_size, 131072},
      {"intermediate_size", c->intermediate_size, 1048576},
      {"layer_count", c->layer_count, 1024},
      {"head_count", c->head_count, 4096},
      {"kv_head_count", c->kv_head_count, 4096},
      {"head_size", c->head_size, 1024},
      {"vocabulary_size", c->vocabulary_size, 4194304},
      {"context_tokens_max", c->context_tokens_max, 16777216},
  };
  for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
    if (sizes[i].value >= 1 && sizes[i].value <= sizes[i].most) continue;
    return fail(INFER_INVALID, "A model cannot have the %s %d", sizes[i].name, sizes[i].value);
  }
  if (c->head_size % 2 != 0) return fail(INFER_INVALID, "A head of %d has no pairs", c->head_size);
  if (c->head_count % c->kv_head_count != 0) {
    return fail(INFER_INVALID, "%d query heads cannot share %d key-value heads", c->head_count,
                c->kv_head_count);
  }
  return INFER_OK;
}

int model_rows(const infer_model *model, int32_t role) {
  return size_of(&model->whole, ROLES[role].rows);
}

static infer_model *create_part(infer_device *device, const infer_model_config *whole) {
  infer_model *made = calloc(1, sizeof *made);
  if (made) made->sets = calloc((size_t)whole->layer_count + 1, sizeof *made->sets);
  if (!made || !made->sets) {
    free(made);
    return NULL;
  }
  made->device = device;
  made->whole = *whole;
  made->config = shard_config(whole, device_shard(device));
  return made;
}

int32_t infer_model_create(infer_device *device, const infer_model_config *config,
                           infer_model **model) {
  *model = NULL;
  int32_t status = check_config(config);
  if (!status) status = shard_check(config, device_shard(device).count);
  if (status) return status;
  infer_model *first = NULL, **place = &first;
  for (infer_device *at = device; at; at = device_next(at), place = &(*place)->next) {
    *place = create_part(at, config);
    if (*place) continue;
    infer_model_destroy(first);
    return fail(INFER_NO_MEMORY, "Cannot make a model");
  }
  *model = first;
  return INFER_OK;
}

static void destroy_part(infer_model *part) {
  for (int set = 0; set <= part->config.layer_count; set++) {
    for (int role = 0; role < INFER_ROLES; role++) {
      matrix_free(&part->sets[set].matrices[role]);
      free(part->sets[set].vectors[role]);
    }
  }
  free(part->sets);
  free(part);
}

void infer_model_destroy(infer_model *model) {
  while (model) {
    infer_model *next = model->next;
    destroy_part(model);
    model = next;
  }
}

static span times(span span, int size) {
  span.begin *= size;
  span.count *= size;
  return span;
}

// What a part has of a dimension.
static span span_of(const infer_model *part, enum size size) {
  const infer_model_config *whole = &part->whole;
  shard shard = device_shard(part->device);
  switch (size) {
    case QUERIES:
      return times(shard_heads(whole, shard), whole->head_size);
    case KEYS:
      return times(shard_kv_heads(whole, shard), whole->head_size);
    case INNER:
      return shard_inner(whole, shard);
    case VOCABULARY:
      return shard_vocabulary(whole, shard);
    default:
      return (span){0, size_of(whole, size)};
  }
}

weight_cut model_cut(const infer_model *part, int32_t role) {
  const role_info *info = &ROLES[role];
  return (weight_cut){span_of(part, info->rows), span_of(part, info->columns),
                      size_of(&part->whole, info->columns)};
}

static int32_t check_role(const infer_model *model, int32_t role, int32_t layer, int isMatrix) {
  if (role < 0 || role >= INFER_ROLES || (ROLES[role].columns != NONE) != isMatrix) {
    return fail(INFER_INVALID, "There is no %s of role %d", isMatrix ? "matrix" : "vector", role);
  }
  int isThere = ROLES[role].is_in_layer ? layer >= 0 && layer < model->config.layer_count
                                        : layer == -1;
  if (isThere) return INFER_OK;
  return fail(INFER_INVALID, "There is no %s of layer %d", ROLES[role].name, layer);
}

static int32_t set_part(infer_model *part, int32_t role, int32_t layer, const float *values) {
  span span = span_of(part, ROLES[role].rows);
  float *copy = malloc((size_t)span.count * sizeof *copy);
  if (!copy) return fail(INFER_NO_MEMORY, "Cannot keep the %s", ROLES[role].name);
  memcpy(copy, values + span.begin, (size_t)span.count * sizeof *copy);
  float **place = &part->sets[layer + 1].vectors[role];
  free(*place);
  *place = copy;
  return INFER_OK;
}

int32_t infer_model_set_vector(infer_model *model, int32_t role, int32_t layer,
                               const float *values, int32_t size) {
  int32_t status = check_role(model, role, layer, 0);
  if (status) return status;
  int expected = size_of(&model->whole, ROLES[role].rows);
  if (size != expected) {
    return fail(INFER_INVALID, "The %s has %d numbers, not %d", ROLES[role].name, expected, size);
  }
  for (infer_model *part = model; part && !status; part = part->next) {
    int is_added_once = role == INFER_OUTPUT_BIAS || role == INFER_DOWN_BIAS;
    if (!is_added_once || part == model) status = set_part(part, role, layer, values);
  }
  return status;
}

// INT8 groups are rounded together, so they are not cut.
static int32_t check_borders(const infer_model *part, int32_t role, int32_t layer,
                             int32_t group_size) {
  span columns = model_cut(part, role).columns;
  if (columns.begin % group_size == 0) return INFER_OK;
  return fail(INFER_UNSUPPORTED,
              "Cannot cut the %s of layer %d among %d GPUs: column %d is within a group of %d",
              ROLES[role].name, layer, device_shard(part->device).count, columns.begin, group_size);
}

static int32_t make_part(infer_model *part, int32_t role, int32_t layer, int32_t type,
                         int32_t group_size) {
  weight_cut cut = model_cut(part, role);
  matrix made;
  device_enter(part->device);
  int32_t status = matrix_create(&made, type, group_size, cut.rows.count, cut.columns.count);
  if (status) return status;
  matrix *place = &part->sets[layer + 1].matrices[role];
  matrix_free(place);
  *place = made;
  return INFER_OK;
}

int32_t infer_model_set_matrix(infer_model *model, int32_t role, int32_t layer, int32_t type,
                               int32_t group_size) {
  int32_t status = check_role(model, role, layer, 1);
  for (infer_model *part = model; part && !status; part = part->next) {
    if (type == INFER_INT8 && group_size > 0) {
      status = check_borders(part, role, layer, group_size);
    }
    if (!status) status = make_part(part, role, layer, type, group_size);
  }
  device_enter(model->device);
  return status;
}

int32_t model_find_matrix(infer_model *model, int32_t role, int32_t layer, matrix **found) {
  int32_t status = check_role(model, role, layer, 1);
  if (status) return status;
  *found = &model->sets[layer + 1].matrices[role];
  if ((*found)->memory.data) return INFER_OK;
  return fail(INFER_INVALID, "The %s of layer %d is not set", ROLES[role].name, layer);
}

int32_t infer_model_read_row(infer_model *model, int32_t role, int32_t layer, int32_t row,
                             float *values) {
  matrix *matrix;
  int32_t status = model_find_matrix(model, role, layer, &matrix);
  if (status) return status;
  int rows = model_rows(model, role);
  if (row < 0 || row >= rows) return fail(INFER_INVALID, "There is no row %d of %d", row, rows);
  for (infer_model *part = model; part; part = part->next) {
    weight_cut cut = model_cut(part, role);
    if (row < cut.rows.begin || row >= cut.rows.begin + cut.rows.count) continue;
    matrix_read_row(&part->sets[layer + 1].matrices[role], row - cut.rows.begin,
                    values + cut.columns.begin);
  }
  return INFER_OK;
}

static size_t part_bytes(const infer_model *part) {
  size_t bytes = 0;
  for (int set = 0; set <= part->config.layer_count; set++) {
    for (int role = 0; role < INFER_ROLES; role++) {
      bytes += part->sets[set].matrices[role].memory.bytes;
      if (part->sets[set].vectors[role]) {
        bytes += (size_t)span_of(part, ROLES[role].rows).count * sizeof(float);
      }
    }
  }
  return bytes;
}

size_t infer_model_bytes(const infer_model *model) {
  size_t bytes = 0;
  for (; model; model = model->next) bytes += part_bytes(model);
  return bytes;
}

const matrix *model_head(const infer_model *model) {
  int role = model->config.tied_embeddings ? INFER_EMBEDDING : INFER_HEAD;
  return &model->sets[0].matrices[role];
}

// Matrices that share an input share its rounding.
static int32_t check_alike(const weight_set *set, int first, int other, int layer) {
  const matrix *a = &set->matrices[first], *b = &set->matrices[other];
  if (a->type == b->type && a->group_size == b->group_size) return INFER_OK;
  return fail(INFER_UNSUPPORTED, "The %s and the %s of layer %d are not of one type",
              ROLES[first].name, ROLES[other].name, layer);
}

int32_t model_check_complete(const infer_model *model) {
  for (int layer = -1; layer < model->config.layer_count; layer++) {
    const weight_set *set = model_layer(model, layer);
    for (int role = 0; role < INFER_ROLES; role++) {
      int isNeeded = ROLES[role].is_needed || (role == INFER_HEAD && !model->config.tied_embeddings);
      if (!isNeeded || ROLES[role].is_in_layer != (layer >= 0)) continue;
      if (set->vectors[role] || set->matrices[role].memory.data) continue;
      return fail(INFER_INVALID, "The %s of layer %d is not set", ROLES[role].name, layer);
    }
    if (layer < 0) continue;
    if (!set->vectors[INFER_QUERY_NORM] != !set->vectors[INFER_KEY_NORM]) {
      return fail(INFER_INVALID, "Layer %d has one of the query and the key norm", layer);
    }
    int32_t status = check_alike(set, INFER_QUERY, INFER_KEY, layer);
    if (!status) status = check_alike(set, INFER_QUERY, INFER_VALUE, layer);
    if (!status) status = check_alike(set, INFER_GATE, INFER_UP, layer);
    if (status) return status;
  }
  return INFER_OK;
}
