// Copyright 2026 the Photon for Deno authors. Apache-2.0 license.
// The weights of a model.
#ifndef INFER_MODEL_H
#define INFER_MODEL_H

#include "matrix.h"

// Weights of a layer, or those outside the layers, by role.
typedef struct {
  matrix matrices[INFER_ROLES];
  float *vectors[INFER_ROLES];
} weight_set;

struct infer_model {
  infer_device *device;
  infer_model_config config;
  weight_set *sets; // those outside the layers, then a set a layer
};

static inline const weight_set *model_layer(const infer_model *model, int layer) {
  return &model->sets[layer + 1];
}

// The output head: the embedding where the two are tied.
const matrix *model_head(const infer_model *model);

// Whether every weight is there and fits beside the others.
int32_t model_check_complete(const infer_model *model);

// The matrix of a role, which must have been made.
int32_t model_find_matrix(infer_model *model, int32_t role, int32_t layer, matrix **found);

#endif
