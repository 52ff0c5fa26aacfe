// Copyright 2026 the Photon for Deno authors. Apache-2.0 license.
// Matrices from memory and from files, packed on the device while the next rows are read.
#ifndef INFER_CUDA_LOAD_CUH
#define INFER_CUDA_LOAD_CUH

#include "device.cuh"

// Where rows come from.
struct load_source {
  const matrix *into;
  int source_type;
  size_t row_bytes;
  int first_row; // in the matrix, of the source's first
  int rows;
  int pairs_of;  // see pack_args
  const unsigned char *values; // NULL: from a file
  const float *scales;         // NULL: none
  int file;
  int64_t offset;
};

// Packs all rows and waits for the end.
int32_t load_rows(infer_device *device, const load_source &source);

#endif
