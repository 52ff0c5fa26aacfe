// Copyright 2026 the Photon for Deno authors. Apache-2.0 license.
// Rows as they come from a file into the tiles of matrix.cuh, quantised on the way where the matrix
// is INT8: bit by bit as the CPU library does.
#ifndef INFER_CUDA_PACK_CUH
#define INFER_CUDA_PACK_CUH

#include "matrix.cuh"
#include "step_view.cuh"

struct pack_args {
  device_matrix matrix;
  const unsigned char *source; // rows one after the other
  size_t row_bytes;
  int source_type;      // F32, F16, BF16, INT8 with `scales`, or Q8_0
  const float *scales;  // INT8: [rows][groups]
  int first_row;        // in the matrix, of the source's first
  int rows;
  int pairs_of;         // rows of a head whose pairs become halves; 0: none
  // The lowest number, in the source and from the matrix's first row on, that begins a group with a
  // number that cannot be; all ones: none.
  unsigned long long *strange;
};

cudaError_t pack_run(const pack_args &args, const run_place &place);

// One row of a matrix as F32 [columns].
cudaError_t unpack_row(const device_matrix &matrix, int row, float *host_values);

#endif
