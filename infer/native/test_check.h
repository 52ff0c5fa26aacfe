// Copyright 2026 the Photon for Deno authors. Apache-2.0 license.
// How test programs in C end at the first thing that is wrong.
#ifndef INFER_TEST_CHECK_H
#define INFER_TEST_CHECK_H

#include <stdio.h>
#include <stdlib.h>

#include "infer.h"

#define CHECK(condition)                                                    \
  do {                                                                      \
    if (condition) break;                                                   \
    char text[512];                                                         \
    infer_error(text, sizeof text);                                         \
    fprintf(stderr, "%s:%d: %s (%s)\n", __FILE__, __LINE__, #condition, text); \
    exit(1);                                                                \
  } while (0)

#endif
