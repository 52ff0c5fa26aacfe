// Copyright 2026 the Photon for Deno authors. Apache-2.0 license.
// Weights as they come from outside, for every kind of device.
#ifndef INFER_SOURCE_H
#define INFER_SOURCE_H

#include "matrix.h"

// Q8_0 in files: | F16 scale | 32 levels |, again and again.
#define Q8_GROUP 32
#define Q8_BYTES (Q8_GROUP + 2)

// Bytes of a number; 0 for those that come in groups with their scale.
size_t source_bytes(int source_type);

// Whether a matrix can be made of numbers of this type, from a file or from memory.
int32_t source_check(const matrix *matrix, int32_t source_type, int is_file);

#endif
