// Copyright 2026 the Photon for Deno authors. Apache-2.0 license.
// Multiplications that all threads do together.
#ifndef INFER_MULTIPLY_H
#define INFER_MULTIPLY_H

#include "context.h"

// What becomes of the product.
enum product { PRODUCT_STORED, PRODUCT_ADDED };

typedef struct {
  const matrix *matrix;
  const float *bias; // NULL for none
  float *output;     // of the first token
  size_t stride;     // numbers from a token to the next
} multiplication;

// Several matrices by one input. Ends without a barrier.
void multiply_all(worker *self, const kernels *kernels, const input *in, int tokens,
                  const multiplication *jobs, int count, enum product product,
                  thread_scratch *scratch);

// silu(gate) * up into `output`, the gate's. Ends without a barrier.
void multiply_gated(worker *self, const kernels *kernels, const input *in, int tokens,
                    const multiplication *gate, const multiplication *up, thread_scratch *scratch);

#endif
