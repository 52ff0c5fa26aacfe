// Copyright 2026 the Photon for Deno authors. Apache-2.0 license.
// The text behind a status.
#ifndef INFER_STATUS_H
#define INFER_STATUS_H

#include "infer.h"

// Keeps a text for `infer_error` and returns the status.
__attribute__((format(printf, 2, 3))) int32_t fail(int32_t status, const char *format, ...);

#endif
