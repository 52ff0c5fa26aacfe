// Copyright 2026 the Photon for Deno authors. Apache-2.0 license.
// How programs that are linked with the library end when a call fails.
#ifndef INFER_CUDA_BENCH_CHECK_CUH
#define INFER_CUDA_BENCH_CHECK_CUH

#include <stdio.h>
#include <stdlib.h>

extern "C" {
#include "../../infer.h"
}

// `what` completes "Cannot ...".
static void check(int32_t status, const char *what) {
  if (status == INFER_OK) return;
  char text[512];
  infer_error(text, sizeof text);
  fprintf(stderr, "Cannot %s: %s\n", what, text);
  exit(1);
}

#endif
