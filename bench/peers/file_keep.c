// Copyright 2026 the Photon for Deno authors. Apache-2.0 license.
// Keeps files in the page cache until it is ended: kernels that look for memory which is not used
// (DAMON) do not count reads of files, and throw them out between two runs. Arguments: the files.
// Prints `listening 0` like a server once it has them, or why it has not.

#define _GNU_SOURCE
#include <fcntl.h>
#include <stdio.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

static int keep(const char *path) {
  struct stat status;
  int fd = open(path, O_RDONLY);
  if (fd < 0 || fstat(fd, &status) < 0) return -1;
  void *memory = mmap(NULL, status.st_size, PROT_READ, MAP_SHARED, fd, 0);
  return memory == MAP_FAILED ? -1 : mlock(memory, status.st_size);
}

int main(int count, char **paths) {
  for (int i = 1; i < count; i++) {
    if (keep(paths[i]) == 0) continue;
    perror(paths[i]);
    return 1;
  }
  puts("listening 0");
  fflush(stdout);
  pause();
}
