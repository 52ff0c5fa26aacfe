// Copyright 2026 the Photon for Deno authors. Apache-2.0 license.
#ifndef INFER_CUDA_LOGIT_RULES_CUH
#define INFER_CUDA_LOGIT_RULES_CUH

#include "logit_rules.h"
#include "step_view.cuh"

struct logit_rules_args {
  float *logits; // [rows][vocabulary]
  int rows;
  int vocabulary;
  const infer_logit_rules *rules; // [rows]
  infer_logit_lists lists;        // in device memory
  float *log_sums;                // [rows]
};

cudaError_t logit_rules_run(const logit_rules_args &args, const run_place &place);

#endif
