// Copyright 2026 the Photon for Deno authors. Apache-2.0 license.
#define _GNU_SOURCE
#include "memory.h"

#include <sys/mman.h>

#define HUGE_PAGE ((size_t)2 << 20)

memory_region memory_map(size_t bytes) {
  memory_region region = {0};
  if (bytes == 0) bytes = 1;
  int isHuge = bytes >= HUGE_PAGE;
  size_t mapped = isHuge ? (bytes + HUGE_PAGE - 1) / HUGE_PAGE * HUGE_PAGE : bytes;
  void *data = mmap(NULL, mapped, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (data == MAP_FAILED) return region;
#ifdef MADV_HUGEPAGE
  // A wish: without it the memory is as good, only slower.
  if (isHuge) (void)madvise(data, mapped, MADV_HUGEPAGE);
#endif
  region.data = data;
  region.bytes = mapped;
  return region;
}

void memory_unmap(memory_region *region) {
  if (region->data) munmap(region->data, region->bytes);
  region->data = NULL;
  region->bytes = 0;
}
