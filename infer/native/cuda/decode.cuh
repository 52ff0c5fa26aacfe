// Copyright 2026 the Photon for Deno authors. Apache-2.0 license.
// Steps that follow each other without the host.
#ifndef INFER_CUDA_DECODE_CUH
#define INFER_CUDA_DECODE_CUH

#include "sample.cuh"
#include "step_view.cuh"

// What a context keeps for them; all but `pinned_*` in device memory.
struct decode_room {
  sample_row *how;        // [sequences]
  sample_result *results; // [sequences]
  int32_t *tokens;        // [INFER_DECODE_STEPS_MAX][sequences]
  int32_t *steps_done;    // one
  sample_row *pinned_how;
  int32_t *pinned_tokens;
};

struct advance_args {
  step_view step;
  decode_room room;
};

// Makes what was drawn the next step's tokens.
cudaError_t advance_run(const advance_args &args, const run_place &place);

#endif
