// Copyright 2026 the Photon for Deno authors. Apache-2.0 license.
// Matrices from memory and from files, packed on the device while the next rows are read.
#ifndef INFER_CUDA_LOAD_CUH
#define INFER_CUDA_LOAD_CUH

#include "device.cuh"

// Where rows come from.
struct load_source {
  const matrix *into;
  int source_type;
  size_t row_bytes;    // of what the matrix has of a row
  size_t stride_bytes; // of a whole row: more where the matrix has some columns of it
  int first_row; // in the matrix, of the source's first
  int rows;
  int pairs_of;  // see pack_args
  const unsigned char *values; // NULL: from a file
  const float *scales;         // NULL: none
  size_t scale_stride;         // scales of a whole row
  int file;
  int64_t offset;
  weight_cut cut; // for messages
};

// Packs all rows and waits for the end.
int32_t load_rows(infer_device *device, const load_source &source);

#endif
