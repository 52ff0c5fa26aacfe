// Copyright 2026 the Photon for Deno authors. Apache-2.0 license.
// The weights of a model.
#ifndef INFER_MODEL_H
#define INFER_MODEL_H

#include "matrix.h"
#include "shard.h"

// Weights of a layer, or those outside the layers, by role.
typedef struct {
  matrix matrices[INFER_ROLES];
  float *vectors[INFER_ROLES];
} weight_set;

struct infer_model {
  infer_device *device;
  infer_model_config config; // of this part, where several devices compute a model together
  infer_model_config whole;
  weight_set *sets;  // those outside the layers, then a set a layer
  infer_model *next; // the next device's part, or NULL
};

// Which rows and columns of a matrix a part has.
typedef struct {
  span rows;
  span columns;
  int whole_columns;
} weight_cut;

weight_cut model_cut(const infer_model *part, int32_t role);

// Rows of a matrix, those of all parts.
int model_rows(const infer_model *model, int32_t role);

static inline const weight_set *model_layer(const infer_model *model, int layer) {
  return &model->sets[layer + 1];
}

// The output head: the embedding where the two are tied.
const matrix *model_head(const infer_model *model);

// Whether every weight is there and fits beside the others.
int32_t model_check_complete(const infer_model *model);

// The matrix of a role, which must have been made.
int32_t model_find_matrix(infer_model *model, int32_t role, int32_t layer, matrix **found);

// --- What model.c asks of a kind of device ---

shard device_shard(const infer_device *device);

// The next of the devices that compute a model together, or NULL.
infer_device *device_next(const infer_device *device);

// Makes it the one that calls of this thread are for.
void device_enter(const infer_device *device);

#endif
