// Copyright 2026 the Photon for Deno authors. Apache-2.0 license.
// Large zeroed memory.
#ifndef INFER_MEMORY_H
#define INFER_MEMORY_H

#include <stddef.h>

typedef struct {
  unsigned char *data;
  size_t bytes;
} memory_region;

// Maps zeroed memory, in huge pages where the kernel gives them: weights are streamed, and a page of
// 4 KiB every 64 cache lines costs a walk. NULL data when there is none.
memory_region memory_map(size_t bytes);

void memory_unmap(memory_region *region);

#endif
