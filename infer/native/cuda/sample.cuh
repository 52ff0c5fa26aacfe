// Copyright 2026 the Photon for Deno authors. Apache-2.0 license.
// Draws a token for each row of logits, as sample.c does: temperature, then min_p, top_k and top_p,
// then the largest of logit plus noise (Gumbel). The noise comes from Philox4x32-10 (Salmon et al.
// 2011) with the seed as key and (position, token) as counter: that of the processor.
#ifndef INFER_CUDA_SAMPLE_CUH
#define INFER_CUDA_SAMPLE_CUH

extern "C" {
#include "../infer.h"
}
#include "step_view.cuh"

// How a row's token is drawn.
struct sample_row {
  infer_sampling sampling;
  float log_min_p; // of the processor, so that the bound is the same; -INFINITY without min_p
};

struct sample_result {
  int32_t token;
  int32_t strange; // the first token whose logit is not a finite number; -1: none
};

struct sample_args {
  const float *logits; // [rows][vocabulary]
  const sample_row *how; // [rows]
  sample_result *results; // [rows]
  int rows;
  int vocabulary;
};

cudaError_t sample_run(const sample_args &args, const run_place &place);

#endif
