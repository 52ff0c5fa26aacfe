// Copyright 2026 the Photon for Deno authors. Apache-2.0 license.
#define _GNU_SOURCE
#include "memory.h"

#include <sys/mman.h>

#define PAGE ((size_t)4096)
#define HUGE_PAGE ((size_t)2 << 20)

memory_region memory_map(size_t bytes) {
  memory_region region = {0};
  // Not to whole huge pages: small matrices would waste half of them. What is left over at the end
  // is in small pages, or one huge page with the mapping behind it.
  size_t mapped = (bytes + PAGE) / PAGE * PAGE;
  void *data = mmap(NULL, mapped, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (data == MAP_FAILED) return region;
#ifdef MADV_HUGEPAGE
  // A wish: without it the memory is as good, only slower.
  if (mapped >= HUGE_PAGE) (void)madvise(data, mapped, MADV_HUGEPAGE);
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
